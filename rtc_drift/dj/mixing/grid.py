"""The beat grid of a track, where it is sure enough to mix on: beats, bars, and straight lines through them."""

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtc_drift.library.analysis.model import Analysis

SURE = 0.5
"""Least confidence in beats, and in a key."""
SURE_TEMPO = 0.3
"""Least confidence in a tempo: mostly it is a doubt whether to count twice as fast, which moves no beat."""
_UNEVEN_SECONDS = 0.015
"""Deviation of beats from a straight line (root mean square) up to which a passage is steady."""
_FEWEST_BEATS = 16


@dataclass(frozen=True, slots=True)
class Passage:
    """Steady beats in a row: beat `k` lies at `start + k · period`, in seconds of the file."""

    start: float
    period: float
    beats: int
    """From the first to the last: one less than there are."""

    @property
    def length(self) -> float:
        return self.beats * self.period


@dataclass(frozen=True, slots=True)
class Grid:
    """Beats in seconds, ascending `(n,)`, and which of them begin a bar."""

    beats: NDArray[np.float64]
    downbeats: tuple[int, ...]
    """Indices into `beats`."""
    beats_per_bar: int

    @property
    def bpm(self) -> float:
        """By the median distance of beats."""
        return 60 / float(np.median(np.diff(self.beats)))

    def passage(self, first: int, beats: int) -> Passage | None:
        """The straight line through `beats` + 1 beats from the one with index `first`; None if they aren't steady."""
        some = self.beats[first : first + beats + 1]
        if len(some) <= beats or beats < 1:
            return None
        number = np.arange(beats + 1)
        period, start = np.polyfit(number, some, 1)
        uneven = float(np.sqrt(np.mean((some - start - period * number) ** 2)))
        return Passage(float(start), float(period), beats) if uneven <= _UNEVEN_SECONDS else None

    def next_downbeat(self, position: float) -> float | None:
        """The first one at or after a position, in seconds."""
        return next((beat for index in self.downbeats if (beat := float(self.beats[index])) >= position), None)

    def next_beat(self, position: float) -> float | None:
        """The first one at or after a position, in seconds."""
        index = bisect_left(self.beats, position)
        return float(self.beats[index]) if index < len(self.beats) else None


def grid_of(heard: Analysis) -> Grid | None:
    """None where tempo or beats are not sure, or bars were not found."""
    sure = heard.tempo_confidence >= SURE_TEMPO and heard.beats_confidence >= SURE
    if not sure or len(heard.beats_seconds) < _FEWEST_BEATS or len(heard.downbeats_seconds) < 2:
        return None
    beats = np.array(heard.beats_seconds)
    downbeats = np.searchsorted(beats, np.array(heard.downbeats_seconds) - 1e-6)
    return Grid(beats, tuple(int(it) for it in downbeats if it < len(beats)), int(np.median(np.diff(downbeats))))
