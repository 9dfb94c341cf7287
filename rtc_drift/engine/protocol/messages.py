"""What control and engine say to each other. Small frozen values; the link (`engine/link.py`) carries them.

Sessions go by a small number on the link; ticks are 20 ms steps of the engine's schedule, media times are samples.
"""

from dataclasses import dataclass

from rtc_drift.engine.protocol.plays import Play


@dataclass(frozen=True, slots=True)
class OpenStation:
    """To the engine: get a programme ready. It stands at media time 0 until `SetClock` says otherwise."""

    station: int
    bitrate: int
    """Of Opus, in bits per second."""


@dataclass(frozen=True, slots=True)
class SetClock:
    """To the engine: the block for `tick` has the media time `media_time`; without a tick the programme stands there.

    While a programme runs the pair never changes, so an engine started anew falls back into step by itself. One that
    stands has its decks decode and renders nothing.
    """

    station: int
    media_time: int
    tick: int | None


@dataclass(frozen=True, slots=True)
class CloseStation:
    """To the engine: end a programme and free what it held."""

    station: int


@dataclass(frozen=True, slots=True)
class SetPlays:
    """To the engine: everything that is to be heard, replacing what was said before. Plays keep their decks by id."""

    station: int
    plays: tuple[Play, ...]


@dataclass(frozen=True, slots=True)
class Subscribe:
    """To the engine: which media control wants to have from now on."""

    station: int
    packets: bool = False
    pcm: bool = False
    early: bool = False
    """Packets may come several at once, at about their time: nobody who reads them is in a hurry, and control wakes
    up less often."""
    direct: bool = False
    """The engine has listeners of its own to send to (`AddListener`), each packet at its tick."""


@dataclass(frozen=True, slots=True)
class AddSocket:
    """To the engine: a UDP socket to send from. It travels beside the link, as a file descriptor."""

    number: int
    fd: int
    """As control knows it; the engine gets one of its own."""


@dataclass(frozen=True, slots=True)
class AddListener:
    """To the engine: send a programme to one more listener, from the next tick on.

    The index of a packet (its sequence number, and how often that has rolled over) is its tick plus `index_offset`: so
    an engine started anew goes on where it should be by now, and never uses an index twice.
    """

    station: int
    listener: int
    """Unique in the life of control."""
    socket: int
    address: tuple[str, int]
    ssrc: int
    payload_type: int
    extension: str
    """The header extension block of every packet, in hex: 4 bytes and a multiple of 4, or empty."""
    index_offset: int
    timestamp_offset: int
    """RTP timestamp of media time 0."""
    profile: int
    """Of SRTP, by libsrtp's number."""
    key: str
    """Master key and salt of SRTP, in hex."""
    sent: tuple[int, int, int] = (0, 0, 0)
    """What it was sent before, by another engine or from another socket: packets, octets, packets dropped."""


@dataclass(frozen=True, slots=True)
class MoveListener:
    """To the engine: a listener has another address."""

    station: int
    listener: int
    socket: int
    address: tuple[str, int]


@dataclass(frozen=True, slots=True)
class RemoveListener:
    """To the engine: a listener is gone."""

    station: int
    listener: int


@dataclass(frozen=True, slots=True)
class Resend:
    """To the engine: a listener has missed packets and asks for them again."""

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
    """To control: a play gives no sound from the file's sample `position` on (may lie in the future), and why."""

    station: int
    play: int
    position: int
    reason: str
    stalled: bool = False
    """It could not be read in time; nothing is wrong with the file itself."""
    of_lead: bool = False
    """Only what was rendered ahead failed: the play goes on in the track's own file."""


@dataclass(frozen=True, slots=True)
class Health:
    """To control, once a second: how the engine's ticks went since the last one."""

    late_us: tuple[int, ...]
    """How late each tick started, in microseconds."""
    work_us: tuple[int, ...]
    """How long each took."""
    skipped_ticks: int
    """Ticks left out because the process was held up for longer than could be made good."""
    starved_blocks: int
    """Blocks for which a deck had too little decoded."""
    dropped_messages: int
    """Media that control was too slow to take."""
    cpu_seconds: float
    """CPU time of the engine's process since its start."""


@dataclass(frozen=True, slots=True)
class Sent:
    """To control, once a second: what every listener of the engine was sent so far."""

    data: bytes
    """`(n, 4)` little-endian u32: listener, packets, payload octets, packets dropped; all modulo 2³²."""


ToCore = OpenStation | SetClock | CloseStation | SetPlays | Subscribe
ToFanout = AddListener | MoveListener | RemoveListener | Resend
ToEngine = ToCore | ToFanout | AddSocket
OfStation = Packet | Pcm | DeckReady | DeckFailed
ToControl = OfStation | Health | Sent
Message = ToEngine | ToControl
