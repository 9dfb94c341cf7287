"""Ranks tracks for the next step: by direction or heading, similarity in everything else, and how well they mix."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.camelot import UNKNOWN_KEY, key_distance
from rtc_drift.selection.choice import Why
from rtc_drift.selection.directions import Direction
from rtc_drift.selection.feature_space import FeatureSpace
from rtc_drift.selection.features import NAMES
from rtc_drift.selection.mixability import key_penalty, tempo_penalty

CLEAR_STEP = 0.3
"""Least progress along a direction, in spreads; people would hardly hear less."""
FULL_STEP = 0.9
"""Progress that a step aims at, in spreads: clearly further, but not to the end of the library at once."""
ARTIST_SPACING = 10
"""Number of tracks within which an artist should not come again."""
ALBUM_SPACING = 20
"""Number of tracks within which an album should not come again."""
RECENT_TRACKS = 40
"""Number of the tracks played last that a choice takes into account."""
MAX_ROWS = 12_288
"""Most rows to weigh in one step: in a library of a million tracks, more candidates would not improve the result."""
_STEP_WEIGHT, _TEMPO_WEIGHT, _KEY_WEIGHT, _LOVED_BONUS = 0.5, 0.6, 0.35, 0.12
_SIMILARITY_WEIGHT = 2.0
"""Weight of the distance in a drift: similarity counts for more than the heading, so that the drift is smooth."""
_SAME_ARTIST, _SAME_ALBUM, _UNANALYSED = 8.0, 1.0, 100.0
_TYPICAL_DISTANCE = float(np.sqrt(2 * len(NAMES)) * 0.8)
"""Approximate distance between two random tracks."""


class Ranked(NamedTuple):
    """A row of the feature space, and what it costs to choose it."""

    row: int
    cost: float


@dataclass(frozen=True, slots=True)
class ChoiceContext:
    """The tracks that a choice must avoid, should avoid, or should prefer."""

    excluded: NDArray[np.bool_]
    """Mask of the rows that must not be chosen: played already, or coming."""
    recent: tuple[int, ...]
    """Rows of the tracks played last, newest last, to space artists and albums."""
    loved: NDArray[np.bool_]
    """Mask of the loved tracks."""

    @classmethod
    def after(cls, space: FeatureSpace, played: Sequence[int], loved: Collection[str]) -> "ChoiceContext":
        """Return the context of a choice after the rows `played`, oldest first; `loved` are track ids."""
        return cls(
            excluded=_excluded(len(space), played),
            recent=tuple(played[-RECENT_TRACKS:]),
            loved=_mask(len(space), space.rows_of(loved)),
        )


def rows_in_direction(
    space: FeatureSpace, current: int, direction: Direction, excluded: NDArray[np.bool_]
) -> NDArray[np.intp]:
    """Return the rows that lie clearly in a direction, as seen from the current one, and are not excluded."""
    progress = _progress(space, current, slice(None), direction)
    return np.flatnonzero((progress >= CLEAR_STEP) & space.is_analysed & ~excluded)


def best_in_direction(
    space: FeatureSpace,
    current: int,
    direction: Direction,
    rows: NDArray[np.intp],
    context: ChoiceContext,
    count: int,
    max_rows: int = MAX_ROWS,
) -> list[Ranked]:
    """Return the best `count` of the rows that lie in a direction, best first.

    Of more than `max_rows` rows, only those about a full step away are weighed.
    """
    if not len(rows):
        return []
    off_target = np.abs(_progress(space, current, rows, direction) - FULL_STEP)
    if len(rows) > max_rows:
        nearest = np.argpartition(off_target, max_rows)[:max_rows]
        rows, off_target = rows[nearest], off_target[nearest]
    vector = space.axes.vectors[direction.axis]
    cost = _distance(space, current, rows, vector) + _STEP_WEIGHT * off_target + _penalty(space, current, rows, context)
    return _cheapest(rows, cost, count)


def best_for_drift(
    space: FeatureSpace, current: int, heading: NDArray[np.float32], context: ChoiceContext, count: int, turn: int = 0
) -> list[Ranked]:
    """Return the best `count` rows for a step of the drift along a unit vector of the feature space, best first.

    In a large library only every nth row is weighed; `turn` selects which ones.
    """
    rows = np.flatnonzero(~context.excluded)
    if not len(rows):
        return []
    every = -(-len(rows) // MAX_ROWS)
    rows = rows[turn % every :: every]
    away = space.matrix[rows] - space.matrix[current]
    along = away @ heading
    distance = np.sqrt(np.einsum("ij,ij->i", away, away)) / np.float32(_TYPICAL_DISTANCE)
    progress = np.minimum(along, 2 * FULL_STEP)
    cost = _SIMILARITY_WEIGHT * distance - _STEP_WEIGHT * progress + _penalty(space, current, rows, context)
    cost += np.float32(_UNANALYSED) * ~space.is_analysed[rows]
    return _cheapest(rows, cost, count)


def explain(space: FeatureSpace, current: int, chosen: int, way: Direction | NDArray[np.float32]) -> Why:
    """Return the figures of a chosen row; `way` is the direction, or the heading of the drift (a unit vector)."""
    rows = np.array([chosen])
    if isinstance(way, Direction):
        vector: NDArray[np.float32] = space.axes.vectors[way.axis]
        progress = float(_progress(space, current, rows, way)[0])
    else:
        vector = way
        progress = float((space.matrix[chosen] - space.matrix[current]) @ vector)
    keys = int(key_distance(space.keys[rows], int(space.keys[current]))[0])
    bpm, reference = float(space.bpm[chosen]), float(space.bpm[current])
    return Why(
        direction=way.id if isinstance(way, Direction) else None,
        progress=progress,
        distance=float(_distance(space, current, rows, vector)[0]),
        key_distance=None if keys == UNKNOWN_KEY else keys,
        bpm_change=bpm - reference if bpm > 0 and reference > 0 else None,
        lufs_change=float(space.lufs[chosen] - space.lufs[current]),
    )


def _mask(tracks: int, rows: Sequence[int]) -> NDArray[np.bool_]:
    mask = np.zeros(tracks, bool)
    mask[rows] = True
    return mask


def _excluded(tracks: int, played: Sequence[int]) -> NDArray[np.bool_]:
    """Mark the rows played; if that is all of them, the half played last. A single track is never marked."""
    excluded = _mask(tracks, played)
    if excluded.all():
        newest = list(dict.fromkeys(reversed(played)))
        excluded[:] = False
        excluded[newest[: max(1, tracks // 2)]] = tracks > 1
    return excluded


def _progress(
    space: FeatureSpace, current: int, rows: NDArray[np.intp] | slice, direction: Direction
) -> NDArray[np.float32]:
    """Return the distance of rows in a direction, in spreads of its axis."""
    axis = direction.axis
    progress: NDArray[np.float32] = direction.sign * (space.scores[rows, axis] - space.scores[current, axis])
    return progress


def _distance(
    space: FeatureSpace, current: int, rows: NDArray[np.intp], vector: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the distance of rows in everything but one direction; 1 is typical for two random tracks."""
    away = space.matrix[rows] - space.matrix[current]
    along = away @ vector
    rest: NDArray[np.float32] = np.sqrt(np.maximum(np.einsum("ij,ij->i", away, away) - along * along, 0))
    return rest / np.float32(_TYPICAL_DISTANCE)


