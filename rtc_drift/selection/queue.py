"""The queue of a journey as entries: each keeps its id while it waits, so that one can be removed or moved. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from rtc_drift.selection.journey import QUEUE, Journey, without_place


class NoSuchEntryError(Exception):
    """The queue has no such entry, or no longer."""


@dataclass(frozen=True, slots=True)
class Queued:
    """An entry of a queue."""

    entry_id: int
    track_id: str


def entries(journey: Journey) -> tuple[Queued, ...]:
    """Return the queue as entries, next one first."""
    return tuple(map(Queued, journey.entry_ids, journey.queue))


def numbered(journey: Journey) -> Journey:
    """Return the journey with an id for each place of its queue: versions before 0.9 saved none."""
    ids = journey.entry_ids
    is_sound = len(ids) == len(journey.queue) == len(set(ids)) and all(0 < it <= journey.entries_made for it in ids)
    if is_sound:
        return journey
    made = max(0, journey.entries_made)
    count = len(journey.queue)
    return replace(journey, entry_ids=tuple(range(made + 1, made + count + 1)), entries_made=made + count)


def with_tracks(journey: Journey, track_ids: Iterable[str], position: int | None = None) -> Journey:
    """Return the journey with more tracks in its queue, up to its bound: at a position, or at the end."""
    added = tuple(track_ids)[: QUEUE - len(journey.queue)]
    at = len(journey.queue) if position is None else min(position, len(journey.queue))
    made = journey.entries_made
    ids = range(made + 1, made + len(added) + 1)
    return replace(
        journey,
        queue=(*journey.queue[:at], *added, *journey.queue[at:]),
        entry_ids=(*journey.entry_ids[:at], *ids, *journey.entry_ids[at:]),
        entries_made=made + len(added),
    )


def without_entry(journey: Journey, entry_id: int) -> Journey:
    """Return the journey without an entry of its queue. Raises NoSuchEntryError."""
    return without_place(journey, place_of(journey, entry_id))


def with_moved(journey: Journey, entry_id: int, position: int) -> Journey:
    """Return the journey with an entry at another position of its queue, or last. Raises NoSuchEntryError."""
    place = place_of(journey, entry_id)
    rest = without_place(journey, place)
    return replace(
        rest,
        queue=(*rest.queue[:position], journey.queue[place], *rest.queue[position:]),
        entry_ids=(*rest.entry_ids[:position], entry_id, *rest.entry_ids[position:]),
    )


def playable(journey: Journey, is_playable: Callable[[str], bool]) -> Journey:
    """Return the journey without the queued tracks that can't be played; the same if there are none."""
    kept = [it for it in entries(journey) if is_playable(it.track_id)]
    if len(kept) == len(journey.queue):
        return journey
    return replace(journey, queue=tuple(it.track_id for it in kept), entry_ids=tuple(it.entry_id for it in kept))


def place_of(journey: Journey, entry_id: int) -> int:
    """Return the place of an entry in the queue. Raises NoSuchEntryError."""
    try:
        return journey.entry_ids.index(entry_id)
    except ValueError:
        raise NoSuchEntryError from None
