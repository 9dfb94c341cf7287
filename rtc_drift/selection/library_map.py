"""The map of the library: two coordinates for each track, from dark to bright and from calm to energetic.

They are fixed mixtures of features, so tracks hardly move when others are added.
"""

import hashlib
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtc_drift.selection.feature_space import FeatureSpace
from rtc_drift.selection.features import COLUMN, LOUDNESS, NAMES, Matrix

_X_WEIGHTS = {"brightness": 1.0, "air": 0.6, "bass": -0.5, "noisiness": 0.3}
_Y_WEIGHTS = {"energy": 0.8, "onset_density": 0.7, "tempo": 0.6, LOUDNESS: 0.4, "danceability": 0.3}


_STEPS = 1_000
"""Steps of a coordinate: a screen shows no more."""
_DECIMALS = [f"{step / _STEPS:g}" for step in range(_STEPS + 1)]
GZIP = 31
"""Window bits with which `zlib` reads and writes the gzip format."""
_LEVEL = 1
"""Level of the compression: ids are random, so more work saves next to nothing."""


@dataclass(frozen=True, slots=True)
class MapDocument:
    """The map as clients get it, and its version."""

    gzipped: bytes
    """`{"version": …, "ids": […], "x": […], "y": […]}`, JSON compressed by gzip."""
    version: str
    """A text that differs for every other content."""


def document_of(space: FeatureSpace) -> MapDocument:
    """Return the map of the analysed tracks: their ids, and both coordinates, 0 to 1."""
    rows = np.flatnonzero(space.is_analysed)
    steps = np.rint(coordinates(space)[rows] * _STEPS).astype(np.int64)
    x, y = (",".join(map(_DECIMALS.__getitem__, column.tolist())) for column in steps.T)
    ids = space.ids[rows].astype(">u8").tobytes().hex(",", 8).replace(",", '","')
    quoted = f'"{ids}"' if len(rows) else ""
    columns = f'"ids":[{quoted}],"x":[{x}],"y":[{y}]'
    version = hashlib.blake2b(columns.encode(), digest_size=8).hexdigest()
    packer = zlib.compressobj(_LEVEL, wbits=GZIP)
    text = f'{{"version":"{version}",{columns}}}'
    return MapDocument(packer.compress(text.encode()) + packer.flush(), version)


def coordinates(space: FeatureSpace) -> NDArray[np.float32]:
    """Return the coordinates `(tracks, 2)`, each from 0 to 1; the middle for tracks that are not analysed."""
    away: Matrix = space.matrix @ np.stack([_vector(_X_WEIGHTS), _vector(_Y_WEIGHTS)], axis=1)
    return (0.5 + 0.5 * np.tanh(away / 2)).astype(np.float32)


def _vector(weights: dict[str, float]) -> NDArray[np.float32]:
    vector = np.zeros(len(NAMES), np.float32)
    for name, weight in weights.items():
        vector[COLUMN[name]] = weight
    return vector / np.float32(np.linalg.norm(vector))
