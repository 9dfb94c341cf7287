"""A look-ahead limiter that keeps the true peak below its ceiling.

True peak as in ITU-R BS.1770: the largest magnitude of the signal oversampled four times. Gain reduction starts before
the peak (a minimum filter, then a box smoother over the look-ahead); afterwards the gain rises on a straight line.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from rtc_drift.media import SAMPLE_RATE, Audio, amplitude

CEILING = amplitude(-1.5)
"""-1 dBTP, less a margin of 0.5 dB for what four-fold oversampling and the encoder's rounding miss."""
LOOK_AHEAD = 240
"""Samples (5 ms) by which the output is delayed."""

_TAPS = 12
_WIDTH = LOOK_AHEAD - _TAPS // 2 + 1
"""Width of the minimum filter and of the box smoother. Together they span exactly the look-ahead."""
_RELEASE = 1.0 / (0.25 * SAMPLE_RATE)
"""Rise of the gain per sample: from 0 to 1 in 250 ms."""
_SPAN = 32
"""Samples that are interpolated at once, as one matrix product."""


def _interpolator() -> NDArray[np.float64]:
    """Return windowed-sinc filters for the points 0, 1/4, 2/4, 3/4 and 1 of the way between two samples: `(12, 5)`."""
    distance = np.arange(_TAPS)[:, None] - (_TAPS // 2 - 1) - np.linspace(0, 1, 5)
    taps = np.sinc(distance) * np.cos(np.pi * distance / (_TAPS + 1)) ** 2
    return np.asarray(taps / taps.sum(axis=0))


def _span_interpolator() -> NDArray[np.float32]:
    """Return the same filters for 32 samples in a row, from 43 input samples, point by point: `(43, 5 · 32)`."""
    taps = _interpolator()
    matrix = np.zeros((_SPAN + _TAPS - 1, taps.shape[1], _SPAN), np.float32)
    for sample in range(_SPAN):
        matrix[sample : sample + _TAPS, :, sample] = taps
    return matrix.reshape(len(matrix), -1)


def _overshoot() -> float:
    """Return how far a point can lie beyond its two samples, divided by the largest step between neighbouring samples.

    A point is the straight line between its two samples plus a weighted sum of the steps under the filter.
    """
    steps = 1 - np.cumsum(_interpolator(), axis=0)[:-1]
    steps[: _TAPS // 2 - 1] -= 1
    steps[_TAPS // 2 - 1] -= np.linspace(0, 1, 5)
    return float(np.abs(steps).sum(axis=0).max())


_SPAN_INTERPOLATOR = _span_interpolator()
_OVERSHOOT = _overshoot()


def true_peaks(audio: Audio) -> NDArray[np.float32]:
    """Return the louder channel's true peak from each sample to the next: `(n - 11,) float32` for `(n, 2)`, `n >= 12`.

    The first value is that of the sixth sample: the filters need five samples before and six after.
    """
    count = len(audio) - _TAPS + 1
    spans = -(-count // _SPAN)
    padded = np.zeros((2, spans * _SPAN + _TAPS - 1), np.float32)
    padded[:, : len(audio)] = audio.T
    windows = sliding_window_view(padded, _SPAN + _TAPS - 1, axis=1)[:, ::_SPAN]
    left, right = np.abs(windows.reshape(2 * spans, -1) @ _SPAN_INTERPOLATOR).reshape(2, spans, -1, _SPAN)
    peaks: NDArray[np.float32] = np.maximum(left, right).max(axis=1).reshape(-1)
    return peaks[:count]


def _highest_possible(audio: Audio) -> float:
    """Return an upper bound of the true peaks of `(n, 2)`: much cheaper than the peaks, and enough for most music."""
    with np.errstate(invalid="ignore", over="ignore"):
        steps = audio[1:] - audio[:-1]
    return float(max(audio.max(), -audio.min()) + _OVERSHOOT * max(steps.max(), -steps.min()))


class Limiter:
    """A streaming limiter: `process` gives as many samples as it takes, `LOOK_AHEAD` later.

    Any chunking of the same input gives the same output.
    """

    def __init__(self, ceiling: float = CEILING) -> None:
        self._ceiling = ceiling
        self._delayed = np.zeros((LOOK_AHEAD, 2), np.float32)
        self._released = np.ones(_WIDTH - 1)
        self._held = np.ones(_WIDTH - 1)

    def process(self, audio: Audio) -> Audio:
        """Limit `(n, 2) float32` of any level, and return `(n, 2) float32` within the ceiling."""
        if not len(audio):
            return audio
        line = np.concatenate((self._delayed, audio))
        examined = line[-(len(audio) + _TAPS - 1) :]
        highest = _highest_possible(examined)
        if not np.isfinite(highest):
            # A NaN or an infinity would stay in the filters' state for good.
            np.nan_to_num(line, copy=False, nan=0.0, posinf=1.0, neginf=-1.0)
        self._delayed = line[-LOOK_AHEAD:]
        output = line[: len(audio)]
        if highest <= self._ceiling and self._is_idle:
            return output
        peaks = true_peaks(examined)
        if peaks.max() <= self._ceiling and self._is_idle:
            return output
        needed = self._ceiling / np.maximum(peaks, self._ceiling)
        released = np.concatenate((self._released, _release(needed, float(self._released[-1]))))
        held = np.concatenate((self._held, _sliding_minimum(released, _WIDTH)))
        sums = np.cumsum(np.concatenate(((0.0,), held)))
        gain = (sums[_WIDTH:] - sums[:-_WIDTH]) / _WIDTH
        self._released, self._held = released[-(_WIDTH - 1) :], held[-(_WIDTH - 1) :]
        return np.asarray(output * gain[:, None], np.float32)

    @property
    def _is_idle(self) -> bool:
        # Gains are at most 1 and `_released` only rises: its last value and the minimum of `_held` are enough.
        return bool(self._released[-1] == 1.0 and self._held.min() == 1.0)


def _release(needed: NDArray[np.float64], last: float) -> NDArray[np.float64]:
    """Return `out[n] = min(needed[n], out[n - 1] + _RELEASE)`, starting from `last`, without a loop."""
    ramp = _RELEASE * np.arange(len(needed) + 1)
    return np.asarray(np.minimum.accumulate(np.concatenate(((last,), needed)) - ramp) + ramp)[1:]


def _sliding_minimum(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Return the minimum of each window: `(n - width + 1,)`, by doubling the span in place of a loop."""
    span = 1
    while span * 2 <= width:
        values = np.minimum(values[:-span], values[span:])
        span *= 2
    rest = width - span
    return np.minimum(values[: len(values) - rest], values[rest:]) if rest else values
