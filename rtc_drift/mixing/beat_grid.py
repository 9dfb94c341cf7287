"""The beat grid of a track, if it is reliable enough to mix on: beats, bars, phrases, and what can be matched."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.model import SURE_TEMPO, Analysis
from rtc_drift.mixing.smooth_beats import SmoothBeats

MIN_CONFIDENCE = 0.5
"""Least confidence in beats, in phrases, and in a key, to rely on them."""
_MIN_ATTACK_SHARE = 0.4
"""Least share of a passage's beats that have an attack: soft sounds give no beat to match."""
_MAX_DEVIATION_SECONDS = 0.008
"""Greatest deviation (root mean square) of a passage's attacks and counted beats from its smooth beats."""
_MAX_LENGTHS = 1.06
"""Greatest ratio of two distances of beats within a passage."""
_MAX_OFFSET_SECONDS = 0.05
"""No attack is farther from its beat than this."""
_MIN_BEATS = 16


@dataclass(frozen=True, slots=True)
class BeatGrid:
    """The beats of a track, with their attacks, bars and phrases. Times in seconds of the file."""

    beats: NDArray[np.float64]
    """`(n,)`, ascending."""
    attacks: NDArray[np.float64]
    """`(n,)`: the attack on each beat; NaN if there is no clear one."""
    smooth: SmoothBeats
    downbeats: NDArray[np.int64]
    """Indices of the beats that begin a bar, ascending."""
    begins_phrase: NDArray[np.bool_]
    """`(n,)`: True for beats that begin a phrase; False everywhere if phrases are uncertain."""
    begins_body: NDArray[np.bool_]
    """`(n,)`: True for beats on which the body of the track begins after an intro or a break: drums come in."""
    beats_per_bar: int

    @property
    def bpm(self) -> float:
        """Beats per minute, by the median distance of beats."""
        return 60 / float(np.median(np.diff(self.beats)))

    def can_be_matched(self, firsts: NDArray[np.int64], beats: int) -> NDArray[np.bool_]:
        """Return for each index in `firsts` if the passage of `beats` beats from there on can be matched, `(n,)`.

        It can where enough beats are struck, evenly, and its tempo hardly changes.
        """
        possible = firsts + beats < len(self.beats)
        first = np.where(possible, firsts, 0)
        if len(self.beats) <= beats:
            return np.zeros(len(firsts), bool)
        struck, deviation = self.steadiness(first, beats)
        lengths = np.lib.stride_tricks.sliding_window_view(np.diff(self.smooth.times), beats)[first]
        is_steady = lengths.max(axis=1) < _MAX_LENGTHS * lengths.min(axis=1)
        is_struck = (struck >= _MIN_ATTACK_SHARE) & (deviation <= _MAX_DEVIATION_SECONDS)
        return np.asarray(possible & is_steady & is_struck)

    def steadiness(self, firsts: NDArray[np.int64], beats: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return for each passage the share of its beats with an attack, and the deviation of all (RMS)."""
        struck = np.concatenate(((0,), np.cumsum(self.smooth.has_attack)))
        squares = np.concatenate(((0.0,), np.cumsum(self.smooth.deviations**2)))
        number = struck[firsts + beats + 1] - struck[firsts]
        square = (squares[firsts + beats + 1] - squares[firsts]) / (beats + 1)
        return number / (beats + 1), np.sqrt(np.maximum(square, 0))

    def next_downbeat(self, position: float) -> float | None:
        """Return the time of the first downbeat at or after a position, both in seconds; None if there is none."""
        return next((beat for index in self.downbeats.tolist() if (beat := self._time(index)) >= position), None)

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
    attacks = _attacks_on(beats, np.array(analysis.attacks_seconds))
    downbeats = _indices(beats, analysis.downbeats_seconds)
    phrases = analysis.phrases_seconds if analysis.phrases_confidence >= MIN_CONFIDENCE else ()
    begins_phrase = _marked(beats, phrases)
    return BeatGrid(
        beats,
        attacks,
        SmoothBeats.of(beats, attacks),
        downbeats,
        begins_phrase,
        _marked(beats, [it.starts_seconds for it in analysis.sections[1:] if it.role == "body"]),
        int(np.median(np.diff(downbeats))),
    )


def _marked(beats: NDArray[np.float64], some: Sequence[float]) -> NDArray[np.bool_]:
    """Return True for each of the beats that is among some, given by their times."""
    marked = np.zeros(len(beats), bool)
    marked[_indices(beats, some)] = True
    return marked


def _indices(beats: NDArray[np.float64], some: Sequence[float]) -> NDArray[np.int64]:
    """Return the indices of some of the beats, given by their times."""
    found = np.searchsorted(beats, np.array(some) - 1e-6)
    return np.asarray(found[found < len(beats)])


def _attacks_on(beats: NDArray[np.float64], attacks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each beat the attack that is nearer to it than to any other beat, or NaN."""
    on_beats = np.full(len(beats), np.nan)
    on_beats[np.searchsorted((beats[1:] + beats[:-1]) / 2, attacks)] = attacks
    return on_beats
