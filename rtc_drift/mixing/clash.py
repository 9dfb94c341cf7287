"""Clashes of two tracks in an overlap: dissonant chords, and two busy middles at once.

The measure: at moments spread over the overlap, both mids sound by the product of their fades' powers, times 4.
*Harmonic clash* is the mean of that times the dissonance of both chords, *activity clash* the mean of that times the
power of the quieter mids. Both are about 0 to 1, and independent of the overlap's length.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.model import PITCH_CLASSES
from rtc_drift.mixing.loudness_curve import LoudnessCurve

Floats = NDArray[np.float64]

POINTS = 16
"""Moments of an overlap that are looked at."""
_DISSONANCE = np.array((0.0, 1.0, 0.4, 0.1, 0.1, 0.0, 0.5, 0.0, 0.1, 0.1, 0.4, 1.0))
"""Roughness of two pitch classes that are so many semitones apart: minor seconds most, fifths not at all."""
_INTERVALS = _DISSONANCE[(np.arange(PITCH_CLASSES)[:, None] - np.arange(PITCH_CLASSES)) % PITCH_CLASSES]


@dataclass(frozen=True, slots=True)
class Harmony:
    """The chords of a track: the share of each pitch class in each second, `(n, 12)`, each row of sum 1 or 0."""

    chords: Floats

    @classmethod
    def of(cls, chroma: tuple[float, ...]) -> "Harmony":
        """Make it from the flat `chroma` of an analysis."""
        rows = np.array(chroma).reshape(-1, PITCH_CLASSES)
        return cls(rows / np.maximum(rows.sum(axis=1, keepdims=True), 1e-9))

    def dissonance(self, other: "Harmony", here: Floats, there: Floats) -> Floats:
        """Return how rough this track's chords at the seconds `here` sound with the other's at `there`, 0–1."""
        if not (len(self.chords) and len(other.chords)):
            return np.zeros(here.shape)
        first, second = self.chords[_second(here, len(self.chords))], other.chords[_second(there, len(other.chords))]
        return np.asarray(((first @ _INTERVALS) * second).sum(axis=-1))


def activity(outgoing: LoudnessCurve, incoming: LoudnessCurve, here: Floats, there: Floats) -> Floats:
    """Return the power of the quieter mids at seconds `here` of one track and `there` of the other, 0–1."""
    if not (outgoing.is_known and incoming.is_known):
        return np.zeros(here.shape)
    quieter = np.minimum(outgoing.bands_at(here)[..., 1], incoming.bands_at(there)[..., 1])
    return np.minimum(quieter, 1.0)


def together(shares: Floats, start: float, end: float) -> Floats:
    """Return how much both mids sound at `shares` (0–1) of an overlap, 0–1; they cross from share `start` to `end`."""
    inside = np.clip((shares - start) / max(end - start, 1e-6), 0, 1)
    return np.asarray(np.sin(np.pi * inside) ** 2)  # 4 · sin² · cos²


def _second(times: Floats, seconds: int) -> NDArray[np.int64]:
    return np.asarray(np.clip(times, 0, seconds - 1).astype(np.int64))
