"""What control and engine say to each other. Small frozen values; the link (`engine/link.py`) carries them.

Sessions go by a small number on the link; ticks are 20 ms steps of the engine's schedule, media times are samples.
"""

from dataclasses import dataclass

from rtc_drift.dj.plan import Play


@dataclass(frozen=True, slots=True)
class OpenSession:
    """To the engine: get a programme ready. It stands at media time 0 until `SetClock` says otherwise."""

    session: int
    bitrate: int
    """Of Opus, in bits per second."""


@dataclass(frozen=True, slots=True)
class SetClock:
    """To the engine: the block for `tick` has the media time `media_time`; without a tick the programme stands there.

    While a programme runs the pair never changes, so an engine started anew falls back into step by itself. One that
    stands has its decks decode and renders nothing.
    """

    session: int
    media_time: int
    tick: int | None


@dataclass(frozen=True, slots=True)
class CloseSession:
    """To the engine: end a programme and free what it held."""

    session: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """To the engine: everything that is to be heard, replacing what was said before. Plays keep their decks by id."""

    session: int
    plays: tuple[Play, ...]


@dataclass(frozen=True, slots=True)
class Subscribe:
    """To the engine: which media control wants to have from now on."""

    session: int
    packets: bool = False
    pcm: bool = False
    early: bool = False
    """Packets may come several at once, at about their time: nobody who reads them is in a hurry, and control wakes
    up less often."""


@dataclass(frozen=True, slots=True)
class Packet:
    """To control: one Opus packet, 20 ms, stereo, the audio of `media_time` to `media_time + 960`."""

    session: int
    media_time: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Pcm:
    """To control: the same 20 ms as `(960, 2)` interleaved little-endian s16."""

    session: int
    media_time: int
    data: bytes


@dataclass(frozen=True, slots=True)
class DeckReady:
    """To control: the first samples of a play are decoded."""

    session: int
    play: int


@dataclass(frozen=True, slots=True)
class DeckFailed:
    """To control: a play gives no sound from the file's sample `position` on (may lie in the future), and why."""

    session: int
    play: int
    position: int
    reason: str
    stalled: bool = False
    """It could not be read in time; nothing is wrong with the file itself."""


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


ToEngine = OpenSession | SetClock | CloseSession | Schedule | Subscribe
ToControl = Packet | Pcm | DeckReady | DeckFailed | Health
Message = ToEngine | ToControl
