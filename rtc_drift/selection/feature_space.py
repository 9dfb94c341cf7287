"""The feature space: a library as points, prepared once for all choices."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.camelot import UNKNOWN_KEY
from rtc_drift.analysis.model import SURE_TEMPO
from rtc_drift.analysis.numbers import COLUMN
from rtc_drift.library.analysed import Analysed, AnalysedColumns
from rtc_drift.library.track import id_of
from rtc_drift.library.track_ids import id_numbers
from rtc_drift.library.track_table import TrackColumns, TrackTable
from rtc_drift.selection.directions import Axes, axes_of
from rtc_drift.selection.features import Matrix, Scale, raw_features


@dataclass(frozen=True, slots=True)
class FeatureSpace:
    """The tracks of a library in the order of their ids; row n of every array is track n.

    Tracks that are not analysed yet lie in the middle.
    """

    ids: NDArray[np.uint64]
    """The tracks' ids as numbers, ascending."""
    matrix: Matrix
    """`(tracks, features)`, standardised."""
    axes: Axes
    scores: Matrix
    """`(tracks, axes)`: position along each axis, in spreads of that axis from its median."""
    is_analysed: NDArray[np.bool_]
    artists: NDArray[np.int32]
    """A number for each artist; −1 without one."""
    albums: NDArray[np.int32]
    """A number for each album of an artist; −1 without one."""
    bpm: NDArray[np.float32]
    """Beats per minute; 0 without a beat, or if the tempo is uncertain."""
    keys: NDArray[np.int8]
    """See `camelot.key_number`; −1 if unknown."""
    lufs: NDArray[np.float32]
    """Integrated loudness."""

    def __len__(self) -> int:
        return len(self.ids)

    def id_of(self, row: int) -> str:
        """Return the id of a row's track."""
        return id_of(int(self.ids[row]))

    def row_of(self, track_id: str) -> int | None:
        """Return the row of a track; None if it has none."""
        found = self.rows_of((track_id,))
        return found[0] if found else None

    def rows_of(self, track_ids: Iterable[str]) -> list[int]:
        """Return the rows of tracks, in the order given. Tracks without a row are skipped."""
        wanted = id_numbers(track_ids)
        if not len(self.ids) or not len(wanted):
            return []
        rows = np.searchsorted(self.ids, wanted).clip(max=len(self.ids) - 1)
        found: list[int] = rows[self.ids[rows] == wanted].tolist()
        return found


def space_of(tracks: TrackColumns, analysed: AnalysedColumns) -> FeatureSpace:
    """Return the space of some tracks; not all of them need to be analysed."""
    order = np.flatnonzero(tracks.is_there)
    order = order[np.argsort(tracks.ids[order])]
    ids = tracks.ids[order]
    is_analysed, found = _analysed_rows(ids, analysed.ids)
    numbers = analysed.numbers[found]
    values = raw_features(numbers)
    standardised = Scale.of(values).standardised(values)
    matrix = np.zeros((len(ids), standardised.shape[1]), np.float32)
    matrix[is_analysed] = standardised
    axes = axes_of(standardised)
    bpm, keys = np.zeros(len(ids), np.float32), np.full(len(ids), UNKNOWN_KEY, np.int8)
    bpm[is_analysed], keys[is_analysed] = _sure_tempi(numbers), analysed.keys[found]
    return FeatureSpace(
        ids=ids,
        matrix=matrix,
        axes=axes,
        scores=_scores(matrix, is_analysed, axes),
        is_analysed=is_analysed,
        artists=tracks.artists[order],
        albums=tracks.albums[order],
        bpm=bpm,
        keys=keys,
        lufs=tracks.lufs[order].astype(np.float32),
    )


def _analysed_rows(ids: NDArray[np.uint64], analysed: NDArray[np.uint64]) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Return a mask of the `ids` that are among those `analysed`, and the place of each of these there."""
    if not len(analysed):
        return np.zeros(len(ids), bool), np.empty(0, np.intp)
    order = np.argsort(analysed)
    places = order[np.searchsorted(analysed, ids, sorter=order).clip(max=len(analysed) - 1)]
    is_analysed: NDArray[np.bool_] = analysed[places] == ids
    return is_analysed, places[is_analysed]


def _scores(matrix: Matrix, is_analysed: NDArray[np.bool_], axes: Axes) -> Matrix:
    scores: Matrix = matrix @ axes.vectors.T
    if is_analysed.any():
        low, middle, high = np.percentile(scores[is_analysed], (25, 50, 75), axis=0)
        spread = (high - low) / 1.349
        spread = np.where(spread > 1e-6, spread, np.inf)
        scores = ((scores - middle) / spread).astype(np.float32)
    return np.asfortranarray(scores)  # a choice reads one axis of all tracks


def _sure_tempi(numbers: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the tempo of each analysis; 0 without a beat, or if the tempo is uncertain."""
    is_sure = numbers[:, COLUMN["tempo_confidence"]] >= SURE_TEMPO
    return np.where(is_sure, np.nan_to_num(numbers[:, COLUMN["tempo_bpm"]]), 0).astype(np.float32)


EMPTY = space_of(TrackTable().columns(), Analysed().columns())
"""The space without tracks, before the first one is built."""


class SpaceSource(Protocol):
    """Holds the latest feature space: `SpaceUpdater`, or a library that never changes."""

    @property
    def space(self) -> FeatureSpace:
        """The present feature space."""
