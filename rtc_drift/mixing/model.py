"""The vocabulary of a plan: what the disc jockey decides and the engine executes, to the sample.

All times are media times or lengths in samples at 48 kHz. Plain dataclasses, because the engine's process imports
them too and must start quickly.
"""

from dataclasses import dataclass
from typing import Literal

TransitionKind = Literal["start", "crossfade", "skip", "rescue", "seek", "resume"]
"""What it is for."""
Style = Literal["blend", "beat-matched", "cut", "gapless", "fade"]
"""What it sounds like."""
When = Literal["bar", "now"]
"""When a command is to be heard."""


@dataclass(frozen=True, slots=True)
class Fade:
    """A fade-out along a quarter sine (equal power): full before `start`, silent from `start + length`."""

    start: int
    length: int

    @property
    def end(self) -> int:
        return self.start + self.length


@dataclass(frozen=True, slots=True)
class Lead:
    """The first part of a track at another tempo, rendered ahead to a file of its own."""

    path: str
    length: int
    """Samples of that file."""
    resumes_at: int
    """The track's own file goes on from this sample (at 48 kHz) when the lead is over."""


@dataclass(frozen=True, slots=True)
class Play:
    """One track on one deck: which samples of the file are heard from when to when, and how loud.

    At media time `m` the deck gives the file's sample `offset + m - start` (at 48 kHz), times `gain`, times the fades.
    So a play stays true whatever happens to the process that executes it.
    """

    id: int
    track_id: str
    path: str
    start: int
    offset: int
    end: int
    """From here on nothing of it is heard and its deck may go."""
    gain: float
    """Linear, from the track's integrated loudness."""
    fade_in: int
    """Length of the equal-power fade-in from `start`; 0 = none."""
    fade_out: Fade | None
    hush: Fade | None = None
    """On top of the other fades: a short ramp to silence, where somebody paused or went elsewhere in the file."""
    lead: Lead | None = None
    """Heard in place of all of the file before `lead.resumes_at`; `offset` is that minus the lead's length."""
    bass_in: Fade | None = None
    """Its low frequencies are held back until this begins, and all there when it ends."""
    bass_out: Fade | None = None
    """Its low frequencies go while this lasts."""

    def position_at(self, media_time: int) -> int:
        """The file's sample (at 48 kHz) heard at `media_time`; during a lead, about that."""
        return self.offset + media_time - self.start

    def time_of(self, position: int) -> int:
        """The media time at which the file's sample `position` is heard."""
        return self.start + position - self.offset


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
