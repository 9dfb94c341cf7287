"""What a search needs of all tracks, as columns."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rtc_drift.library.track import Track


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

    @classmethod
    def of(cls, tracks: Iterable[Track]) -> Self:
        """Return the texts of tracks."""
        rows = list(tracks)
        artists, artist_of = _numbered([track.artist for track in rows])
        albums, album_of = _numbered([track.album for track in rows])
        return cls(
            ids=np.array([int(track.id, 16) for track in rows], np.uint64),
            titles=[track.title for track in rows],
            artists=artists,
            artist_of=artist_of,
            albums=albums,
            album_of=album_of,
            track_numbers=np.array([track.track_number or 0 for track in rows], np.int64),
        )


def _numbered(names: Sequence[str]) -> tuple[list[str], NDArray[np.int32]]:
    """Return every name once, and the place of each among them."""
    places = {name: place for place, name in enumerate(dict.fromkeys(names))}
    return list(places), np.array([places[name] for name in names], np.int32)
