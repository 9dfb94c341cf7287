"""A look-ahead limiter that keeps the true peak below its ceiling.

True peak as in ITU-R BS.1770: the largest magnitude of the signal oversampled four times. Gain reduction starts before
the peak (a minimum filter, then a box smoother over the look-ahead) and is released on a straight line.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from rtc_drift.media import SAMPLE_RATE, Audio, amplitude

CEILING = amplitude(-1.5)
"""-1 dBTP, with 0.3 dB for what four-fold oversampling and the encoder's rounding miss."""
LOOK_AHEAD = 240
"""Samples (5 ms) by which the output lags the input."""

_TAPS = 12
_WIDTH = LOOK_AHEAD - _TAPS // 2 + 1
"""Of the minimum filter and of the box smoother: together they reach exactly over the look-ahead."""
_RELEASE = 1.0 / (0.25 * SAMPLE_RATE)
"""Gain given back per sample: from nothing to full in 250 ms."""
_SPAN = 32
"""The interpolation is done for this many samples at once, as one matrix product."""


def _interpolator() -> NDArray[np.float64]:
    """`(12, 5)`: windowed-sinc filters for the points 0, 1/4, 2/4, 3/4 and 1 of the way between two samples."""
    distance = np.arange(_TAPS)[:, None] - (_TAPS // 2 - 1) - np.linspace(0, 1, 5)
    taps = np.sinc(distance) * np.cos(np.pi * distance / (_TAPS + 1)) ** 2
    return np.asarray(taps / taps.sum(axis=0))


def _span_interpolator() -> NDArray[np.float32]:
    """`(43, 5 · 32)`: the same for 32 samples in a row, from the 43 around them; for one of the five points each."""
    taps = _interpolator()
    matrix = np.zeros((_SPAN + _TAPS - 1, taps.shape[1], _SPAN), np.float32)
    for sample in range(_SPAN):
        matrix[sample : sample + _TAPS, :, sample] = taps
    return matrix.reshape(len(matrix), -1)


def _overshoot() -> float:
    """By how much of the largest step between neighbouring samples a point can lie beyond the samples around it.

    A point is the straight line between its two samples plus a weighted sum of the steps under the filter.
    """
    steps = 1 - np.cumsum(_interpolator(), axis=0)[:-1]
    steps[: _TAPS // 2 - 1] -= 1
    steps[_TAPS // 2 - 1] -= np.linspace(0, 1, 5)
    return float(np.abs(steps).sum(axis=0).max())


_SPAN_INTERPOLATOR = _span_interpolator()
_OVERSHOOT = _overshoot()


def true_peaks(audio: Audio) -> NDArray[np.float32]:
    """The larger channel's true peak from each sample to the next: `(n - 11,) float32` for `(n, 2)`, `n >= 12`.

    The first value is that of the sixth sample: the filters need five samples before and six behind.
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
    """No true peak of `(n, 2)` exceeds this. Much cheaper than finding them, and of most music it says enough."""
    with np.errstate(invalid="ignore", over="ignore"):
        steps = audio[1:] - audio[:-1]
    return float(max(audio.max(), -audio.min()) + _OVERSHOOT * max(steps.max(), -steps.min()))


class Limiter:
    """Streaming: `process` takes any number of samples and gives as many, `LOOK_AHEAD` later.

    Any chunking of the same input gives the same output.
    """

    def __init__(self, ceiling: float = CEILING) -> None:
        self._ceiling = ceiling
        self._delayed = np.zeros((LOOK_AHEAD, 2), np.float32)
        self._released = np.ones(_WIDTH - 1)
        self._held = np.ones(_WIDTH - 1)

    def process(self, audio: Audio) -> Audio:
        """Limit `(n, 2) float32` of any level; gives `(n, 2) float32` within the ceiling."""
        if not len(audio):
            return audio
        line = np.concatenate((self._delayed, audio))
        examined = line[-(len(audio) + _TAPS - 1) :]
        highest = _highest_possible(examined)
        if not np.isfinite(highest):
            # One such sample would stay in the filters' memory for good.
            np.nan_to_num(line, copy=False, nan=0.0, posinf=1.0, neginf=-1.0)
        self._delayed = line[-LOOK_AHEAD:]
        output = line[: len(audio)]
        if highest <= self._ceiling and self._idle:
            return output
        peaks = true_peaks(examined)
        if peaks.max() <= self._ceiling and self._idle:
            return output
        wanted = self._ceiling / np.maximum(peaks, self._ceiling)
        released = np.concatenate((self._released, _release(wanted, float(self._released[-1]))))
        held = np.concatenate((self._held, _sliding_minimum(released, _WIDTH)))
        sums = np.cumsum(np.concatenate(((0.0,), held)))
        gain = (sums[_WIDTH:] - sums[:-_WIDTH]) / _WIDTH
        self._released, self._held = released[-(_WIDTH - 1) :], held[-(_WIDTH - 1) :]
        return np.asarray(output * gain[:, None], np.float32)

    @property
    def _idle(self) -> bool:
        # Gains are at most 1, and released only ever rises: the last of it and the least of what is held tell all.
        return bool(self._released[-1] == 1.0 and self._held.min() == 1.0)


def _release(wanted: NDArray[np.float64], last: float) -> NDArray[np.float64]:
    """`out[n] = min(wanted[n], out[n - 1] + _RELEASE)`, starting from `last`, without a loop."""
    ramp = _RELEASE * np.arange(len(wanted) + 1)
    return np.asarray(np.minimum.accumulate(np.concatenate(((last,), wanted)) - ramp) + ramp)[1:]


def _sliding_minimum(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Minimum over each window: `(n - width + 1,)`, by doubling the span in place of a loop."""
    span = 1
    while span * 2 <= width:
        values = np.minimum(values[:-span], values[span:])
        span *= 2
    rest = width - span
    return np.minimum(values[: len(values) - rest], values[rest:]) if rest else values
