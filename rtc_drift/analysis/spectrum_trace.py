"""The course of the spectrum: the level of 20 mel bands at each 80 ms, by which bars are compared."""

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.frames import mel_filters

SPECTRUM_RATE = 12.5
"""Levels per second, of frames that come 25 times a second."""
_BANDS = 20
_LOWEST_HERTZ = 30.0
_POOL = 2
"""Frames that are averaged."""
_LOWEST_DECIBELS, _PER_DECIBEL = -100.0, 2.5
"""Level of byte 0, and the steps of a byte for each decibel."""


class SpectrumMeter:
    """A meter for magnitude spectra, added in order. It keeps one byte for each band and 80 ms."""

    def __init__(self, frame_size: int, sample_rate: float) -> None:
        bins = frame_size // 2 + 1
        filters = mel_filters(_BANDS, bins, sample_rate / frame_size, _LOWEST_HERTZ, sample_rate / 2)
        self._filters = filters * np.float32((2 / frame_size) ** 2)
        self._waiting = np.zeros((0, _BANDS), np.float32)
        self._levels = bytearray()

    def add(self, spectra: NDArray[np.float32]) -> None:
        """Measure the next frames, `(n, frame_size / 2 + 1)`."""
        powers = np.concatenate((self._waiting, np.square(spectra) @ self._filters))
        whole = len(powers) // _POOL * _POOL
        levels = 10 * np.log10(powers[:whole].reshape(-1, _POOL, _BANDS).mean(axis=1) + 1e-12)
        steps = np.round((levels - _LOWEST_DECIBELS) * _PER_DECIBEL)
        self._levels += np.clip(steps, 0, 255).astype(np.uint8).tobytes()
        self._waiting = powers[whole:]

    def finish(self) -> NDArray[np.uint8]:
        """Return the levels of all added frames, `(n, 20)`; see `decibels`."""
        return np.frombuffer(self._levels, np.uint8).reshape(-1, _BANDS)


def decibels(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert levels, or means of them, to decibels of full scale."""
    return levels / _PER_DECIBEL + _LOWEST_DECIBELS
