"""Beats by dynamic programming (Ellis 2007): a chain of strong onsets, spaced by the tempo.

In house music every off-beat (open hats, stabs) may be louder than the beats, and the chain would be half a beat late.
So kicks alone are tried first: if there is a kick on every beat, that chain is taken.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from rtc_drift.analysis.onsets import FRAME_RATE, Onsets, following_kick
from rtc_drift.analysis.tempo import Tempo

_TIGHTNESS = 400.0
"""Cost per squared natural logarithm of (distance / period)."""
_LEAST_STRENGTH = 0.1
"""Least strength of the first and last beat, as a share of the root mean square over all beats."""
_STEADY = 0.3
"""Share of a strong kick. Every beat exceeds it in music with four kicks to the bar; other music stays far below."""
_BEATS_IN_A_ROW = 4
_FEWEST_APART = 8
_SAME_TEMPO = 0.01
_LATENESS_SECONDS = 0.0025
"""Delay of the rise of a spectrum after the attack."""
BEAT_DECIMALS = 5
"""Decimals of a beat's time. It is found to a millisecond or two; the catalogue keeps no more than these."""


@dataclass(frozen=True, slots=True)
class Beats:
    """The beats of a track, where people would tap."""

    seconds: NDArray[np.float64]
    """Times of the beats, ascending, `(n,)`."""
    confidence: float
    """Certainty that the beats are not half a beat late, 0–1; 1 if the strength midway is at most half as large."""


NO_BEATS = Beats(np.zeros(0), 0.0)


def find_beats(onsets: Onsets, tempo: Tempo) -> Beats:
    """Return the beats at a tempo. Its periods and the onset strengths must have the same length."""
    strength, frames = _chain(onsets.kick_dominated, tempo)
    steady = _steady_kicks(frames, onsets.kick)
    if steady < _STEADY:
        strength, frames = _chain(onsets.kick_weighted, tempo)
    frames = _without_weak_ends(frames, strength)
    if len(frames) < 2:
        return NO_BEATS
    found = np.round(_between_frames(frames, onsets.weighted) / FRAME_RATE - _LATENESS_SECONDS, BEAT_DECIMALS)
    confidence = _contrast(float(strength[frames].mean()), float(strength[_midway(frames)].mean()))
    return Beats(found, confidence)


def _chain(strength: NDArray[np.float32], tempo: Tempo) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the smoothed onset strength, `(n,)`, and the frames of the best chain of beats."""
    smooth = _smoothed(strength, float(np.median(tempo.periods)))
    return smooth, _best_chain(smooth, tempo.periods)


def exact_tempo(beats: NDArray[np.float64], near_bpm: float) -> float:
    """Return beats per minute from the distance of beats half a track apart; `near_bpm` if beats are missing.

    Autocorrelation gives a tempo to one part in a thousand, too coarse for mixing: an error of one or two
    beats in a quarter of an hour.
    """
    apart = len(beats) // 2
    if apart < _FEWEST_APART:
        return near_bpm
    bpm = 60 * apart / float(np.median(beats[apart:] - beats[:-apart]))
    return bpm if abs(bpm / near_bpm - 1) < _SAME_TEMPO else near_bpm


def _contrast(here: float, midway: float) -> float:
    return min(max(2 - 2 * midway / here, 0.0), 1.0) if here > 0 else 0.0


def _midway(frames: NDArray[np.int64]) -> NDArray[np.int64]:
    return (frames[1:] + frames[:-1]) // 2


def _steady_kicks(frames: NDArray[np.int64], kick: NDArray[np.float32]) -> float:
    """Return the mean of the weakest kick in each four beats in a row, as a share of the mean strong kick; 0–1."""
    if len(frames) < _BEATS_IN_A_ROW:
        return 0.0
    near = np.pad(following_kick(kick), 1)
    here = np.max([near[frames + shift] for shift in range(3)], axis=0)
    strong = float(np.sort(near)[-max(len(frames) // 2, 1) :].mean())
    weakest = sliding_window_view(here, _BEATS_IN_A_ROW).min(axis=1)
    return float(weakest.mean()) / strong if strong > 0 else 0.0


def _smoothed(strength: NDArray[np.float32], period: float) -> NDArray[np.float64]:
    """Return the strength convolved with a bell of a 32nd of a period, with unit deviation."""
    reach = int(period / 8) + 1
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) * 32 / period) ** 2)
    smooth = np.convolve(strength, bell)[reach : reach + len(strength)]
    smooth /= smooth.std() + 1e-9
    return np.asarray(smooth)


def _best_chain(strength: NDArray[np.float64], periods: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the frames of the best chain.

    Frames within half a period don't depend on each other, so they are computed at once.
    """
    nearest, farthest = max(int(periods.min() * 0.6), 1), int(periods.max() * 1.7) + 1
    distances = np.arange(farthest, nearest - 1, -1)
    total = np.zeros(farthest + len(strength))
    came_from = np.full(len(strength), -1, np.int32)
    for first in range(0, len(strength), nearest):
        last = min(first + nearest, len(strength))
        period = periods[(first + last) // 2]
        cost = _TIGHTNESS * np.log(distances / period) ** 2
        ways = sliding_window_view(total[first : last + farthest - nearest], len(distances)) - cost
        best = np.argmax(ways, axis=1)
        gain = ways[np.arange(len(ways)), best]
        begins = gain <= 0
        total[farthest + first : farthest + last] = strength[first:last] + np.where(begins, 0, gain)
        came_from[first:last] = np.where(begins, -1, np.arange(first, last) - distances[best])
    tail = max(len(strength) - int(periods[-1]), 0)
    chain = [tail + int(np.argmax(total[farthest + tail :]))]
    while (previous := int(came_from[chain[-1]])) >= 0:
        chain.append(previous)
    return np.array(chain[::-1])


def _without_weak_ends(frames: NDArray[np.int64], strength: NDArray[np.float64]) -> NDArray[np.int64]:
    at_beats = strength[frames]
    strong = np.flatnonzero(at_beats > _LEAST_STRENGTH * np.sqrt(np.mean(at_beats**2)))
    return frames[strong[0] : strong[-1] + 1] if len(strong) else frames[:0]


def _between_frames(frames: NDArray[np.int64], strength: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the centre of the rise near each beat, at most two frames away from it."""
    nearby = np.arange(-2, 3)
    values = np.pad(strength, 2)[frames[:, None] + 2 + nearby].astype(np.float64)
    weights = values.sum(axis=1)
    shifts = (values * nearby).sum(axis=1) / np.maximum(weights, 1e-9)
    return np.asarray(frames + np.where(weights > 0.1, shifts, 0))
