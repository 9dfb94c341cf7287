"""A journey: what was played, what was requested, and the direction. It is a value; the functions are pure."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

PLAYED = 2_000
"""Greatest number of played track ids to remember."""
QUEUE = 200
"""Greatest number of queued tracks."""


@dataclass(frozen=True, slots=True)
class History:
    """The tracks of a journey so far: track ids, oldest first."""

    played: tuple[str, ...] = ()
    """All tracks played: they should not come again too soon."""
    trail: tuple[str, ...] = ()
    """The way back: the tracks played, without those that somebody went back over. The last is the current track."""


@dataclass(frozen=True, slots=True)
class Journey:
    """The memory of a station: the tracks played, the way back, the queue, the direction and the seed."""

    seed: int
    """Seed of all random choices."""
    draws: int = 0
    """Number of choices made so far."""
    queue: tuple[str, ...] = ()
    """Ids of the queued tracks, next one first."""
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
    history = History(_appended(history.played, track_id), _appended(trail, track_id))
    return replace(journey, history=history, queue=_without(journey.queue, track_id) if queued else journey.queue)


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


def _without(queue: tuple[str, ...], track_id: str) -> tuple[str, ...]:
    """Return the queue without the first occurrence of a track."""
    if track_id not in queue:
        return queue
    index = queue.index(track_id)
    return queue[:index] + queue[index + 1 :]
