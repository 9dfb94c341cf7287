"""The beat grid of a track, where it is sure enough to mix on: beats, bars, and straight lines through them."""

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.model import SURE_TEMPO, Analysis

SURE = 0.5
"""Least confidence in beats, and in a key."""
_LEAST_STRUCK = 0.7
"""Share of a passage's beats on which something is struck: what begins softly has no beat that others could meet."""
_UNEVEN_SECONDS = 0.008
"""Deviation of attacks from a straight line (root mean square) up to which a passage is steady."""
_UNSTRUCK_WEIGHT = 0.1
"""Of a beat's own time where nothing is struck."""
_AMISS_SECONDS = 0.006
"""An attack so far from the line counts half: it may be another instrument's."""
_FARTHEST_SECONDS = 0.03
"""Nothing counts as farther away."""
_FITS = 4
_BESIDE_SECONDS = 0.05
"""No attack is farther from its beat."""
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
class BeatGrid:
    """Beats in seconds, ascending `(n,)`, what is struck on them, and which of them begin a bar."""

    beats: NDArray[np.float64]
    attacks: NDArray[np.float64]
    """For each beat, in seconds; NaN where nothing is clearly struck."""
    downbeats: tuple[int, ...]
    """Indices into `beats`."""
    beats_per_bar: int

    @property
    def bpm(self) -> float:
        """By the median distance of beats."""
        return 60 / float(np.median(np.diff(self.beats)))

    def passage(self, first: int, beats: int) -> Passage | None:
        """The straight line through `beats` + 1 beats from the one with index `first`; None if they aren't steady."""
        some, struck = (times[first : first + beats + 1] for times in (self.beats, self.attacks))
        is_struck = np.isfinite(struck)
        if len(some) <= beats or beats < 1 or is_struck.mean() < _LEAST_STRUCK:
            return None
        line = _line_through(np.where(is_struck, struck, some), np.where(is_struck, 1.0, _UNSTRUCK_WEIGHT))
        away = np.abs(struck - np.polyval(line, np.arange(beats + 1)))[is_struck]
        if np.sqrt(np.mean(np.minimum(away, _FARTHEST_SECONDS) ** 2)) > _UNEVEN_SECONDS:
            return None
        return Passage(float(line[1]), float(line[0]), beats)

    def next_downbeat(self, position: float) -> float | None:
        """The first one at or after a position, where it is struck, in seconds."""
        return next((beat for index in self.downbeats if (beat := self._struck(index)) >= position), None)

    def next_beat(self, position: float) -> float | None:
        """The first one at or after a position, where it is struck, in seconds."""
        later = range(bisect_left(self.beats, position - _BESIDE_SECONDS), len(self.beats))
        return next((beat for index in later if (beat := self._struck(index)) >= position), None)

    def _struck(self, index: int) -> float:
        attack = float(self.attacks[index])
        return attack if np.isfinite(attack) else float(self.beats[index])


def grid_of(analysis: Analysis) -> BeatGrid | None:
    """None where tempo or beats are not sure, or bars were not found."""
    sure = analysis.tempo_confidence >= SURE_TEMPO and analysis.beats_confidence >= SURE
    if not sure or len(analysis.beats_seconds) < _FEWEST_BEATS or len(analysis.downbeats_seconds) < 2:
        return None
    beats = np.array(analysis.beats_seconds)
    downbeats = np.searchsorted(beats, np.array(analysis.downbeats_seconds) - 1e-6)
    return BeatGrid(
        beats,
        _on(beats, np.array(analysis.attacks_seconds)),
        tuple(int(it) for it in downbeats if it < len(beats)),
        int(np.median(np.diff(downbeats))),
    )


def _on(beats: NDArray[np.float64], attacks: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each beat the attack that is nearer to it than to any other beat, or NaN."""
    on_beats = np.full(len(beats), np.nan)
    on_beats[np.searchsorted((beats[1:] + beats[:-1]) / 2, attacks)] = attacks
    return on_beats


def _line_through(times: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(slope, start)` by least squares, in which what lies far away counts less and less."""
    number = np.arange(len(times))
    line = np.polyfit(number, times, 1, w=np.sqrt(weights))
    for _ in range(_FITS - 1):
        away = (times - np.polyval(line, number)) / _AMISS_SECONDS
        line = np.polyfit(number, times, 1, w=np.sqrt(weights / (1 + away**2)))
    return np.asarray(line)
