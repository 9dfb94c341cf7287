"""Two coordinates for each track, for a picture of the library.

They are fixed mixtures of features, so tracks stay where they are when others come: across from dark to bright, up from
calm to energetic.
"""

import numpy as np
from numpy.typing import NDArray

from rtc_drift.selection.feature_space import FeatureSpace
from rtc_drift.selection.features import COLUMN, LOUDNESS, NAMES, Matrix

_ACROSS = {"brightness": 1.0, "air": 0.6, "bass": -0.5, "noisiness": 0.3}
_UP = {"energy": 0.8, "onset_density": 0.7, "tempo": 0.6, LOUDNESS: 0.4, "danceability": 0.3}


def coordinates(space: FeatureSpace) -> NDArray[np.float32]:
    """`(tracks, 2)`, each 0 to 1; the middle for what was not listened to."""
    away: Matrix = space.matrix @ np.stack([_vector(_ACROSS), _vector(_UP)], axis=1)
    return (0.5 + 0.5 * np.tanh(away / 2)).astype(np.float32)


def _vector(weights: dict[str, float]) -> NDArray[np.float32]:
    vector = np.zeros(len(NAMES), np.float32)
    for name, weight in weights.items():
        vector[COLUMN[name]] = weight
    return vector / np.float32(np.linalg.norm(vector))
