"""Texts of all tracks as columns, for the search."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class TrackTexts:
    """The texts of n tracks, a row for each; every name of an artist or an album once."""

    ids: NDArray[np.uint64]
    """The ids as numbers: `(n,)`."""
    titles: Sequence[str]
    artists: Sequence[str]
    artist_of: NDArray[np.int32]
    """Places of the tracks' artists in `artists`: `(n,)`."""
    albums: Sequence[str]
    album_of: NDArray[np.int32]
    """Places of the tracks' albums in `albums`: `(n,)`."""
    track_numbers: NDArray[np.int64]
    """Numbers of the tracks within their albums, 0 without one: `(n,)`."""
