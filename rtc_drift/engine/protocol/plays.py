"""Plays, which the engine carries out: which samples of which file sound when, and how loud."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fade:
    """A fade-out along a quarter sine (equal power): full before `start`, silent from `start + length` on.

    Those of `Play.bands_in` rise instead; the low band's are straight ramps.
    """

    start: int
    length: int

    @property
    def end(self) -> int:
        """Media time at which it ends."""
        return self.start + self.length


@dataclass(frozen=True, slots=True)
class Lead:
    """A stretched intro: the first part of a track at another tempo, rendered ahead to a file of its own."""

    path: str
    length: int
    """Length of the intro's file, in samples."""
    resumes_at: int
    """Sample (at 48 kHz) of the track's own file with which it goes on when the intro is over."""


@dataclass(frozen=True, slots=True)
class LeadOut:
    """A stretched ending: the last part of a track that is heard, at another tempo, in a file of its own."""

    path: str
    begins_at: int
    """Sample (at 48 kHz) of the track's own file at which it takes over."""
    length: int
    """Length of its file, in samples."""


@dataclass(frozen=True, slots=True)
class Bands:
    """The fades of the three bands of a play: below 180 Hz, above 2.5 kHz, and between."""

    low: Fade
    mid: Fade
    high: Fade

    @property
    def start(self) -> int:
        """Media time at which the first of them starts."""
        return min(self.low.start, self.mid.start, self.high.start)

    @property
    def end(self) -> int:
        """Media time at which the last of them ends."""
        return max(self.low.end, self.mid.end, self.high.end)


@dataclass(frozen=True, slots=True)
class Play:
    """One track on one deck: which samples of the file sound when, and how loud.

    At media time `m` the deck gives the file's sample `offset + m - start` (at 48 kHz), times `gain`, times the fades.
    So a play stays valid whatever happens to the process that carries it out.
    """

    id: int
    track_id: str
    path: str
    start: int
    offset: int
    end: int
    """Media time from which on it is silent, and its deck may close."""
    gain: float
    """Linear gain, from the track's integrated loudness."""
    fade_in: int
    """Length of the equal-power fade-in from `start` on, in samples; 0 for none."""
    fade_out: Fade | None
    hush: Fade | None = None
    """Short ramp to silence, in addition to the other fades, where playback is paused or jumps within the file."""
    lead: Lead | None = None
    """Stretched intro in place of the file before `lead.resumes_at`; `offset` is that minus the intro's length."""
    lead_out: LeadOut | None = None
    """Stretched ending in place of the file from `lead_out.begins_at` on."""
    bands_in: Bands | None = None
    """Fades over which its bands come in: nothing of a band before its start, all of it at its end."""
    bands_out: Bands | None = None
    """Fades over which its bands go: all of a band before its start, nothing at its end."""

    def position_at(self, media_time: int) -> int:
        """Return the file's sample (at 48 kHz) at `media_time`; about that during a stretched intro."""
        return self.offset + media_time - self.start

    def time_of(self, position: int) -> int:
        """Return the media time of the file's sample `position`."""
        return self.start + position - self.offset
