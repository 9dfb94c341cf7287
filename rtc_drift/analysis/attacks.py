"""When something is struck on a beat, to two milliseconds: onset strength tells a beat only to its frames of 10 ms.

The second difference of the waveform leaves of chords that ring on next to nothing. An attack is where its power
becomes another one: the greatest gain in likelihood of two variances over one, then the likeliest split (Maeda 1985).
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

_RATE = 500
"""Powers per second."""
_REACH, _BEFORE, _AFTER, _SEARCHED = 20, 10, 3, 5
"""How far from a beat an attack may lie; what is compared before and after it; and where its first moment may lie."""
_LEAST_GAIN = 3.0
"""In log-likelihood: below it rustles and tremolos are struck all the time, above it soft drums are missing."""
_QUIET = 0.01
"""Power by that after the attack which counts as none: codecs smear so much ahead of a drum."""
_WEIGHT_AT_THE_EDGE = 0.5
_HALF_DECIBELS, _LOWEST = 2.0, -115.0
"""A byte reaches to +12.5 dB: 0.5 dB above the second difference of the loudest wave."""
_AT_ONCE = 1024
_Array = NDArray[np.float64]


class AttackTrace:
    """Powers of a track, from which attacks are told."""

    def __init__(self, levels: bytearray) -> None:
        """Half decibels above -115 dB, 500 in a second."""
        self._levels = np.frombuffer(levels, np.uint8)

    def near(self, beats: _Array) -> _Array:
        """The attack that belongs to each of these seconds, at most 40 ms away: `(n,)` seconds, NaN without one."""
        parts = [self._near(beats[first : first + _AT_ONCE]) for first in range(0, len(beats), _AT_ONCE)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _near(self, beats: _Array) -> _Array:
        frames = np.round(beats * _RATE).astype(np.int64)
        shifts = np.arange(-_REACH, _REACH + 1)
        margin = _REACH + _BEFORE
        span = np.arange(-margin, _REACH + _AFTER)
        is_within = (frames >= margin) & (frames + _REACH + _AFTER <= len(self._levels))
        if not is_within.any():
            return np.full(len(beats), np.nan)
        levels = self._levels[np.where(is_within, frames, margin)[:, None] + span]
        powers = 10 ** ((levels / _HALF_DECIBELS + _LOWEST) / 10)
        gain = _gain(powers)
        best = np.argmax(gain * (1 - (1 - _WEIGHT_AT_THE_EDGE) * np.abs(shifts) / _REACH), axis=1)
        is_struck = is_within & (np.take_along_axis(gain, best[:, None], axis=1)[:, 0] > _LEAST_GAIN)
        first = (frames - margin + _first_moment(powers, best + _BEFORE)) / _RATE
        return np.where(is_struck & (np.abs(first - beats) <= _REACH / _RATE), first, np.nan)


class AttackMeter:
    """Takes the waveform in blocks of any length, and keeps one byte of each 2 ms."""

    def __init__(self, sample_rate: int) -> None:
        self._size = sample_rate // _RATE
        self._waiting = np.zeros(2, np.float32)
        self._levels = bytearray()

    def add(self, wave: NDArray[np.float32]) -> None:
        """The next samples, `(n,)`, full scale ±1."""
        line = np.concatenate((self._waiting, wave))
        count = (len(line) - 2) // self._size * self._size
        bent = np.diff(line[: count + 2], 2).reshape(-1, self._size)
        powers = np.einsum("ij,ij->i", bent, bent) / self._size
        levels = np.round((10 * np.log10(powers + 1e-12) - _LOWEST) * _HALF_DECIBELS)
        self._levels += np.clip(levels, 0, 255).astype(np.uint8).tobytes()
        self._waiting = line[count:]

    def finish(self) -> AttackTrace:
        """Of all that was added."""
        return AttackTrace(self._levels)


def _gain(powers: _Array) -> _Array:
    """By how much two variances are likelier than one, where it gets louder: `(n, 2 · reach + 1)`."""
    before = sliding_window_view(powers[:, :-_AFTER], _BEFORE, axis=1).mean(axis=2)
    after = sliding_window_view(powers[:, _BEFORE:], _AFTER, axis=1).mean(axis=2)
    quiet = _QUIET * after.max(axis=1, keepdims=True) + 1e-12
    one = np.log((_BEFORE * before + _AFTER * after) / (_BEFORE + _AFTER) + quiet)
    gain = (_BEFORE + _AFTER) * one - _BEFORE * np.log(before + quiet) - _AFTER * np.log(after + quiet)
    return np.where(after > before, gain, 0.0)


def _first_moment(powers: _Array, moments: NDArray[np.int64]) -> NDArray[np.int64]:
    """The likeliest split of what lies around each moment."""
    begin, count = moments - _SEARCHED, _SEARCHED + _AFTER
    around = np.take_along_axis(powers, begin[:, None] + np.arange(count), axis=1)
    sums = np.cumsum(around, axis=1)
    splits = np.arange(_SEARCHED // 2, count)
    until, whole = sums[:, splits - 1], sums[:, -1:]
    quiet = _QUIET * whole / count + 1e-13
    cost = splits * np.log(until / splits + quiet)
    cost = cost + (count - splits) * np.log((whole - until) / (count - splits) + quiet)
    return np.asarray(begin + splits[np.argmin(cost, axis=1)])
