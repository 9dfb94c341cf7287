"""The shares of the bass and of the highs in each moment's loudness: what is lost when the engine removes them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rtc_drift.media import BASS_CROSSOVER_HZ, HIGH_CROSSOVER_HZ, SAMPLE_RATE, Audio

_SHELF_HERTZ, _SHELF_Q, _SHELF_GAIN = 1_681.97, 0.7072, 1.5848
_RUMBLE_HERTZ, _RUMBLE_Q = 38.14, 0.5003
"""The two stages of K-weighting (ITU-R BS.1770)."""
_LUFS_OF_FULL_POWER = 0.691
"""Level of the K-weighted power minus its loudness, in dB."""
_POOL = 2
"""Samples averaged first. Only what lies above 18 kHz is aliased below 6 kHz by it, at least 8 dB lower."""
_RATE = SAMPLE_RATE // _POOL
_MOMENT = SAMPLE_RATE * 2 // 5
"""Samples per moment of 0.4 s."""
_SILENT_POWER = 1.5e-7
"""Power of a moment that counts as silent (-67.5 LUFS): the meter gives silence -70 LUFS."""
_HIGHEST_HERTZ = 6_000.0
"""Frequency above which nothing is left without the highs, and nothing is bass."""


class BandMeter:
    """A meter for audio at 48 kHz in chunks of any length. It measures both channels, since bands may be stereo."""

    def __init__(self) -> None:
        self._waiting = np.zeros((0, 2), np.float32)
        count = _MOMENT // _POOL
        hertz = np.fft.rfftfreq(count, 1 / _RATE)
        hertz = hertz[hertz <= _HIGHEST_HERTZ]
        pooled = np.cos(np.pi * hertz / SAMPLE_RATE) ** 2
        kept = np.stack((_bass(hertz), _below_highs(hertz)), axis=1)
        self._weights = (kept * (_k_weights(hertz) / pooled)[:, None] * 2 / count**2).astype(np.float32)
        """Weights of the power at each frequency: in the bass, and in all that is not the highs."""
        self._powers = bytearray()

    def add(self, audio: Audio) -> None:
        """Measure the next samples, `(n, 2)`."""
        line = np.concatenate((self._waiting, audio))
        whole = len(line) // _MOMENT * _MOMENT
        moments = line[:whole].reshape(-1, _MOMENT // _POOL, _POOL, 2)
        pooled = (moments[:, :, 0] + moments[:, :, 1]) / np.float32(_POOL)
        spectra = np.fft.rfft(np.ascontiguousarray(pooled.swapaxes(1, 2)))[:, :, : len(self._weights)]
        powers = (np.square(spectra.real) + np.square(spectra.imag)).sum(axis=1)
        self._powers += (powers @ self._weights).astype(np.float32).tobytes()
        self._waiting = line[whole:].copy()

    def finish(self, momentary_lufs: Sequence[float]) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the shares of bass and highs in the power of each 0.4 s whose loudness in LUFS is given, 0–1."""
        powers = np.frombuffer(self._powers, np.float32).reshape(-1, 2)
        moments = min(len(powers), len(momentary_lufs))
        whole = 10 ** ((np.array(momentary_lufs[:moments]) + _LUFS_OF_FULL_POWER) / 10)
        bass, below = powers[:moments].T / whole
        below = np.where(whole > _SILENT_POWER, below, 1)  # silence has no highs
        bass, highs = (tuple(np.round(np.clip(share, 0, 1), 2).tolist()) for share in (bass, 1 - below))
        return bass, highs


def _bass(hertz: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the share of power at each frequency that is lost without the bass: Linkwitz-Riley, fourth order."""
    ratio = (hertz / BASS_CROSSOVER_HZ) ** 4
    return np.asarray(1 - (ratio / (1 + ratio)) ** 2)


def _below_highs(hertz: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the share of power at each frequency that is left without the highs."""
    return np.asarray(1 / (1 + (hertz / HIGH_CROSSOVER_HZ) ** 4) ** 2)


def _k_weights(hertz: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the K-weighting of power at each frequency, by the analogue prototypes."""
    shelf, rumble = hertz / _SHELF_HERTZ, hertz / _RUMBLE_HERTZ
    middle = np.sqrt(_SHELF_GAIN)
    above = ((1 - _SHELF_GAIN * shelf**2) ** 2 + (middle * shelf / _SHELF_Q) ** 2) / (
        (1 - shelf**2) ** 2 + (shelf / _SHELF_Q) ** 2
    )
    return np.asarray(above * rumble**4 / ((1 - rumble**2) ** 2 + (rumble / _RUMBLE_Q) ** 2))
