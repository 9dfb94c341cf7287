"""A session's journey: what was played, what was asked for, and where it is heading. A value; the steps are pure."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

PLAYED = 2_000
"""How many track ids are remembered."""
QUEUE = 200
"""How many tracks may wait."""


@dataclass(frozen=True, slots=True)
class History:
    """Track ids, oldest first."""

    played: tuple[str, ...] = ()
    """Everything that was played: it should not come again too soon."""
    trail: tuple[str, ...] = ()
    """The way back: what was played without what was gone back over. Its last is the present track."""


@dataclass(frozen=True, slots=True)
class Journey:
    """Where a session comes from and where it is heading."""

    seed: int
    draws: int = 0
    """How many choices were drawn."""
    queue: tuple[str, ...] = ()
    """Track ids that somebody asked for, in the order in which they will come."""
    direction: str | None = None
    history: History = field(default_factory=History)


def with_played(journey: Journey, track_id: str, *, back: bool = False, queued: bool = False) -> Journey:
    """The journey with one more track. `back`: the way led back to it. `queued`: it came from the queue."""
    history = journey.history
    trail = _until(history.trail[:-1], track_id) if back else history.trail
    history = History(_with(history.played, track_id), _with(trail, track_id))
    return replace(journey, history=history, queue=_without(journey.queue, track_id) if queued else journey.queue)


def previous(journey: Journey, is_playable: Callable[[str], bool]) -> str | None:
    """The track before the present one that can still be played, if there is one."""
    return next((track_id for track_id in reversed(journey.history.trail[:-1]) if is_playable(track_id)), None)


def reset(journey: Journey) -> Journey:
    """Heading nowhere, and everything may come again. The queue and the way back stay."""
    return replace(journey, direction=None, history=replace(journey.history, played=()))


def _until(trail: tuple[str, ...], track_id: str) -> tuple[str, ...]:
    """The way up to the last time a track was played, without that."""
    if track_id not in trail:
        return trail
    return trail[: len(trail) - 1 - trail[::-1].index(track_id)]


def _with(track_ids: tuple[str, ...], track_id: str) -> tuple[str, ...]:
    return (*track_ids[1 - PLAYED :], track_id)


def _without(queue: tuple[str, ...], track_id: str) -> tuple[str, ...]:
    if track_id not in queue:
        return queue
    index = queue.index(track_id)
    return queue[:index] + queue[index + 1 :]
