"""The beat grid of a track, if it is reliable enough to mix on: beats, bars, and straight lines through them."""

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.model import SURE_TEMPO, Analysis

MIN_CONFIDENCE = 0.5
"""Least confidence in beats, and in a key, to rely on them."""
_MIN_ATTACK_SHARE = 0.7
"""Least share of a passage's beats that have an attack: soft sounds give no beat to match."""
_MAX_DEVIATION_SECONDS = 0.008
"""Greatest deviation (root mean square) of a steady passage's attacks from a straight line."""
_NO_ATTACK_WEIGHT = 0.1
"""Weight of a beat without attack in the fit of a line."""
_HALF_WEIGHT_SECONDS = 0.006
"""Distance from the line at which an attack has half its weight: it may belong to another instrument."""
_LIMIT_SECONDS = 0.03
"""Limit of a single deviation."""
_FITS = 4
"""Number of fits of a line; each weights the beats by their distance from the line before."""
_MAX_OFFSET_SECONDS = 0.05
"""No attack is farther from its beat than this."""
_MIN_BEATS = 16


@dataclass(frozen=True, slots=True)
class Passage:
    """A series of steady beats: beat `k` lies at `start + k · period`, in seconds of the file."""

    start: float
    """In seconds of the file."""
    period: float
    """In seconds."""
    beats: int
    """Length in periods: one less than the number of beats."""

    @property
    def length(self) -> float:
        """In seconds."""
        return self.beats * self.period


@dataclass(frozen=True, slots=True)
class BeatGrid:
    """The beats of a track, with their attacks and bars. Times in seconds of the file."""

    beats: NDArray[np.float64]
    """`(n,)`, ascending."""
    attacks: NDArray[np.float64]
    """`(n,)`: the attack on each beat; NaN if there is no clear one."""
    downbeats: tuple[int, ...]
    """Indices of the beats that begin a bar."""
    beats_per_bar: int

    @property
    def bpm(self) -> float:
        """Beats per minute, by the median distance of beats."""
        return 60 / float(np.median(np.diff(self.beats)))

    def passage(self, first: int, beats: int) -> Passage | None:
        """Fit a line through `beats` + 1 beats, the first of them with index `first`; None if they aren't steady."""
        some, attacks = (times[first : first + beats + 1] for times in (self.beats, self.attacks))
        has_attack = np.isfinite(attacks)
        if len(some) <= beats or beats < 1 or has_attack.mean() < _MIN_ATTACK_SHARE:
            return None
        line = _line_through(np.where(has_attack, attacks, some), np.where(has_attack, 1.0, _NO_ATTACK_WEIGHT))
        away = np.abs(attacks - np.polyval(line, np.arange(beats + 1)))[has_attack]
        if np.sqrt(np.mean(np.minimum(away, _LIMIT_SECONDS) ** 2)) > _MAX_DEVIATION_SECONDS:
            return None
        return Passage(float(line[1]), float(line[0]), beats)

    def next_downbeat(self, position: float) -> float | None:
        """Return the time of the first downbeat at or after a position, both in seconds; None if there is none."""
        return next((beat for index in self.downbeats if (beat := self._time(index)) >= position), None)

    def next_beat(self, position: float) -> float | None:
        """Return the time of the first beat at or after a position, both in seconds; None if there is none."""
        later = range(bisect_left(self.beats, position - _MAX_OFFSET_SECONDS), len(self.beats))
        return next((beat for index in later if (beat := self._time(index)) >= position), None)

    def _time(self, index: int) -> float:
        """Return the time of a beat: of its attack, if it has one."""
        attack = float(self.attacks[index])
        return attack if np.isfinite(attack) else float(self.beats[index])


def grid_of(analysis: Analysis) -> BeatGrid | None:
    """Return the beat grid of a track; None if tempo or beats are uncertain, or there are no bars."""
    is_reliable = analysis.tempo_confidence >= SURE_TEMPO and analysis.beats_confidence >= MIN_CONFIDENCE
    if not is_reliable or len(analysis.beats_seconds) < _MIN_BEATS or len(analysis.downbeats_seconds) < 2:
        return None
    beats = np.array(analysis.beats_seconds)
    downbeats = np.searchsorted(beats, np.array(analysis.downbeats_seconds) - 1e-6)
    return BeatGrid(
        beats,
        _attacks_on(beats, np.array(analysis.attacks_seconds)),
        tuple(int(it) for it in downbeats if it < len(beats)),
        int(np.median(np.diff(downbeats))),
    )


def _attacks_on(beats: NDArray[np.float64], attacks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each beat the attack that is nearer to it than to any other beat, or NaN."""
    on_beats = np.full(len(beats), np.nan)
    on_beats[np.searchsorted((beats[1:] + beats[:-1]) / 2, attacks)] = attacks
    return on_beats


def _line_through(times: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `(slope, start)` by iterated least squares: times far from the line lose weight."""
    number = np.arange(len(times))
    line = np.polyfit(number, times, 1, w=np.sqrt(weights))
    for _ in range(_FITS - 1):
        away = (times - np.polyval(line, number)) / _HALF_WEIGHT_SECONDS
        line = np.polyfit(number, times, 1, w=np.sqrt(weights / (1 + away**2)))
    return np.asarray(line)
