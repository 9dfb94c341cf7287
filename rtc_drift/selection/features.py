"""Features of many tracks made comparable: no unit counts more than another, and no outlier stretches a scale."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.model import Analysis

Matrix = NDArray[np.float32]
"""`(tracks, features)`."""

SCALARS = (
    *("tempo", "onset_density", "beat_strength", "danceability", "energy", "brightness", "bass", "air", "noisiness"),
    *("spread", "dynamics", "tonal_clarity", "harmonic_change", "complexity"),
)
LOUDNESS = "loudness"
"""Integrated loudness: not a feature of its own in an analysis, and one of how a track sounds all the same."""
TIMBRES = 12
"""Of the timbre, only the means: how an instrument sounds, not how much it varies."""
NAMES = (*SCALARS, LOUDNESS, *(f"timbre {number}" for number in range(1, TIMBRES + 1)))
COLUMN = {name: column for column, name in enumerate(NAMES)}
_RATIOS = {
    **dict.fromkeys(("tempo", "brightness", "spread"), 1.0),
    **dict.fromkeys(("onset_density", "beat_strength", "danceability"), 0.05),
    **dict.fromkeys(("energy", "harmonic_change", "complexity"), 0.05),
    **dict.fromkeys(("bass", "air", "noisiness"), 0.005),
}
"""Features that are heard as ratios, and how much is too little to tell from nothing: their logarithm is taken."""
_TIMBRE_WEIGHT = 0.4
"""Twelve numbers that say one thing are not to outvote the others."""
_TAIL = 3.0
"""So many spreads from the median a track is about as far out as it gets."""


def raw(analysis: Analysis) -> list[float]:
    """The features of a track in the order of `NAMES`, in their own units."""
    features = analysis.features
    scalars = [float(getattr(features, name)) for name in SCALARS]
    return [*scalars, analysis.integrated_lufs, *features.timbre[:TIMBRES]]


@dataclass(frozen=True, slots=True)
class Scale:
    """What is usual in a library: the median and the spread of each feature."""

    median: NDArray[np.float64]
    spread: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> "Scale":
        """Of raw features `(n, features)`; the spread is that of the middle half, as of a normal distribution."""
        bent = _bent(values)
        if not len(bent):
            return cls(np.zeros(len(NAMES)), np.ones(len(NAMES)))
        known = np.where(np.isnan(bent).all(axis=0), 0, bent)
        low, median, high = np.nanpercentile(known, (25, 50, 75), axis=0)
        spread = (high - low) / 1.349
        # Where half the tracks are alike, the others still differ.
        spread = np.where(spread > 1e-9, spread, np.nanstd(known, axis=0))
        return cls(median, np.where(spread > 1e-9, spread, np.inf))

    def standardised(self, values: NDArray[np.float64]) -> Matrix:
        """Raw features in spreads from the median, tails drawn in."""
        away = (_bent(values) - self.median) / self.spread
        tamed = np.nan_to_num(_TAIL * np.tanh(away / _TAIL))
        tamed[:, len(SCALARS) + 1 :] *= _TIMBRE_WEIGHT
        return np.ascontiguousarray(tamed, np.float32)


def _bent(values: NDArray[np.float64]) -> NDArray[np.float64]:
    bent = np.array(values, np.float64).reshape(-1, len(NAMES))
    for name, least in _RATIOS.items():
        bent[:, COLUMN[name]] = np.log(np.maximum(bent[:, COLUMN[name]], 0) + least)
    beatless = bent[:, COLUMN["tempo"]] <= 0  # neither fast nor slow
    bent[beatless, COLUMN["tempo"]] = np.nan
    return bent
