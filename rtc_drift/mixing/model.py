"""Transitions as values: how two tracks are joined, to the sample.

All positions and lengths are samples at 48 kHz.
"""

from dataclasses import dataclass
from typing import Literal

from rtc_drift.stretching.warp import Warp

TransitionKind = Literal["start", "crossfade", "skip", "rescue", "seek", "resume"]
"""The purpose of a transition."""
Style = Literal["blend", "beat-matched", "cut", "gapless", "fade"]
"""The sound of a transition."""
When = Literal["bar", "now"]
"""The time at which a command takes effect: on the next bar, or at once."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """The time in which a band changes hands: the outgoing track's falls, the incoming one's rises. In samples.

    Mids and highs keep their power (quarter sines); the gains of the bass are straight ramps.
    """

    offset: int
    """Start, counted from `leave_at`."""
    length: int


@dataclass(frozen=True, slots=True)
class BandPlan:
    """The crossings of the three bands of an overlap."""

    low: Crossing
    mid: Crossing
    high: Crossing


@dataclass(frozen=True, slots=True)
class Transition:
    """A transition between two tracks: positions in both files, lengths in samples of the programme, and reasons."""

    kind: TransitionKind
    leave_at: int
    """Sample of the outgoing file at which the transition starts."""
    enter_at: int
    """Sample of the incoming file that is played first."""
    duration: int
    """Length of the outgoing track from `leave_at` on; 0 = one track ends, the other begins."""
    style: Style = "blend"
    delay: int = 0
    """Time from `leave_at` to the start of the incoming track."""
    hold: int = 0
    """Time from `leave_at` to the start of the outgoing track's fade-out."""
    fade_in: int | None = None
    """Length of the incoming track's fade-in; None = `duration`."""
    bands: BandPlan | None = None
    """The crossings of low, mid and high; None = both tracks fade as a whole."""
    bars: int = 0
    """Length of a beat-matched overlap in bars, else 0."""
    lead_warp: Warp | None = None
    """The warp of the incoming track's stretched intro; None = it plays as it is."""
    lead_out_warp: Warp | None = None
    """The warp of the outgoing track's stretched ending, from `leave_at` on; None = it plays as it is."""
    ratio: float = 1.0
    """Mean speed of the incoming track during the overlap: file time per programme time."""
    outgoing_ratio: float = 1.0
    """Mean speed of the outgoing track during the overlap."""
    sways: float = 0.0
    """Expected excursion of loudness in LU: how far it leaves the range that it has before and after."""
    cost: float = 0.0
    """Cost of joining the tracks: usually below 5 on the beat, more without a common beat."""
    reasons: tuple[str, ...] = ()
    """Sentences for people."""

    @property
    def needs_stretching(self) -> bool:
        """True if a part of either track has to be rendered ahead at another tempo."""
        return self.lead_warp is not None or self.lead_out_warp is not None
