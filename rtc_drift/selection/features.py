"""Standardised features: comparable across units, and robust against outliers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis import numbers

Matrix = NDArray[np.float32]
"""Mostly `(tracks, features)`."""

SCALARS = (
    *("tempo", "onset_density", "beat_strength", "danceability", "energy", "brightness", "bass", "air", "noisiness"),
    *("spread", "dynamics", "tonal_clarity", "harmonic_change", "complexity"),
)
"""Features of an analysis that are one number each; see `analysis.model.Features`."""
LOUDNESS = "loudness"
"""Integrated loudness: not among the features of an analysis, but part of how a track sounds."""
TIMBRES = 12
"""Number of timbre features taken: the means of the MFCCs, not their deviations."""
NAMES = (*SCALARS, LOUDNESS, *(f"timbre {number}" for number in range(1, TIMBRES + 1)))
"""Names of all features, in the order of the columns."""
COLUMN = {name: column for column, name in enumerate(NAMES)}
"""Column of each feature, by name."""
_RATIOS = {
    **dict.fromkeys(("tempo", "brightness", "spread"), 1.0),
    **dict.fromkeys(("onset_density", "beat_strength", "danceability"), 0.05),
    **dict.fromkeys(("energy", "harmonic_change", "complexity"), 0.05),
    **dict.fromkeys(("bass", "air", "noisiness"), 0.005),
}
"""Features that people perceive as ratios: their logarithm is taken.

Each has an offset in its own unit, which is added first: smaller values hardly differ from zero.
"""
_TIMBRE_WEIGHT = 0.4
"""Weight of each timbre feature: twelve numbers about one quality must not outweigh the others."""
_LIMIT = 3.0
"""Limit of the standardised features, in spreads from the median; larger values are compressed towards it."""


_COLUMNS = [numbers.COLUMN["integrated_lufs" if name == LOUDNESS else name] for name in NAMES]
"""Place of each feature among the numbers of an analysis."""


def raw_features(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the features of some tracks in the order of `NAMES`, in their own units, from the numbers of analyses."""
    return rows[:, _COLUMNS].astype(np.float64)


@dataclass(frozen=True, slots=True)
class Scale:
    """The median and the spread of each feature in a library, after the logarithm."""

    median: NDArray[np.float64]
    """`(features,)`."""
    spread: NDArray[np.float64]
    """`(features,)`: the standard deviation of a normal distribution with the same quartiles.

    Infinite for a feature that is the same in all tracks.
    """

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> "Scale":
        """Return the scale of raw features `(n, features)`."""
        transformed = _transformed(values)
        if not len(transformed):
            return cls(np.zeros(len(NAMES)), np.ones(len(NAMES)))
        known = np.where(np.isnan(transformed).all(axis=0), 0, transformed)
        low, median, high = np.nanpercentile(known, (25, 50, 75), axis=0)
        spread = (high - low) / 1.349
        # If half of the tracks are alike in a feature, the others may still differ.
        spread = np.where(spread > 1e-9, spread, np.nanstd(known, axis=0))
        return cls(median, np.where(spread > 1e-9, spread, np.inf))

    def standardised(self, values: NDArray[np.float64]) -> Matrix:
        """Return raw features in spreads from the median, within ±3: `(n, features)`, 0 where a feature is unknown."""
        away = (_transformed(values) - self.median) / self.spread
        limited = np.nan_to_num(_LIMIT * np.tanh(away / _LIMIT))
        limited[:, len(SCALARS) + 1 :] *= _TIMBRE_WEIGHT
        return np.ascontiguousarray(limited, np.float32)


def _transformed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take the logarithm of the features in `_RATIOS`; the tempo of a track without a beat becomes NaN."""
    transformed = np.array(values, np.float64).reshape(-1, len(NAMES))
    for name, offset in _RATIOS.items():
        transformed[:, COLUMN[name]] = np.log(np.maximum(transformed[:, COLUMN[name]], 0) + offset)
    beatless = transformed[:, COLUMN["tempo"]] <= 0
    transformed[beatless, COLUMN["tempo"]] = np.nan
    return transformed