def _penalty(space: FeatureSpace, current: int, rows: NDArray[np.intp], context: ChoiceContext) -> NDArray[np.float32]:
    """Return the costs of rows that do not depend on where they lie: tempo, key, loves, artist and album."""
    penalty: NDArray[np.float32] = _TEMPO_WEIGHT * tempo_penalty(space.bpm[rows], float(space.bpm[current]))
    penalty += _KEY_WEIGHT * key_penalty(space.keys[rows], int(space.keys[current]))
    penalty -= _LOVED_BONUS * context.loved[rows]
    # The sooner an artist comes again, the higher the cost: with few artists, the best spacing possible is chosen.
    for numbers, spacing, weight in (
        (space.artists, ARTIST_SPACING, _SAME_ARTIST),
        (space.albums, ALBUM_SPACING, _SAME_ALBUM),
    ):
        for ago, row in enumerate(reversed(context.recent[-spacing:])):
            if numbers[row] >= 0:
                penalty += weight * (1 - ago / spacing) * (numbers[rows] == numbers[row])
    return penalty


def _cheapest(rows: NDArray[np.intp], cost: NDArray[np.float32], count: int) -> list[Ranked]:
    """Return the `count` rows with the least cost, in ascending order of cost, then of track id."""
    if len(rows) > count:
        chosen = np.argpartition(cost, count - 1)[:count]
        rows, cost = rows[chosen], cost[chosen]
    order = np.lexsort((rows, cost))
    return [Ranked(*pair) for pair in zip(rows[order].tolist(), cost[order].tolist(), strict=True)]
