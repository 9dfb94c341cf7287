"""A journey: what was played, what was requested, and the direction. It is a value; the functions are pure."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

PLAYED = 2_000
"""Greatest number of played track ids to remember."""
QUEUE = 200
"""Greatest number of queued tracks."""
_ANNOUNCED_AGAIN = 4
"""Most starts that are announced again after a restart."""


class Start(NamedTuple):
    """The start of a track."""

    track_id: str
    media_time: int | None
    """None if it was saved by a version that kept no starts."""
    at: int | None
    """Time of the day, in seconds since 1970; None as above."""


@dataclass(frozen=True, slots=True)
class History:
    """The tracks of a journey so far: track ids, oldest first."""

    played: tuple[str, ...] = ()
    """All tracks played: they should not come again too soon."""
    trail: tuple[str, ...] = ()
    """The way back: the tracks played, without those that somebody went back over. The last is the current track."""
    starts: tuple[Start, ...] = ()
    """All starts: unlike the tracks played, they outlive a reset."""


@dataclass(frozen=True, slots=True)
class Journey:
    """The memory of a station: the tracks played, the way back, the queue, the direction and the seed."""

    seed: int
    """Seed of all random choices."""
    draws: int = 0
    """Number of choices made so far."""
    queue: tuple[str, ...] = ()
    """Ids of the queued tracks, next one first."""
    entry_ids: tuple[int, ...] = ()
    """For each place of the queue a number that no other place ever has: `selection.queue` keeps both together."""
    entries_made: int = 0
    """Number of places that the queue ever had; the greatest of these numbers."""
    direction: str | None = None
    """Id of the direction to steer in; None for the drift."""
    history: History = field(default_factory=History)


def with_played(journey: Journey, track_id: str, *, back: bool = False, queued: bool = False) -> Journey:
    """Return the journey with one more track.

    Args:
        journey: the journey so far.
        track_id: the track.
        back: somebody went back to it.
        queued: it came from the queue, and leaves it.
    """
    history = journey.history
    trail = _before(history.trail[:-1], track_id) if back else history.trail
    history = replace(history, played=_appended(history.played, track_id), trail=_appended(trail, track_id))
    journey = replace(journey, history=history)
    return without_place(journey, journey.queue.index(track_id)) if queued and track_id in journey.queue else journey


def with_start(journey: Journey, start: Start) -> Journey:
    """Return the journey with one more start, unless that is known: after a restart the latest is announced again."""
    starts = journey.history.starts
    if any(known[:2] == start[:2] for known in starts[-_ANNOUNCED_AGAIN:]):
        return journey
    if starts and starts[-1][:2] == (start.track_id, None):
        starts = starts[:-1]
    return replace(journey, history=replace(journey.history, starts=(*starts[1 - PLAYED :], start)))


def without_place(journey: Journey, place: int) -> Journey:
    """Return the journey without one place of its queue."""
    queue, ids = journey.queue, journey.entry_ids
    return replace(journey, queue=queue[:place] + queue[place + 1 :], entry_ids=ids[:place] + ids[place + 1 :])


def previous(journey: Journey, is_playable: Callable[[str], bool]) -> str | None:
    """Return the last track before the current one that can still be played, or None."""
    return next((track_id for track_id in reversed(journey.history.trail[:-1]) if is_playable(track_id)), None)


def reset(journey: Journey) -> Journey:
    """Return the journey without direction and without played tracks. The queue and the way back stay."""
    return replace(journey, direction=None, history=replace(journey.history, played=()))


def _before(trail: tuple[str, ...], track_id: str) -> tuple[str, ...]:
    """Return the part of the trail before the last occurrence of a track; all of it if there is none."""
    if track_id not in trail:
        return trail
    return trail[: len(trail) - 1 - trail[::-1].index(track_id)]


def _appended(track_ids: tuple[str, ...], track_id: str) -> tuple[str, ...]:
    return (*track_ids[1 - PLAYED :], track_id)
