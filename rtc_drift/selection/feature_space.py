"""The feature space: a library as points, prepared once for all choices."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.camelot import UNKNOWN_KEY, key_number
from rtc_drift.analysis.model import SURE_TEMPO, Analysis
from rtc_drift.library.track import Track
from rtc_drift.selection.directions import Axes, axes_of
from rtc_drift.selection.features import Matrix, Scale, raw_features


@dataclass(frozen=True, slots=True)
class FeatureSpace:
    """The tracks of a library in the order of their ids; row n of every array is track n.

    Tracks that are not analysed yet lie in the middle.
    """

    tracks: tuple[Track, ...]
    rows: Mapping[str, int]
    """Row of each track, by track id."""
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
        return len(self.tracks)

    def rows_of(self, track_ids: Iterable[str]) -> list[int]:
        """Return the rows of tracks, in the order given. Tracks without a row are skipped."""
        return [row for track_id in track_ids if (row := self.rows.get(track_id)) is not None]


def space_of(tracks: Iterable[Track], analyses: Mapping[str, Analysis]) -> FeatureSpace:
    """Return the space of some tracks, whatever their order. `analyses` by track id; some may be missing."""
    ordered = tuple(sorted(tracks, key=lambda track: track.id))
    found = [analyses.get(track.id) for track in ordered]
    is_analysed = np.array([analysis is not None for analysis in found], bool)
    values = np.array([raw_features(analysis) for analysis in found if analysis is not None], np.float64)
    scale = Scale.of(values)
    analysed = scale.standardised(values)
    matrix = np.zeros((len(ordered), analysed.shape[1]), np.float32)
    matrix[is_analysed] = analysed
    axes = axes_of(analysed)
    return FeatureSpace(
        tracks=ordered,
        rows={track.id: row for row, track in enumerate(ordered)},
        matrix=matrix,
        axes=axes,
        scores=_scores(matrix, is_analysed, axes),
        is_analysed=is_analysed,
        artists=_codes([track.artist for track in ordered]),
        albums=_codes([track.album and f"{track.artist}\0{track.album}" for track in ordered]),
        bpm=np.array([_tempo(analysis) for analysis in found], np.float32),
        keys=np.array([UNKNOWN_KEY if it is None else key_number(it.camelot) for it in found], np.int8),
        lufs=np.array([track.integrated_lufs for track in ordered], np.float32),
    )


def _scores(matrix: Matrix, is_analysed: NDArray[np.bool_], axes: Axes) -> Matrix:
    scores: Matrix = matrix @ axes.vectors.T
    if is_analysed.any():
        low, middle, high = np.percentile(scores[is_analysed], (25, 50, 75), axis=0)
        spread = (high - low) / 1.349
        spread = np.where(spread > 1e-6, spread, np.inf)
        scores = ((scores - middle) / spread).astype(np.float32)
    return scores


def _tempo(analysis: Analysis | None) -> float:
    if analysis is None or analysis.tempo_bpm is None or analysis.tempo_confidence < SURE_TEMPO:
        return 0.0
    return analysis.tempo_bpm


def _codes(names: Sequence[str]) -> NDArray[np.int32]:
    numbers: dict[str, int] = {"": -1}
    return np.array([numbers.setdefault(name.casefold(), len(numbers)) for name in names], np.int32)


EMPTY = space_of((), {})
"""The space without tracks, before the first one is built."""
