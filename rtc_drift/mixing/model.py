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
class BassSwap:
    """The swap of the low frequencies from the outgoing to the incoming track. In samples."""

    offset: int
    """Start, counted from `leave_at`."""
    length: int


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
    bass: BassSwap | None = None
    """None = both tracks keep their bass."""
    bars: int = 0
    """Length of a beat-matched overlap in bars, else 0."""
    ratio: float = 1.0
    """Speed of the incoming track during the overlap: file time per programme time."""
    glide: int = 0
    """Time after the overlap in which the incoming track returns to its own tempo."""
    sways: float = 0.0
    """Expected excursion of loudness in LU: how far it leaves the range that it has before and after."""
    reasons: tuple[str, ...] = ()
    """Sentences for people."""

    @property
    def needs_lead(self) -> bool:
        """True if the incoming track needs a stretched intro."""
        return self.ratio != 1.0


def warp_of(plan: Transition) -> Warp:
    """Return the warp of the incoming track, for a transition that needs a stretched intro."""
    return Warp.matched(plan.enter_at, plan.ratio, plan.duration, plan.glide)
