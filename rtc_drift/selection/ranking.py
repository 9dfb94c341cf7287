"""One step: the track that lies where it should go, resembles this one in everything else, and mixes well with it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.camelot import UNKNOWN_KEY, key_distance
from rtc_drift.selection.choice import Why
from rtc_drift.selection.directions import Direction
from rtc_drift.selection.feature_space import FeatureSpace
from rtc_drift.selection.features import NAMES
from rtc_drift.selection.mixability import key_strain, tempo_strain

CLEAR_STEP = 0.3
"""Less than so many spreads along a direction would hardly be heard."""
FULL_STEP = 0.9
"""What a step aims at: clearly further, and not at the end of the library at once."""
ARTIST_SPACING = 10
ALBUM_SPACING = 20
RECENT_TRACKS = 40
"""So many of the tracks played last are looked at."""
MOST = 12_288
"""Rows that a step weighs: of a million tracks so many lie in any direction that the rest would not be better."""
_STRIDE, _TEMPO, _KEY, _LOVE = 0.5, 0.6, 0.35, 0.12
_NEARNESS = 2.0
"""A drift goes on smoothly: that it resembles counts for more than where it leads."""
_SAME_ARTIST, _SAME_ALBUM, _UNANALYSED = 8.0, 1.0, 100.0
_TYPICAL_DISTANCE = float(np.sqrt(2 * len(NAMES)) * 0.8)
"""Between two tracks drawn by lot, roughly."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a choice takes into account beside the music."""

    out: NDArray[np.bool_]
    """Which rows must not come: heard already, or on their way."""
    recent: tuple[int, ...]
    """Rows of what was heard last, newest last: artists and albums are spaced."""
    loved: NDArray[np.bool_]

    @classmethod
    def of(cls, space: FeatureSpace, played: Sequence[int], loved: Collection[str]) -> "Surroundings":
        """Gather them for a choice after the rows `played`, oldest first; `loved` are track ids."""
        return cls(
            out=_out(len(space), played),
            recent=tuple(played[-RECENT_TRACKS:]),
            loved=_mask(len(space), space.known(loved)),
        )


