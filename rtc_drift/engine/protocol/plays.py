"""What the engine executes: which samples of which file are heard when, and how loud."""

from dataclasses import dataclass


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
