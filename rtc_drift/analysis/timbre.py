"""Timbre: the shape of the spectrum, frame by frame, and its mean over all frames that sound.

The shape follows Peeters, "A large set of audio features" (2004); MFCC follow Davis & Mermelstein (1980), 40 mel bands.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.frames import mel_filters

_BANDS = 40
_COEFFICIENTS = 12
_SILENT_POWER = 1e-9
"""Mean power below which a frame is skipped (-90 dBFS)."""
_BASS_HERTZ, _AIR_HERTZ = 150.0, 6_000.0
_FLAT_HERTZ = (50.0, 9_500.0)
"""Range of the flatness in hertz: the decimation weakens what lies above."""


@dataclass(frozen=True, slots=True)
class Timbre:
    """Means over all frames that sound; zeros for silence. Power is that below 12 kHz."""

    centroid_hertz: float
    """Spectral centroid, `Σ f·|X| / Σ |X|`."""
    spread_hertz: float
    """Spectral spread, `√(Σ (f - centroid)²·|X| / Σ |X|)`."""
    flatness: float
    """Geometric mean divided by arithmetic mean of the power from 50 Hz to 9.5 kHz, 0–1; 0.56 for white noise."""
    bass: float
    """Share of the power below 150 Hz, over the whole track, 0–1."""
    air: float
    """Share of the power above 6 kHz, over the whole track, 0–1."""
    mfcc: tuple[float, ...]
    """Coefficients 1 to 12 of the mel spectrum's natural logarithm: 12 means, then 12 standard deviations."""


class TimbreMeter:
    """A meter for magnitude spectra. It keeps only sums."""

    def __init__(self, frame_size: int, sample_rate: float) -> None:
        bins = frame_size // 2 + 1
        bin_hertz = sample_rate / frame_size
        self._hertz = (np.arange(bins) * bin_hertz).astype(np.float32)
        self._moments = np.stack((np.ones(bins), self._hertz, self._hertz**2), axis=1).astype(np.float32)
        parts = (np.ones(bins), self._hertz < _BASS_HERTZ, self._hertz > _AIR_HERTZ)
        mel = mel_filters(_BANDS, bins, bin_hertz, 30, sample_rate / 2)
        self._sums = np.column_stack((*parts, mel)).astype(np.float32)
        """Weights of all sums of the power, as one matrix: three parts, then the mel bands."""
        angle = np.pi / _BANDS * (np.arange(_BANDS)[:, None] + 0.5) * np.arange(1, _COEFFICIENTS + 1)
        self._cosines = (np.cos(angle) * np.sqrt(2 / _BANDS)).astype(np.float32)
        first, last = (int(hertz / bin_hertz) for hertz in _FLAT_HERTZ)
        self._flat = slice(first, last)
        self._scale = np.float32(2 / frame_size)
        self._frames = 0
        self._shape = np.zeros(3)
        self._power = np.zeros(3)
        self._mfcc = np.zeros((2, _COEFFICIENTS))

    def add(self, spectra: NDArray[np.float32]) -> None:
        """Measure the next frames, `(n, frame_size / 2 + 1)`."""
        spectra = spectra * self._scale
        power = spectra * spectra
        sums = power @ self._sums
        sounding = sums[:, 0] > _SILENT_POWER
        if not sounding.all():
            spectra, power, sums = spectra[sounding], power[sounding], sums[sounding]
        if not len(sums):
            return
        parts, mel = sums[:, :3], sums[:, 3:]
        total, first, second = (spectra @ self._moments).astype(np.float64).T
        centroid = first / total
        spread = np.sqrt(np.maximum(second / total - centroid**2, 0))
        flat_power = power[:, self._flat]
        flatness = np.exp(np.log(flat_power + 1e-16).mean(axis=1)) / (flat_power.mean(axis=1) + 1e-16)
        mfcc = (np.log(mel + 1e-10) @ self._cosines).astype(np.float64)
        self._frames += len(spectra)
        self._shape += (centroid.sum(), spread.sum(), flatness.sum())
        self._power += parts.sum(axis=0, dtype=np.float64)
        self._mfcc += (mfcc.sum(axis=0), (mfcc**2).sum(axis=0))

    def finish(self) -> Timbre:
        """Return the timbre of all added frames."""
        if not self._frames:
            return Timbre(0.0, 0.0, 0.0, 0.0, 0.0, (0.0,) * 2 * _COEFFICIENTS)
        centroid, spread, flatness = (self._shape / self._frames).tolist()
        bass, air = (self._power[1:] / self._power[0]).tolist()
        means, squares = self._mfcc / self._frames
        deviations = np.sqrt(np.maximum(squares - means**2, 0))
        mfcc = tuple(map(float, (*means, *deviations)))
        return Timbre(centroid, spread, min(flatness, 1.0), min(bass, 1.0), min(air, 1.0), mfcc)
