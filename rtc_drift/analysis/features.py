"""Features: one number for each aspect of how a track sounds."""

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.envelope import Envelope
from rtc_drift.analysis.key import FRAME_RATE as CHROMA_RATE
from rtc_drift.analysis.key import Tonality
from rtc_drift.analysis.model import Features
from rtc_drift.analysis.onsets import FRAME_RATE, Onsets
from rtc_drift.analysis.timbre import Timbre

_ONSET_ABOVE = 0.5
"""Least height of a peak of the onset strength that counts as an onset, in standard deviations."""
_CHORD_FRAMES = 6
"""Distance of the compared chroma frames, in frames (0.5 s)."""


def features(
    tempo_bpm: float,
    beats: NDArray[np.float64],
    onsets: Onsets,
    tonality: Tonality,
    timbre: Timbre,
    envelope: Envelope,
) -> Features:
    """Return all features of a track. Each is finite, and 0 where it has no meaning."""
    strength = onsets.weighted
    beat_strength = _beat_strength(beats, strength)
    return Features(
        tempo=tempo_bpm,
        onset_density=_onset_density(strength),
        beat_strength=beat_strength,
        danceability=_regularity(beats) * np.log1p(beat_strength),
        energy=_energy(onsets, timbre),
        brightness=timbre.centroid_hertz,
        bass=timbre.bass,
        air=timbre.air,
        noisiness=timbre.flatness,
        spread=timbre.spread_hertz,
        dynamics=_crest_decibels(envelope),
        tonal_clarity=tonality.clarity,
        harmonic_change=_harmonic_change(tonality.chroma),
        complexity=tonality.complexity,
        timbre=timbre.mfcc,
    )


def _onset_density(strength: NDArray[np.float32]) -> float:
    """Count peaks of the onset strength above half a standard deviation, per second."""
    if len(strength) < 3:
        return 0.0
    middle = strength[1:-1]
    peaks = (middle > strength[:-2]) & (middle >= strength[2:]) & (middle > _ONSET_ABOVE)
    return float(np.count_nonzero(peaks)) * FRAME_RATE / len(strength)


def _beat_strength(beats: NDArray[np.float64], strength: NDArray[np.float32]) -> float:
    """Return the mean onset strength within 20 ms of the beats, divided by the mean of all frames; 1 is chance."""
    mean = float(strength.mean()) if len(strength) else 0.0
    if not len(beats) or mean <= 0:
        return 0.0
    frames = np.clip(np.round(beats * FRAME_RATE).astype(int)[:, None] + np.arange(-2, 3), 0, len(strength) - 1)
    return float(strength[frames].mean()) / mean


def _regularity(beats: NDArray[np.float64]) -> float:
    """Return `1 - 4 · median deviation / median` of the time between beats, 0–1."""
    if len(beats) < 4:
        return 0.0
    gaps = np.diff(beats)
    usual = float(np.median(gaps))
    return max(1 - 4 * float(np.median(np.abs(gaps - usual))) / usual, 0.0)


def _energy(onsets: Onsets, timbre: Timbre) -> float:
    """Return `100 · mean onset strength · √(centroid / 1 kHz)`, about 0–30.

    Loudness alone can't distinguish driving from calm music.
    """
    flux = float(onsets.full.mean()) if len(onsets.full) else 0.0
    return 100 * flux * float(np.sqrt(timbre.centroid_hertz / 1000))


def _crest_decibels(envelope: Envelope) -> float:
    """Return the ratio of peak to root mean square over the whole track in dB; 0 for silence."""
    power = float(envelope.powers.mean()) if len(envelope.powers) else 0.0
    peak = float(envelope.peaks.max(initial=0))
    return max(20 * float(np.log10(peak / np.sqrt(power))), 0.0) if power > 0 and peak > 0 else 0.0


def _harmonic_change(chroma: NDArray[np.float32]) -> float:
    """Return the mean cosine distance of chroma half a second apart, per second (Harte, Sandler & Gasser 2006)."""
    if len(chroma) <= _CHORD_FRAMES:
        return 0.0
    before, after = chroma[:-_CHORD_FRAMES], chroma[_CHORD_FRAMES:]
    sounding = before.any(axis=1) & after.any(axis=1)
    if not sounding.any():
        return 0.0
    likeness = (before[sounding] * after[sounding]).sum(axis=1)
    return max(1 - float(likeness.mean()), 0.0) * CHROMA_RATE / _CHORD_FRAMES
