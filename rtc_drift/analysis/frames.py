"""Decimation and overlapping frames for audio in chunks of any length. The chunking never changes the output."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

_SPAN = 16
"""Outputs that one row of the decimator's matrix product computes."""


class Decimator:
    """A low-pass filter that keeps every `factor`-th sample: output `k` is centred on input `k · factor`.

    The filter is a Hamming-windowed sinc of `taps` (odd) with half amplitude at 85 % of the new Nyquist frequency.
    """

    def __init__(self, factor: int, taps: int) -> None:
        self._factor = factor
        distance = np.arange(taps) - taps // 2
        filter_ = np.sinc(0.85 * distance / factor) * np.hamming(taps)
        self._matrix = np.zeros(((_SPAN - 1) * factor + taps, _SPAN), np.float32)
        for output in range(_SPAN):
            self._matrix[output * factor : output * factor + taps, output] = filter_ / filter_.sum()
        self._waiting = np.zeros(taps // 2, np.float32)
        self._tail = taps // 2 + len(self._matrix)

    def add(self, wave: NDArray[np.float32]) -> NDArray[np.float32]:
        """Add samples `(n,)` and return the complete outputs, `(m,) float32`."""
        line = np.concatenate((self._waiting, wave))
        width, step = len(self._matrix), _SPAN * self._factor
        if len(line) < width:
            self._waiting = line
            return np.zeros(0, np.float32)
        rows = np.ascontiguousarray(sliding_window_view(line, width)[::step])
        self._waiting = line[len(rows) * step :]
        return np.asarray((rows @ self._matrix).reshape(-1))

    def finish(self) -> NDArray[np.float32]:
        """Return the remaining outputs, and up to `_SPAN` outputs of silence."""
        return self.add(np.zeros(self._tail, np.float32))


class Framer:
    """A cutter of frames of `size` samples, `hop` apart: frame `k` is centred on sample `k · hop`."""

    def __init__(self, size: int, hop: int) -> None:
        self.size = size
        self.hop = hop
        self._waiting = np.zeros(size // 2, np.float32)

    def add(self, wave: NDArray[np.float32]) -> NDArray[np.float32]:
        """Add samples `(n,)` and return the complete frames, `(m, size) float32`: a read-only view."""
        line = np.concatenate((self._waiting, wave))
        if len(line) < self.size:
            self._waiting = line
            return np.zeros((0, self.size), np.float32)
        frames = sliding_window_view(line, self.size)[:: self.hop]
        self._waiting = line[len(frames) * self.hop :]
        return frames

    def finish(self) -> NDArray[np.float32]:
        """Return the last frames, padded with silence."""
        return self.add(np.zeros(self.size // 2, np.float32))


def magnitudes(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the magnitude spectra of windowed frames `(n, size)`: `(n, size / 2 + 1) float32`.

    It takes half the time of `np.abs`.
    """
    spectra = np.fft.rfft(frames).astype(np.complex64, copy=False)
    parts = spectra.view(np.float32)
    parts *= parts
    return np.asarray(np.sqrt(parts[:, ::2] + parts[:, 1::2]))


def mel_filters(bands: int, bins: int, bin_hertz: float, lowest: float, highest: float) -> NDArray[np.float32]:
    """Return triangular filters of height 1, evenly spaced on the mel scale: `(bins, bands) float32`.

    `lowest` and `highest` in hertz; the scale is `2595 · lg(1 + f / 700)`.
    """
    ends = 2595 * np.log10(1 + np.array((lowest, highest)) / 700)
    mels = np.linspace(ends[0], ends[1], bands + 2)
    edges = 700 * (10 ** (mels / 2595) - 1)
    hertz = np.arange(bins)[:, None] * bin_hertz
    rising = (hertz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hertz) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(0, np.minimum(rising, falling)), np.float32)
