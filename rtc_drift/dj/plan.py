"""The vocabulary of a plan: what the disc jockey decides and the engine executes, to the sample.

All times are media times or lengths in samples at 48 kHz. Plain dataclasses, because the engine's process imports
them too and must start quickly.
"""

from dataclasses import dataclass
from typing import Literal

TransitionKind = Literal["start", "crossfade", "skip", "rescue", "seek", "resume"]


@dataclass(frozen=True, slots=True)
class Fade:
    """A fade-out along a quarter sine (equal power): full before `start`, silent from `start + length`."""

    start: int
    length: int

    @property
    def end(self) -> int:
        return self.start + self.length


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

    def position_at(self, media_time: int) -> int:
        """The file's sample (at 48 kHz) heard at `media_time`."""
        return self.offset + media_time - self.start


@dataclass(frozen=True, slots=True)
class Transition:
    """How one track gives way to the next: positions in both files and the length of the overlap, in samples."""

    kind: TransitionKind
    leave_at: int
    """Where the outgoing file begins to fade."""
    enter_at: int
    """Where the incoming file begins to be heard."""
    duration: int
    """Length of the overlap; 0 = the one ends, the other begins."""
