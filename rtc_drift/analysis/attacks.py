"""Attacks: when something is struck on a beat, to 2 ms. Onset strength places a beat only to its frames of 10 ms.

The second difference of the waveform almost removes chords that ring on. An attack is where the power of that
difference changes: where two variances gain most likelihood over one, then at the likeliest split (Maeda 1985).
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

_RATE = 500
"""Powers per second."""
_REACH = 20
"""Greatest distance of an attack from a beat, in frames of 2 ms."""
_BEFORE, _AFTER = 10, 3
"""Frames that are compared before and after an attack."""
_SEARCHED = 5
"""Frames before the moment of greatest gain that may hold the start of the attack."""
_LEAST_GAIN = 3.0
"""Least gain in log-likelihood. Lower, rustling and tremolo give attacks everywhere; higher, soft drums are missed."""
_QUIET = 0.01
"""Power that counts as none, as a share of the power after the attack: codecs smear this much ahead of a drum."""
_WEIGHT_AT_THE_EDGE = 0.5
"""Weight of the gain at the greatest distance from the beat; 1 at the beat."""
_HALF_DECIBELS, _LOWEST = 2.0, -115.0
"""Steps per dB, and the dB of byte 0. Byte 255 is +12.5 dB, 0.5 dB above the second difference of the loudest wave."""
_AT_ONCE = 1024
_Array = NDArray[np.float64]


class AttackTrace:
    """The power of a track's second difference over time, for finding attacks."""

    def __init__(self, levels: bytearray) -> None:
        """Wrap levels: one byte for each 2 ms, in half decibels above -115 dB."""
        self._levels = np.frombuffer(levels, np.uint8)

    def near(self, beats: _Array) -> _Array:
        """Return the attack of each beat, at most 40 ms away from it: `(n,)` seconds, NaN where there is none."""
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
    """A meter for the waveform in chunks of any length. It keeps one byte for each 2 ms."""

    def __init__(self, sample_rate: int) -> None:
        self._size = sample_rate // _RATE
        self._waiting = np.zeros(2, np.float32)
        self._levels = bytearray()

    def add(self, wave: NDArray[np.float32]) -> None:
        """Measure the next samples, `(n,)`, full scale ±1."""
        line = np.concatenate((self._waiting, wave))
        count = (len(line) - 2) // self._size * self._size
        differences = np.diff(line[: count + 2], 2).reshape(-1, self._size)
        powers = np.einsum("ij,ij->i", differences, differences) / self._size
        levels = np.round((10 * np.log10(powers + 1e-12) - _LOWEST) * _HALF_DECIBELS)
        self._levels += np.clip(levels, 0, 255).astype(np.uint8).tobytes()
        self._waiting = line[count:]

    def finish(self) -> AttackTrace:
        """Return the trace of all added samples."""
        return AttackTrace(self._levels)


def _gain(powers: _Array) -> _Array:
    """Return the gain in log-likelihood of two variances over one: `(n, 2 · reach + 1)`, 0 where it gets no louder."""
    before = sliding_window_view(powers[:, :-_AFTER], _BEFORE, axis=1).mean(axis=2)
    after = sliding_window_view(powers[:, _BEFORE:], _AFTER, axis=1).mean(axis=2)
    quiet = _QUIET * after.max(axis=1, keepdims=True) + 1e-12
    one = np.log((_BEFORE * before + _AFTER * after) / (_BEFORE + _AFTER) + quiet)
    gain = (_BEFORE + _AFTER) * one - _BEFORE * np.log(before + quiet) - _AFTER * np.log(after + quiet)
    return np.where(after > before, gain, 0.0)


def _first_moment(powers: _Array, moments: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the likeliest split of the powers around each moment."""
    begin, count = moments - _SEARCHED, _SEARCHED + _AFTER
    nearby = np.take_along_axis(powers, begin[:, None] + np.arange(count), axis=1)
    sums = np.cumsum(nearby, axis=1)
    splits = np.arange(_SEARCHED // 2, count)
    until, whole = sums[:, splits - 1], sums[:, -1:]
    quiet = _QUIET * whole / count + 1e-13
    cost = splits * np.log(until / splits + quiet)
    cost = cost + (count - splits) * np.log((whole - until) / (count - splits) + quiet)
    return np.asarray(begin + splits[np.argmin(cost, axis=1)])
