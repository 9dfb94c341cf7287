"""Blocks of any length become fewer samples and overlapping frames. Any chunking of the same input gives the same."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

_SPAN = 16
"""Outputs of the decimator computed by one row of its matrix product."""


class Decimator:
    """Low-pass and keep every `factor`-th sample: output `k` is centred on input `k · factor`.

    A Hamming-windowed sinc of `taps` (odd), half its amplitude at 85 % of the new Nyquist frequency.
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
        """`(n,)` → the outputs that are complete, `(m,) float32`."""
        line = np.concatenate((self._waiting, wave))
        width, step = len(self._matrix), _SPAN * self._factor
        if len(line) < width:
            self._waiting = line
            return np.zeros(0, np.float32)
        rows = np.ascontiguousarray(sliding_window_view(line, width)[::step])
        self._waiting = line[len(rows) * step :]
        return np.asarray((rows @ self._matrix).reshape(-1))

    def finish(self) -> NDArray[np.float32]:
        """What was held back, and up to `_SPAN` outputs of silence."""
        return self.add(np.zeros(self._tail, np.float32))


class Framer:
    """Windows of `size` samples, `hop` apart: frame `k` is centred on sample `k · hop`."""

    def __init__(self, size: int, hop: int) -> None:
        self.size = size
        self.hop = hop
        self._waiting = np.zeros(size // 2, np.float32)

    def add(self, wave: NDArray[np.float32]) -> NDArray[np.float32]:
        """`(n,)` → the frames that are complete, `(m, size) float32`: a view, to be read only."""
        line = np.concatenate((self._waiting, wave))
        if len(line) < self.size:
            self._waiting = line
            return np.zeros((0, self.size), np.float32)
        frames = sliding_window_view(line, self.size)[:: self.hop]
        self._waiting = line[len(frames) * self.hop :]
        return frames

    def finish(self) -> NDArray[np.float32]:
        """The last frames, half of them silence."""
        return self.add(np.zeros(self.size // 2, np.float32))


def magnitudes(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of the spectra of windowed frames `(n, size)`: `(n, size / 2 + 1) float32`, in half the time of `np.abs`."""
    spectra = np.fft.rfft(frames).astype(np.complex64, copy=False)
    parts = spectra.view(np.float32)
    parts *= parts
    return np.asarray(np.sqrt(parts[:, ::2] + parts[:, 1::2]))


def mel_filters(bands: int, bins: int, bin_hertz: float, lowest: float, highest: float) -> NDArray[np.float32]:
    """Triangles of height 1, evenly spaced on the mel scale `2595 · lg(1 + f / 700)`: `(bins, bands) float32`."""
    ends = 2595 * np.log10(1 + np.array((lowest, highest)) / 700)
    mels = np.linspace(ends[0], ends[1], bands + 2)
    edges = 700 * (10 ** (mels / 2595) - 1)
    hertz = np.arange(bins)[:, None] * bin_hertz
    rising = (hertz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hertz) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(0, np.minimum(rising, falling)), np.float32)
