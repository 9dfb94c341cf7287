"""Smooth beats: where somebody tapping along would put each beat, if attacks come early, late or not at all."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_NO_ATTACK_WEIGHT = 0.1
"""Weight of a beat without attack."""
_WIDTH_BEATS = 4.0
"""Standard deviation of the bell over which beats are averaged."""
_REACH_BEATS = 12
_DEGREE = 2
_STIFFNESS = 1e-6
"""Tends the fit to an even tempo where too few beats have an attack to tell."""
_HALF_WEIGHT_SECONDS = 0.006
"""Distance from the curve at which an attack has half its weight: it may belong to another instrument."""
_LIMIT_SECONDS = 0.03
"""Limit of a single deviation."""
_FITS = 4
"""Number of fits of the curve; each weights the beats by their distance from the curve before."""


@dataclass(frozen=True, slots=True)
class SmoothBeats:
    """A curve through the beats of a track. All arrays have a value for each beat."""

    times: Floats
    """Time of each beat in seconds, `(n,)`."""
    has_attack: NDArray[np.bool_]
    deviations: Floats
    """Distance of each attack from the curve in seconds, at most 30 ms. Without an attack that of the counted beat.

    A counted beat is less exact, but it lies where the sound rises: on soft sounds beside the beat it is the only sign.
    """

    @classmethod
    def of(cls, beats: Floats, attacks: Floats) -> "SmoothBeats":
        """Draw the curve through counted beats and the attacks on them (NaN where there is none), in seconds."""
        has_attack = np.isfinite(attacks)
        times = np.where(has_attack, attacks, beats)
        weights = np.where(has_attack, 1.0, _NO_ATTACK_WEIGHT)
        smooth = _fit(times, weights)
        for _ in range(_FITS - 1):
            smooth = _fit(times, weights / (1 + ((times - smooth) / _HALF_WEIGHT_SECONDS) ** 2))
        return cls(smooth, has_attack, np.minimum(np.abs(times - smooth), _LIMIT_SECONDS))


def _fit(times: Floats, weights: Floats) -> Floats:
    """Return at each beat the value of the parabola that fits the beats around it best (least squares)."""
    steps = np.arange(-_REACH_BEATS, _REACH_BEATS + 1)
    bell = np.exp(-0.5 * (steps / _WIDTH_BEATS) ** 2)
    powers = (steps[:, None] / _WIDTH_BEATS) ** np.arange(2 * _DEGREE + 1)
    # Times are taken relative to an even count, so that the sums stay exact and beats beyond the edges can be zero.
    even = np.median(np.diff(times)) * np.arange(len(times)) + times[0]

    def windows(values: Floats) -> Floats:
        return np.lib.stride_tricks.sliding_window_view(np.pad(values, _REACH_BEATS), len(steps)) * bell

    sums = windows(weights) @ powers
    moments = windows(weights * (times - even)) @ powers[:, : _DEGREE + 1]
    rows = np.arange(_DEGREE + 1)
    normal = sums[:, rows[:, None] + rows] + np.eye(_DEGREE + 1) * np.array((0, 1, 1)) * _STIFFNESS
    return np.asarray(even + np.linalg.solve(normal, moments[..., None])[:, 0, 0])
