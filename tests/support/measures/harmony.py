"""How rough two parts of a mix sound together: the dissonance of what both play at once."""

import numpy as np
from numpy.typing import NDArray

from rtc_drift.media import SAMPLE_RATE, Audio

_SIZE, _HOP = 16_384, 8_192
"""A frame of 0.34 s resolves 3 Hz: semitones from 60 Hz on."""
_LOWEST_HZ, _HIGHEST_HZ = 110.0, 1_760.0
_ROUGHNESS = np.array((0.0, 1.0, 0.4, 0.1, 0.1, 0.0, 0.5, 0.0, 0.1, 0.1, 0.4, 1.0))
"""Of two pitch classes that are so many semitones apart."""
_INTERVALS = _ROUGHNESS[(np.arange(12)[:, None] - np.arange(12)) % 12]
_WHITE = 31
_SILENCE = 1e-9


def harmonic_clash(first: Audio, second: Audio) -> float:
    """Return how rough an overlap's two parts, as long as each other, sound together: 0 to about 0.5.

    In each frame of 0.34 s, chroma from the peaks of both spectra (110 Hz to 1.76 kHz) give a dissonance: the mean
    roughness of all pairs of pitch classes, one of each part. The frame counts by how much both sound at once: twice
    the quieter part's share of the power in that range, 0 to 1. The result is the mean over the whole overlap.
    """
    if not len(first):
        return 0.0
    spectra = [_magnitudes(part.mean(axis=1)) for part in (first, second)]
    powers = [np.square(it).sum(axis=1) + _SILENCE for it in spectra]
    quieter = np.minimum(*powers)
    both = 2 * quieter / (powers[0] + powers[1])
    chords = [_chroma(it) for it in spectra]
    dissonance = np.einsum("fi,ij,fj->f", chords[0], _INTERVALS, chords[1])
    return float((dissonance * both).mean())


def _magnitudes(wave: NDArray[np.float32]) -> NDArray[np.float64]:
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(wave, (0, _SIZE)), _SIZE)[::_HOP]
    spectra = np.abs(np.fft.rfft(frames * np.hanning(_SIZE)))
    first, last = (round(hertz * _SIZE / SAMPLE_RATE) for hertz in (_LOWEST_HZ, _HIGHEST_HZ))
    return np.asarray(spectra[:, first:last], np.float64)


def _chroma(spectra: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of each pitch class in each frame, `(n, 12)`, by the peaks above the spectrum around them."""
    around = np.apply_along_axis(np.convolve, 1, spectra, np.ones(_WHITE) / _WHITE, "same")
    peaks = np.zeros_like(spectra)
    middle = spectra[:, 1:-1]
    is_peak = (middle > spectra[:, :-2]) & (middle >= spectra[:, 2:]) & (middle > 2 * around[:, 1:-1])
    peaks[:, 1:-1][is_peak] = np.sqrt(middle[is_peak])
    bins = np.arange(spectra.shape[1]) + round(_LOWEST_HZ * _SIZE / SAMPLE_RATE)
    classes = np.round(12 * np.log2(bins * SAMPLE_RATE / _SIZE / 440) + 69).astype(int) % 12
    chroma = peaks @ np.eye(12)[classes]
    return np.asarray(chroma / np.maximum(chroma.sum(axis=1, keepdims=True), _SILENCE))
