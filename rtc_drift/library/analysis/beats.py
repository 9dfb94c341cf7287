"""Beats by dynamic programming (Ellis 2007): as strong as possible, and as far apart as the tempo says."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from rtc_drift.library.analysis.onsets import FRAME_RATE, Onsets
from rtc_drift.library.analysis.tempo import Tempo

_TIGHTNESS = 400.0
"""Cost of a squared natural logarithm of (distance / period)."""
_LEAST_STRENGTH = 0.1
"""Of the usual at a beat; what is weaker at the ends of a track is no beat."""
_LATENESS_SECONDS = 0.0025
"""By how much the rise of a spectrum comes later than the attack."""


def find_beats(onsets: Onsets, tempo: Tempo) -> NDArray[np.float64]:
    """Seconds, ascending, `(n,)`; onset strengths and periods must be of the same length."""
    strength = _smoothed(onsets.grounded, float(np.median(tempo.periods)))
    frames = _best_chain(strength, tempo.periods)
    frames = _without_weak_ends(frames, strength)
    return _between_frames(frames, onsets.weighted) / FRAME_RATE - _LATENESS_SECONDS


def _smoothed(strength: NDArray[np.float32], period: float) -> NDArray[np.float64]:
    """Convolved with a bell of a 32nd of a period, with unit deviation."""
    reach = int(period / 8) + 1
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) * 32 / period) ** 2)
    smooth = np.convolve(strength, bell)[reach : reach + len(strength)]
    return np.asarray(smooth / (smooth.std() + 1e-9))


def _best_chain(strength: NDArray[np.float64], periods: NDArray[np.float64]) -> NDArray[np.int64]:
    """Frames of the beats. What can't depend on each other is computed at once: half a period of frames."""
    nearest, farthest = max(int(periods.min() * 0.6), 1), int(periods.max() * 1.7) + 1
    distances = np.arange(farthest, nearest - 1, -1)
    total = np.zeros(farthest + len(strength))
    came_from = np.full(len(strength), -1)
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
