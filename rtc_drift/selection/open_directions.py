"""Where the music may go from a track: every direction, how many tracks lie there, and the first few of them."""

from collections.abc import Collection
from dataclasses import dataclass

from rtc_drift.library.track import Track
from rtc_drift.selection import ranking
from rtc_drift.selection.directions import Direction
from rtc_drift.selection.feature_space import FeatureSpace
from rtc_drift.selection.journey import Journey
from rtc_drift.selection.ranking import Surroundings

SAMPLES = 3
"""Tracks shown of each direction."""
_WEIGHED_FOR_SAMPLES = 2_048
"""Rows weighed in each of two dozen directions."""


@dataclass(frozen=True, slots=True)
class Open:
    """A direction as seen from a track."""

    direction: Direction
    count: int
    """Number of tracks that lie clearly that way and may come."""
    samples: tuple[Track, ...]


def explore(space: FeatureSpace, loved: Collection[str], journey: Journey, track_id: str) -> list[Open]:
    """List every direction as seen from a track; nothing if that track was not analysed."""
    here = space.rows.get(track_id)
    if here is None or not space.is_analysed[here]:
        return []
    around = Surroundings.of(space, space.known((*journey.history.played, track_id)), loved)
    found = list[Open]()
    for direction in space.axes.directions.values():
        rows = ranking.open_rows(space, here, direction, around.out)
        best = ranking.ranked(space, here, direction, rows, around, SAMPLES, _WEIGHED_FOR_SAMPLES)
        found.append(Open(direction, len(rows), tuple(space.tracks[row] for row in best)))
    return found
