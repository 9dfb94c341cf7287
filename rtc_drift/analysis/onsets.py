"""Onset strength: by how much the spectrum rises, frame by frame.

Log-compressed mel bands, their positive differences over 20 ms (Böck & Widmer, "Maximum filter vibrato suppression
for onset detection", DAFx 2013, without the maximum filter), averaged over all bands, over those below 540 Hz, and over
those below 150 Hz: a loud off-beat hat outweighs a kick in the whole spectrum, but not in the low part.
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
"""Frames between what is compared."""
_COMPRESSION = 400.0
_KICK_FRAMES = 6


@dataclass(frozen=True, slots=True)
class Onsets:
    """Onset strength of each frame, `(n,) float32`, ≥ 0; a natural-logarithm step averaged over bands."""

    full: NDArray[np.float32]
    low: NDArray[np.float32]
    """Of what lies below 540 Hz."""
    bass: NDArray[np.float32]
    """Of what lies below 150 Hz."""
    kick: NDArray[np.float32]
    """Rise of the magnitudes below 140 Hz, not compressed: a kick outweighs a bass note by far."""

    @property
    def weighted(self) -> NDArray[np.float32]:
        """For the tempo: all and half as much of the low bands, above their mean over a second, unit deviation."""
        return _above_mean(_standard(self.full) + 0.5 * _standard(self.low))

    @property
    def kicks(self) -> NDArray[np.float32]:
        """Rise of the kick above its mean over a second, unit deviation."""
        return _above_mean(self.kick)

    @property
    def grounded(self) -> NDArray[np.float32]:
        """For where the beats are: an attack that a kick follows counts most, so that a loud off-beat hat is none."""
        return self._with_kicks(1.5)

    @property
    def steadied(self) -> NDArray[np.float32]:
        """For where the beats are if each has its kick: next to nothing else counts."""
        return self._with_kicks(6.0)

    def _with_kicks(self, weight: float) -> NDArray[np.float32]:
        attacks = np.clip(self.weighted, 0, 1)
        kicked = _standard(attacks * following_kick(_standard(self.kick)))
        return _above_mean(_standard(self.full) + 0.5 * _standard(self.low) + np.float32(weight) * kicked)


def following_kick(kick: NDArray[np.float32]) -> NDArray[np.float32]:
    """The greatest rise from each frame to 50 ms later: a kick's deep part comes that much after its attack."""
    padded = np.pad(kick, (0, _KICK_FRAMES - 1))
    return np.asarray(sliding_window_view(padded, _KICK_FRAMES).max(axis=1)) if len(kick) else kick


class OnsetMeter:
    """Takes magnitude spectra in order, and keeps four numbers of each frame."""

    def __init__(self, frame_size: int, sample_rate: float) -> None:
        self._size = frame_size
        self._filters = mel_filters(_BANDS, frame_size // 2 + 1, sample_rate / frame_size, 30, 0.46 * sample_rate)
        self._filters *= np.float32(_COMPRESSION / frame_size)
        self._deep = slice(1, 1 + int(_DEEP_HERTZ * frame_size / sample_rate))
        self._previous: NDArray[np.float32] | None = None
        self._rows = bytearray()

    def add(self, spectra: NDArray[np.float32]) -> None:
        """The next frames, `(n, frame_size / 2 + 1) float32`."""
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
        """All frames so far."""
        full, low, bass, kick = np.frombuffer(self._rows, np.float32).reshape(-1, 4).T.copy()
        return Onsets(full, low, bass, kick)


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
