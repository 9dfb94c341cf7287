"""The messages between control and engine: small frozen values, carried by `engine/link` and `engine/host`.

Stations have a small number on the link. Ticks are steps of 20 ms of the tick clock; media times are samples at 48 kHz.
"""

from dataclasses import dataclass

from rtc_drift.engine.protocol.plays import Play


@dataclass(frozen=True, slots=True)
class OpenStation:
    """To the engine: create a station. It stands at media time 0 until a `SetClock`."""

    station: int
    bitrate: int
    """Bit rate of Opus, in bits per second."""


@dataclass(frozen=True, slots=True)
class SetClock:
    """To the engine: the block of `tick` has the media time `media_time`; without a tick, media time stands there.

    While media time runs the pair never changes, so a restarted engine goes on at the right place. While it stands, the
    decks of the station decode, and nothing is rendered.
    """

    station: int
    media_time: int
    tick: int | None


@dataclass(frozen=True, slots=True)
class CloseStation:
    """To the engine: end a station and free its resources."""

    station: int


@dataclass(frozen=True, slots=True)
class SetPlays:
    """To the engine: all plays of a station, in place of those sent before. A play keeps its deck by its id."""

    station: int
    plays: tuple[Play, ...]


@dataclass(frozen=True, slots=True)
class Subscribe:
    """To the engine: the media of a station that is needed from now on."""

    station: int
    packets: bool = False
    """True if control needs the Opus packets."""
    pcm: bool = False
    """True if control needs the PCM blocks."""
    grouped: bool = False
    """True if media may come in groups, at about their time, because all readers are patient: fewer wake-ups."""
    rtp: bool = False
    """True if the engine has listeners of its own (`AddListener`) to send each packet to at its tick."""


@dataclass(frozen=True, slots=True)
class AddSocket:
    """To the engine: a UDP socket to send from. It travels beside the link, as a file descriptor."""

    number: int
    fd: int
    """The descriptor in control; the engine gets another number for it."""


@dataclass(frozen=True, slots=True)
class RemoveSocket:
    """To the engine: a UDP socket to close. No listener uses it any more."""

    number: int


@dataclass(frozen=True, slots=True)
class AddDecoder:
    """To the engine: a socket to a new decoder, in place of the last one. It travels as that of `AddSocket` does."""

    fd: int


@dataclass(frozen=True, slots=True)
class DecoderDied:
    """To the engine: the decoder has died. Another one will come."""

    crashed: bool
    """True if it ended by itself; False if it was killed."""


@dataclass(frozen=True, slots=True)
class AddListener:
    """To the engine: send a station's packets to one more listener, from the next tick on.

    The index of a packet (its sequence number and roll-over count) is its tick plus `index_offset`. So a restarted
    engine goes on at the right index, and never uses an index twice.
    """

    station: int
    listener: int
    """Number of the listener, never used again while control runs."""
    socket: int
    address: tuple[str, int]
    ssrc: int
    payload_type: int
    extension: str
    """Header extension block of every packet, in hex: 4 bytes and a multiple of 4, or empty."""
    index_offset: int
    timestamp_offset: int
    """RTP timestamp of media time 0."""
    profile: int
    """SRTP profile, by libsrtp's number."""
    key: str
    """Master key and salt of SRTP, in hex."""
    sent: tuple[int, int, int] = (0, 0, 0)
    """Totals sent before, by another engine or from another socket: packets, octets, packets dropped."""


@dataclass(frozen=True, slots=True)
class MoveListener:
    """To the engine: a listener has another address."""

    station: int
    listener: int
    socket: int
    address: tuple[str, int]


@dataclass(frozen=True, slots=True)
class RemoveListener:
    """To the engine: a listener has left."""

    station: int
    listener: int


@dataclass(frozen=True, slots=True)
class Resend:
    """To the engine: a listener has missed packets and needs them again."""

    station: int
    listener: int
    sequence_numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Packet:
    """To control: one Opus packet, 20 ms, stereo, the audio of `media_time` to `media_time + 960`."""

    station: int
    media_time: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Pcm:
    """To control: the same 20 ms as `(960, 2)` interleaved little-endian s16."""

    station: int
    media_time: int
    data: bytes


@dataclass(frozen=True, slots=True)
class DeckReady:
    """To control: the first samples of a play are decoded."""

    station: int
    play: int


@dataclass(frozen=True, slots=True)
class DeckFailed:
    """To control: a play has no sound from the file's sample `position` on (may lie in the future), and the reason."""

    station: int
    play: int
    position: int
    reason: str
    stalled: bool = False
    """True if the file could not be read in time, which does not mean that it is damaged."""
    of_lead: bool = False
    """True if only the stretched intro failed: the play goes on in the track's own file."""


@dataclass(frozen=True, slots=True)
class Health:
    """To control, once a second: the punctuality of the ticks since the last report, and totals."""

    late_us: tuple[int, ...]
    """Lateness of each tick's start, in microseconds."""
    work_us: tuple[int, ...]
    """Duration of each tick, in microseconds."""
    skipped_ticks: int
    """Ticks left out because the process was delayed for longer than it can catch up."""
    starved_blocks: int
    """Blocks for which a deck had too little decoded, in total."""
    dropped_messages: int
    """Media messages dropped because control read too slowly, in total."""
    cpu_seconds: float
    """CPU time of the engine process since its start."""
    tick: int
    """The latest tick."""


@dataclass(frozen=True, slots=True)
class SentCounts:
    """To control, once a second: the totals that every listener of the engine was sent."""

    data: bytes
    """`(n, 4)` little-endian u32: listener, packets, payload octets, packets dropped; all modulo 2³²."""


ToCore = OpenStation | SetClock | CloseStation | SetPlays | Subscribe
ToFanout = AddListener | MoveListener | RemoveListener | Resend
ToEngine = ToCore | ToFanout | AddSocket | RemoveSocket | AddDecoder | DecoderDied
StationMessage = Packet | Pcm | DeckReady | DeckFailed
ToControl = StationMessage | Health | SentCounts
Message = ToEngine | ToControl
