"""Beats by dynamic programming (Ellis 2007): as strong as possible, and as far apart as the tempo says.

Where every off-beat is louder than the beats, as with the open hats and stabs of house music, the chain would be half a
beat late. So kicks alone are tried first: one that never misses is the beat.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from rtc_drift.analysis.onsets import FRAME_RATE, Onsets, following_kick
from rtc_drift.analysis.tempo import Tempo

_TIGHTNESS = 400.0
"""Cost of a squared natural logarithm of (distance / period)."""
_LEAST_STRENGTH = 0.1
"""Of the usual at a beat; what is weaker at the ends of a track is no beat."""
_STEADY = 0.3
"""Of a strong kick: what every beat of music with four kicks to the bar exceeds, and other music is far from."""
_BEATS_IN_A_ROW = 4
_FEWEST_APART = 8
_SAME_TEMPO = 0.01
_LATENESS_SECONDS = 0.0025
"""By how much the rise of a spectrum comes later than the attack."""


@dataclass(frozen=True, slots=True)
class Beats:
    """Where one would tap, and how surely there and not half a beat later."""

    seconds: NDArray[np.float64]
    """Ascending, `(n,)`."""
    confidence: float
    """0–1; 1 where what lies midway is at most half as strong."""


NO_BEATS = Beats(np.zeros(0), 0.0)


def find_beats(onsets: Onsets, tempo: Tempo) -> Beats:
    """The beats at this tempo; its periods and the onset strengths must be of the same length."""
    strength, frames = _chain(onsets.steadied, tempo)
    steady = _steady_kicks(frames, onsets.kick)
    if steady < _STEADY:
        strength, frames = _chain(onsets.grounded, tempo)
    frames = _without_weak_ends(frames, strength)
    if len(frames) < 2:
        return NO_BEATS
    found = _between_frames(frames, onsets.weighted) / FRAME_RATE - _LATENESS_SECONDS
    confidence = _contrast(float(strength[frames].mean()), float(strength[_midway(frames)].mean()))
    return Beats(found, confidence)


def _chain(strength: NDArray[np.float32], tempo: Tempo) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Onset strength as it counts for beats, `(n,)`, and the frames of the best beats."""
    smooth = _smoothed(strength, float(np.median(tempo.periods)))
    return smooth, _best_chain(smooth, tempo.periods)


def exact_tempo(beats: NDArray[np.float64], near_bpm: float) -> float:
    """Beats per minute by the distance of beats half the track apart; `near_bpm` where beats are missing.

    Autocorrelation tells a tempo to a part in a thousand, which is a beat in a quarter of an hour: too little for
    mixing.
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
    """The weakest kick of each four beats in a row, averaged, by the mean of the strong ones; 0–1."""
    if len(frames) < _BEATS_IN_A_ROW:
        return 0.0
    near = np.pad(following_kick(kick), 1)
    here = np.max([near[frames + shift] for shift in range(3)], axis=0)
    strong = float(np.sort(near)[-max(len(frames) // 2, 1) :].mean())
    weakest = sliding_window_view(here, _BEATS_IN_A_ROW).min(axis=1)
    return float(weakest.mean()) / strong if strong > 0 else 0.0


def _smoothed(strength: NDArray[np.float32], period: float) -> NDArray[np.float64]:
    """Convolved with a bell of a 32nd of a period, with unit deviation."""
    reach = int(period / 8) + 1
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) * 32 / period) ** 2)
    smooth = np.convolve(strength, bell)[reach : reach + len(strength)]
    smooth /= smooth.std() + 1e-9
    return np.asarray(smooth)


def _best_chain(strength: NDArray[np.float64], periods: NDArray[np.float32]) -> NDArray[np.int64]:
    """Frames of the beats. What can't depend on each other is computed at once: half a period of frames."""
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
    """The centre of the rise around each beat, at most two frames away from it."""
    around = np.arange(-2, 3)
    values = np.pad(strength, 2)[frames[:, None] + 2 + around].astype(np.float64)
    weights = values.sum(axis=1)
    shifts = (values * around).sum(axis=1) / np.maximum(weights, 1e-9)
    return np.asarray(frames + np.where(weights > 0.1, shifts, 0))
