"""Onset strength: by how much the spectrum rises, frame by frame.

Log-compressed mel bands, their positive differences over 20 ms (Böck & Widmer, "Maximum filter vibrato suppression
for onset detection", DAFx 2013, without the maximum filter), averaged over all bands, over those below 540 Hz, and over
those below 150 Hz: a loud off-beat hat outweighs a kick in the whole spectrum, but not in the low part.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtc_drift.library.analysis.frames import mel_filters

FRAME_RATE = 100
"""Frames per second."""
_BANDS = 40
_LOW_BANDS = 8
_BASS_BANDS = 2
_LAG = 2
"""Frames between what is compared."""
_COMPRESSION = 400.0


@dataclass(frozen=True, slots=True)
class Onsets:
    """Onset strength of each frame, `(n,) float32`, ≥ 0; a natural-logarithm step averaged over bands."""

    full: NDArray[np.float32]
    low: NDArray[np.float32]
    """Of what lies below 540 Hz."""
    bass: NDArray[np.float32]
    """Of what lies below 150 Hz."""

    @property
    def weighted(self) -> NDArray[np.float32]:
        """For the tempo: all and half as much of the low bands, above their mean over a second, unit deviation."""
        return _above_mean(_standard(self.full) + 0.5 * _standard(self.low))

    @property
    def grounded(self) -> NDArray[np.float32]:
        """For where the beats are: the low bands and the bass count most, so that a loud off-beat hat is none."""
        return _above_mean(_standard(self.full) + _standard(self.low) + _standard(self.bass))


class OnsetMeter:
    """Takes magnitude spectra in order, and keeps three numbers of each frame."""

    def __init__(self, frame_size: int, sample_rate: float) -> None:
        self._filters = mel_filters(_BANDS, frame_size // 2 + 1, sample_rate / frame_size, 30, 0.46 * sample_rate)
        self._filters *= np.float32(_COMPRESSION / frame_size)
        self._previous: NDArray[np.float32] | None = None
        self._rows: list[NDArray[np.float32]] = []

    def add(self, spectra: NDArray[np.float32]) -> None:
        """The next frames, `(n, frame_size / 2 + 1) float32`."""
        if not len(spectra):
            return
        bands = np.log1p(spectra @ self._filters)
        if self._previous is None:
            self._previous = np.repeat(bands[:1], _LAG, axis=0)
        line = np.concatenate((self._previous, bands))
        rise = np.maximum(0, line[_LAG:] - line[:-_LAG])
        means = [rise[:, :count].mean(axis=1) for count in (_BANDS, _LOW_BANDS, _BASS_BANDS)]
        self._rows.append(np.stack(means))
        self._previous = line[-_LAG:]

    def finish(self) -> Onsets:
        """All frames so far."""
        rows = np.concatenate([np.zeros((3, 0), np.float32), *self._rows], axis=1)
        return Onsets(*rows)


def moving_mean(values: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Mean over a window centred on each value, shorter at the ends: `(n,)`."""
    sums = np.concatenate(((0.0,), np.cumsum(values, dtype=np.float64)))
    index = np.arange(len(values))
    first = np.maximum(index - width // 2, 0)
    last = np.minimum(index + (width + 1) // 2, len(values))
    return np.asarray((sums[last] - sums[first]) / (last - first), np.float32)


def _above_mean(strength: NDArray[np.float32]) -> NDArray[np.float32]:
    """What exceeds the mean over a second, with unit deviation."""
    return _standard(np.maximum(0, strength - moving_mean(strength, FRAME_RATE)))


def _standard(values: NDArray[np.float32]) -> NDArray[np.float32]:
    deviation = float(values.std()) if len(values) else 0.0
    return values / np.float32(deviation) if deviation > 1e-6 else np.zeros_like(values)
