"""The share of the bass in each moment's loudness: what is lost when the engine removes the bass."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rtc_drift.media import BASS_CROSSOVER_HZ, SAMPLE_RATE, Audio

_SHELF_HERTZ, _SHELF_Q, _SHELF_GAIN = 1_681.97, 0.7072, 1.5848
_RUMBLE_HERTZ, _RUMBLE_Q = 38.14, 0.5003
"""The two stages of K-weighting (ITU-R BS.1770)."""
_LUFS_OF_FULL_POWER = 0.691
"""Level of the K-weighted power minus its loudness, in dB."""
_POOL = 8
"""Samples averaged first. Only what lies above 5 kHz is aliased to the bass by it, at least 15 dB lower."""
_RATE = SAMPLE_RATE // _POOL
_MOMENT = SAMPLE_RATE * 2 // 5
"""Samples per moment of 0.4 s."""
_HIGHEST_HERTZ = 1_000.0
"""The crossover removes nothing above this frequency."""


class BassMeter:
    """A meter for audio at 48 kHz in chunks of any length. It measures both channels, since bass may be stereo."""

    def __init__(self) -> None:
        self._waiting = np.zeros((0, 2), np.float32)
        self._pool = np.tile(np.eye(2, dtype=np.float32) / _POOL, (_POOL, 1))
        count = _MOMENT // _POOL
        hertz = np.fft.rfftfreq(count, 1 / _RATE)
        self._weights = _weights(hertz[hertz <= _HIGHEST_HERTZ]) * 2 / count**2
        self._powers = list[float]()

    def add(self, audio: Audio) -> None:
        """Measure the next samples, `(n, 2)`."""
        line = np.concatenate((self._waiting, audio))
        whole = len(line) // _MOMENT * _MOMENT
        pooled = (line[:whole].reshape(-1, 2 * _POOL) @ self._pool).reshape(-1, _MOMENT // _POOL, 2)
        low = np.fft.rfft(pooled, axis=1)[:, : len(self._weights)]
        self._powers += (np.square(low.real) + np.square(low.imag)).sum(axis=2).dot(self._weights).tolist()
        self._waiting = line[whole:].copy()

    def finish(self, momentary_lufs: Sequence[float]) -> tuple[float, ...]:
        """Return the share of the bass in the power of each 0.4 s whose loudness in LUFS is given, 0–1."""
        moments = min(len(self._powers), len(momentary_lufs))
        whole = 10 ** ((np.array(momentary_lufs[:moments]) + _LUFS_OF_FULL_POWER) / 10)
        return tuple(np.round(np.clip(self._powers[:moments] / whole, 0, 1), 2).tolist())


def _weights(hertz: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the share of power that the crossover removes at each frequency, K-weighted by the analogue prototypes."""
    shelf, rumble = hertz / _SHELF_HERTZ, hertz / _RUMBLE_HERTZ
    middle = np.sqrt(_SHELF_GAIN)
    above = ((1 - _SHELF_GAIN * shelf**2) ** 2 + (middle * shelf / _SHELF_Q) ** 2) / (
        (1 - shelf**2) ** 2 + (shelf / _SHELF_Q) ** 2
    )
    weighted = above * rumble**4 / ((1 - rumble**2) ** 2 + (rumble / _RUMBLE_Q) ** 2)
    ratio = (hertz / BASS_CROSSOVER_HZ) ** 4
    return np.asarray(weighted * (1 - (ratio / (1 + ratio)) ** 2))
