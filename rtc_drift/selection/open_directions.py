"""Every direction as seen from a track: the number of tracks in it, and the first few of them."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from rtc_drift.library.track import Track
from rtc_drift.selection import ranking
from rtc_drift.selection.directions import Direction
from rtc_drift.selection.feature_space import FeatureSpace
from rtc_drift.selection.journey import Journey
from rtc_drift.selection.ranking import ChoiceContext

SAMPLES = 3
"""Number of sample tracks for each direction."""
_MAX_ROWS = 2_048
"""Most rows to weigh in each of some twenty directions."""


@dataclass(frozen=True, slots=True)
class ExploredDirection:
    """A direction as seen from a track."""

    direction: Direction
    count: int
    """Number of tracks that lie clearly in the direction and were not played."""
    samples: tuple[Track, ...]
    """The tracks that would be chosen first, best first; at most three."""


def explore(
    space: FeatureSpace,
    get: Callable[[str], Track | None],
    loved: Collection[str],
    journey: Journey,
    track_id: str,
) -> list[ExploredDirection]:
    """Return every direction as seen from a track; nothing if that track is not analysed.

    `get` returns the track of an id, or None for one that can't be played any more; `loved` are track ids.
    """
    current = space.row_of(track_id)
    if current is None or not space.is_analysed[current]:
        return []
    context = ChoiceContext.after(space, space.rows_of((*journey.history.played, track_id)), loved)
    found = list[ExploredDirection]()
    for direction in space.axes.directions.values():
        rows = ranking.rows_in_direction(space, current, direction, context.excluded)
        best = ranking.best_in_direction(space, current, direction, rows, context, SAMPLES, _MAX_ROWS)
        samples = tuple(track for it in best if (track := get(space.id_of(it.row))) is not None)
        found.append(ExploredDirection(direction, len(rows), samples))
    return found
