"""The vocabulary of a plan: what the disc jockey decides and the engine executes, to the sample.

All times are media times or lengths in samples at 48 kHz. Plain dataclasses, because the engine's process imports
them too and must start quickly.
"""

from dataclasses import dataclass
from typing import Literal

from rtc_drift.stretching.warp import Warp

TransitionKind = Literal["start", "crossfade", "skip", "rescue", "seek", "resume"]
"""What it is for."""
Style = Literal["blend", "beat-matched", "cut", "gapless", "fade"]
"""What it sounds like."""
When = Literal["bar", "now"]
"""When a command is to be heard."""


@dataclass(frozen=True, slots=True)
class BassSwap:
    """When the low frequencies change hands, from where the outgoing track is left on."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Transition:
    """How one track gives way to the next: positions in both files, lengths in samples of the programme, and why."""

    kind: TransitionKind
    leave_at: int
    """Where the outgoing file is left."""
    enter_at: int
    """Where the incoming file begins to be heard."""
    duration: int
    """How long the outgoing track is still heard; 0 = the one ends, the other begins."""
    style: Style = "blend"
    delay: int = 0
    """How long after `leave_at` the incoming track begins."""
    hold: int = 0
    """How long after `leave_at` the outgoing track begins to fade."""
    fade_in: int | None = None
    """How long it takes to be there; None = as long as the outgoing one is heard."""
    bass: BassSwap | None = None
    bars: int = 0
    """Of the overlap, where it is counted in bars."""
    ratio: float = 1.0
    """Speed of the incoming track while both are heard: file time by programme time."""
    glide: int = 0
    """How long it takes afterwards to be back at its own tempo."""
    sways: float = 0.0
    """By how many LU loudness is expected to leave what is before and after."""
    reasons: tuple[str, ...] = ()

    @property
    def needs_lead(self) -> bool:
        """Whether the incoming track has to be rendered at another tempo."""
        return self.ratio != 1.0


def warp_of(plan: Transition) -> Warp:
    """How the incoming track of a transition that needs a lead is bent."""
    return Warp.matched(plan.enter_at, plan.ratio, plan.duration, plan.glide)
