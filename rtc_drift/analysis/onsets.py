"""Onset strength: the rise of the spectrum, frame by frame.

It is the positive difference of log-compressed mel bands over 20 ms (Böck & Widmer, "Maximum filter vibrato
suppression for onset detection", DAFx 2013, without the maximum filter), averaged over all bands, over those below
540 Hz, and over those below 150 Hz. A loud off-beat hat outweighs a kick in the whole spectrum, not in the low part.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from rtc_drift.analysis.frames import mel_filters

FRAME_RATE = 100
"""Frames per second."""
_BANDS = 40
_LOW_BANDS = 8
_BASS_BANDS = 2
_DEEP_HERTZ = 140.0
_LAG = 2
"""Distance of the compared frames, in frames."""
_COMPRESSION = 400.0
_AT_ONCE = 65_536
_KICK_FRAMES = 6
"""Frames from an attack to the end of the search for its kick (50 ms)."""


@dataclass(frozen=True, slots=True)
class Onsets:
    """Onset strength of each frame, `(n,) float32`, ≥ 0: rise of the natural logarithm, averaged over bands."""

    full: NDArray[np.float32]
    """Onset strength of all bands."""
    low: NDArray[np.float32]
    """Onset strength below 540 Hz."""
    bass: NDArray[np.float32]
    """Onset strength below 150 Hz."""
    kick: NDArray[np.float32]
    """Rise of the magnitudes below 140 Hz, not compressed: a kick outweighs a bass note by far."""

    @property
    def weighted(self) -> NDArray[np.float32]:
        """Onset strength for the tempo: all bands plus half the low bands, above the mean over 1 s, unit deviation."""
        return _above_mean(_standard(self.full) + 0.5 * _standard(self.low))

    @property
    def kick_above_mean(self) -> NDArray[np.float32]:
        """Rise of the kick above its mean over a second, unit deviation."""
        return _above_mean(self.kick)

    @property
    def kick_weighted(self) -> NDArray[np.float32]:
        """Onset strength for the beats: an attack before a kick counts most, so that a loud off-beat hat is no beat."""
        return self._with_kicks(1.5)

    @property
    def kick_dominated(self) -> NDArray[np.float32]:
        """Onset strength for the beats if each has a kick: almost nothing else counts."""
        return self._with_kicks(6.0)

    def _with_kicks(self, weight: float) -> NDArray[np.float32]:
        attacks = np.clip(self.weighted, 0, 1)
        kicked = _standard(attacks * following_kick(_standard(self.kick)))
        return _above_mean(_standard(self.full) + 0.5 * _standard(self.low) + np.float32(weight) * kicked)


def following_kick(kick: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the greatest rise from each frame to 50 ms later: the deep part of a kick comes after its attack."""
    padded = np.pad(kick, (0, _KICK_FRAMES - 1))
    return np.asarray(sliding_window_view(padded, _KICK_FRAMES).max(axis=1)) if len(kick) else kick


class OnsetMeter:
    """A meter for magnitude spectra, added in order. It keeps four numbers per frame."""

    def __init__(self, frame_size: int, sample_rate: float) -> None:
        self._size = frame_size
        self._filters = mel_filters(_BANDS, frame_size // 2 + 1, sample_rate / frame_size, 30, 0.46 * sample_rate)
        self._filters *= np.float32(_COMPRESSION / frame_size)
        self._deep = slice(1, 1 + int(_DEEP_HERTZ * frame_size / sample_rate))
        self._previous: NDArray[np.float32] | None = None
        self._rows = bytearray()

    def add(self, spectra: NDArray[np.float32]) -> None:
        """Measure the next frames, `(n, frame_size / 2 + 1) float32`."""
        if not len(spectra):
            return
        deep = spectra[:, self._deep] * np.float32(_COMPRESSION / 100 / self._size)
        bands = np.concatenate((np.log1p(spectra @ self._filters), deep), axis=1)
        if self._previous is None:
            self._previous = np.repeat(bands[:1], _LAG, axis=0)
        line = np.concatenate((self._previous, bands))
        rise = np.maximum(0, line[_LAG:] - line[:-_LAG])
        means = [rise[:, :count].mean(axis=1) for count in (_BANDS, _LOW_BANDS, _BASS_BANDS)]
        self._rows += np.stack((*means, rise[:, _BANDS:].sum(axis=1)), axis=1).tobytes()
        self._previous = line[-_LAG:]

    def finish(self) -> Onsets:
        """Return the onset strengths of all added frames."""
        full, low, bass, kick = np.frombuffer(self._rows, np.float32).reshape(-1, 4).T.copy()
        return Onsets(full, low, bass, kick)


def moving_mean(values: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Return the mean over a window centred on each value, shorter at the ends: `(n,)`."""
    sums = np.concatenate(((0.0,), np.cumsum(values, dtype=np.float64)))
    means = np.empty(len(values), np.float32)
    for begin in range(0, len(values), _AT_ONCE):  # of hours of music, all indices at once would take 50 MB
        index = np.arange(begin, min(begin + _AT_ONCE, len(values)))
        first = np.maximum(index - width // 2, 0)
        last = np.minimum(index + (width + 1) // 2, len(values))
        means[index] = (sums[last] - sums[first]) / (last - first)
    return means


def _above_mean(strength: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the excess over the mean of a second, with unit deviation."""
    return _standard(np.maximum(0, strength - moving_mean(strength, FRAME_RATE)))


def _standard(values: NDArray[np.float32]) -> NDArray[np.float32]:
    deviation = float(values.std()) if len(values) else 0.0
    return values / np.float32(deviation) if deviation > 1e-6 else np.zeros_like(values)
