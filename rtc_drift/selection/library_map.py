"""The map of the library: two coordinates for each track, from dark to bright and from calm to energetic.

They are fixed mixtures of features, so tracks hardly move when others are added.
"""

import numpy as np
from numpy.typing import NDArray

from rtc_drift.selection.feature_space import FeatureSpace
from rtc_drift.selection.features import COLUMN, LOUDNESS, NAMES, Matrix

_X_WEIGHTS = {"brightness": 1.0, "air": 0.6, "bass": -0.5, "noisiness": 0.3}
_Y_WEIGHTS = {"energy": 0.8, "onset_density": 0.7, "tempo": 0.6, LOUDNESS: 0.4, "danceability": 0.3}


def coordinates(space: FeatureSpace) -> NDArray[np.float32]:
    """Return the coordinates `(tracks, 2)`, each from 0 to 1; the middle for tracks that are not analysed."""
    away: Matrix = space.matrix @ np.stack([_vector(_X_WEIGHTS), _vector(_Y_WEIGHTS)], axis=1)
    return (0.5 + 0.5 * np.tanh(away / 2)).astype(np.float32)


def _vector(weights: dict[str, float]) -> NDArray[np.float32]:
    vector = np.zeros(len(NAMES), np.float32)
    for name, weight in weights.items():
        vector[COLUMN[name]] = weight
    return vector / np.float32(np.linalg.norm(vector))
