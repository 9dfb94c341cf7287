"""The difference in pitch of two passages of the same music."""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from rtc_drift.media import SAMPLE_RATE, Audio

_FRAME = 1 << 16
"""1.4 s. Longer frames resolve finer, but must be short compared with the passage."""
_LOWEST, _HIGHEST = 150.0, 6_000.0
_SMOOTH = 240
"""Cents over which the general shape of the spectrum is averaged, to be removed."""
_CENTS = np.arange(0, 1200 * math.log2(_HIGHEST / _LOWEST), 1.0)
_Array = NDArray[np.float64]


def pitch_cents(audio: Audio, reference: Audio, *, within: float = 150.0) -> float:
    """Return by how many cents `audio` is higher than `reference`: at least 1.4 s each of the same music, at any tempo.

    Shifts the mean power spectra on a logarithmic scale, without their general shape, until they agree best. Exact to
    1 cent for tones and 2 cents for music with chords; unusable for drums alone. NaN for silence, or if the best
    correlation is below 0.2.
    """
    first, second = _profile(audio), _profile(reference)
    reach = round(within)
    lags = np.arange(-reach, reach + 1)
    inner = second[reach : len(second) - reach]
    inner = inner - inner.mean()
    shifted = sliding_window_view(first, len(inner))
    scale = shifted.std(axis=1) * math.sqrt(len(inner) * np.square(inner).sum())
    if scale.min() < 1e-6:
        return math.nan
    likeness = shifted @ inner / scale
    best = int(np.argmax(likeness))
    if likeness[best] < 0.2:
        return math.nan
    return float(lags[best]) + _vertex(likeness, best)


def _vertex(values: _Array, at: int) -> float:
    """Return the maximum of the parabola through a maximum and its neighbours, relative to `at`."""
    if not 0 < at < len(values) - 1:
        return 0.0
    left, middle, right = values[at - 1 : at + 2]
    return float((left - right) / (2 * (left - 2 * middle + right))) if left - 2 * middle + right < 0 else 0.0


def _profile(audio: Audio) -> _Array:
    """Return the fine structure of the logarithmic spectrum at each cent from 150 Hz to 6 kHz."""
    power = _spectrum(audio)
    hertz = _LOWEST * 2 ** (_CENTS / 1200)
    power = np.interp(hertz, np.fft.rfftfreq(_FRAME, 1 / SAMPLE_RATE), power)
    level = np.log(power + 1e-6 * power.max() + 1e-20)
    sums = np.concatenate(((0.0,), np.cumsum(np.pad(level, _SMOOTH // 2, mode="edge"))))
    return np.asarray(np.maximum(0.0, level - (sums[_SMOOTH:] - sums[:-_SMOOTH])[: len(level)] / _SMOOTH))


def _spectrum(audio: Audio) -> _Array:
    window = np.hanning(_FRAME + 1)[:-1].astype(np.float32)
    power = np.zeros(_FRAME // 2 + 1)
    for at in range(0, len(audio) - _FRAME + 1, _FRAME // 2):
        for channel in range(2):
            power += np.square(np.abs(np.fft.rfft(audio[at : at + _FRAME, channel] * window)))
    return power