def open_rows(space: FeatureSpace, here: int, direction: Direction, out: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Those that lie clearly that way and may come."""
    progress = _progress(space, here, slice(None), direction)
    return np.flatnonzero((progress >= CLEAR_STEP) & space.is_analysed & ~out)


def ranked(
    space: FeatureSpace,
    here: int,
    direction: Direction,
    rows: NDArray[np.intp],
    around: Surroundings,
    count: int,
    most: int = MOST,
) -> list[int]:
    """The best `count` of the rows that lie in a direction, the best first.

    Of more than `most`, those are looked at that lie about a full step away.
    """
    if not len(rows):
        return []
    stride = np.abs(_progress(space, here, rows, direction) - FULL_STEP)
    if len(rows) > most:
        nearest = np.argpartition(stride, most)[:most]
        rows, stride = rows[nearest], stride[nearest]
    vector = space.axes.vectors[direction.axis]
    cost = _distance(space, here, rows, vector) + _STRIDE * stride + _strain(space, here, rows, around)
    return _best(rows, cost, count)


def onward(
    space: FeatureSpace, here: int, heading: NDArray[np.float32], around: Surroundings, count: int, turn: int = 0
) -> list[int]:
    """The best `count` rows of a step of the drift along a unit vector of the feature space, the best first.

    Of a library of many, every nth is looked at; which ones, `turn` says.
    """
    rows = np.flatnonzero(~around.out)
    if not len(rows):
        return []
    every = -(-len(rows) // MOST)
    rows = rows[turn % every :: every]
    away = space.matrix[rows] - space.matrix[here]
    along = away @ heading
    distance = np.sqrt(np.einsum("ij,ij->i", away, away)) / np.float32(_TYPICAL_DISTANCE)
    cost = _NEARNESS * distance - _STRIDE * np.minimum(along, 2 * FULL_STEP) + _strain(space, here, rows, around)
    cost += np.float32(_UNANALYSED) * ~space.is_analysed[rows]
    return _best(rows, cost, count)


def why(space: FeatureSpace, here: int, row: int, way: Direction | NDArray[np.float32]) -> Why:
    """How one track differs from another; `way`: where somebody steers, or the heading of the drift."""
    rows = np.array([row])
    if isinstance(way, Direction):
        vector: NDArray[np.float32] = space.axes.vectors[way.axis]
        progress = float(_progress(space, here, rows, way)[0])
    else:
        vector = way
        progress = float((space.matrix[row] - space.matrix[here]) @ vector)
    keys = int(key_distance(space.keys[rows], int(space.keys[here]))[0])
    bpm, reference = float(space.bpm[row]), float(space.bpm[here])
    return Why(
        direction=way.id if isinstance(way, Direction) else None,
        progress=progress,
        distance=float(_distance(space, here, rows, vector)[0]),
        key_distance=None if keys == UNKNOWN_KEY else keys,
        bpm_change=bpm - reference if bpm > 0 and reference > 0 else None,
        lufs_change=float(space.lufs[row] - space.lufs[here]),
    )


def _mask(tracks: int, rows: Sequence[int]) -> NDArray[np.bool_]:
    mask = np.zeros(tracks, bool)
    mask[rows] = True
    return mask


def _out(tracks: int, played: Sequence[int]) -> NDArray[np.bool_]:
    """Mark what was played; if that is everything, the half played last; never less than the present track."""
    out = _mask(tracks, played)
    if out.all():
        newest = list(dict.fromkeys(reversed(played)))
        out[:] = False
        out[newest[: max(1, tracks // 2)]] = tracks > 1
    return out


def _progress(
    space: FeatureSpace, here: int, rows: NDArray[np.intp] | slice, direction: Direction
) -> NDArray[np.float32]:
    """How far rows lie in a direction, in spreads of its axis."""
    axis = direction.axis
    progress: NDArray[np.float32] = direction.sign * (space.scores[rows, axis] - space.scores[here, axis])
    return progress


def _distance(
    space: FeatureSpace, here: int, rows: NDArray[np.intp], vector: NDArray[np.float32]
) -> NDArray[np.float32]:
    """How far rows are in everything but one direction, by what is typical."""
    away = space.matrix[rows] - space.matrix[here]
    along = away @ vector
    rest: NDArray[np.float32] = np.sqrt(np.maximum(np.einsum("ij,ij->i", away, away) - along * along, 0))
    return rest / np.float32(_TYPICAL_DISTANCE)


def _strain(space: FeatureSpace, here: int, rows: NDArray[np.intp], around: Surroundings) -> NDArray[np.float32]:
    """What speaks against rows beside how they sound."""
    strain: NDArray[np.float32] = _TEMPO * tempo_strain(space.bpm[rows], float(space.bpm[here]))
    strain += _KEY * key_strain(space.keys[rows], int(space.keys[here]))
    strain -= _LOVE * around.loved[rows]
    # What comes back sooner costs more, so that the least bad is chosen where there are few artists.
    for numbers, spacing, weight in (
        (space.artists, ARTIST_SPACING, _SAME_ARTIST),
        (space.albums, ALBUM_SPACING, _SAME_ALBUM),
    ):
        for ago, row in enumerate(reversed(around.recent[-spacing:])):
            if numbers[row] >= 0:
                strain += weight * (1 - ago / spacing) * (numbers[rows] == numbers[row])
    return strain


def _best(rows: NDArray[np.intp], cost: NDArray[np.float32], count: int) -> list[int]:
    """The rows that cost least; equal ones in the order of their ids."""
    if len(rows) > count:
        chosen = np.argpartition(cost, count - 1)[:count]
        rows, cost = rows[chosen], cost[chosen]
    order = np.lexsort((rows, cost))
    return [int(row) for row in rows[order]]
