"""Which plays have started: each start is published once, and each track counted as played once."""

from collections.abc import Iterable, Sequence

from rtc_drift.library.track import Track
from rtc_drift.selection import journey as ways
from rtc_drift.selection import queue as queues
from rtc_drift.selection.journey import Journey, Start
from rtc_drift.selection.queue import Queued
from rtc_drift.selection.track_source import TrackSource
from rtc_drift.station.entry import SAME_TRACK, Entry
from rtc_drift.station.event_publisher import EventPublisher
from rtc_drift.station.queue_changes import change_between


class PlayLog:
    """The log of one station. It keeps the journey: what was played, in order of start."""

    def __init__(self, seed: int, library: TrackSource, publisher: EventPublisher) -> None:
        self.journey = Journey(seed)
        self._library = library
        self._publisher = publisher
        self._announced = set[int]()
        self._counted = set[int]()
        self._published_queue: tuple[Queued, ...] = ()
        self._queue_revision = 0
        """Number of changes of the queue published so far."""

    @property
    def counted(self) -> tuple[int, ...]:
        """Plays whose tracks the journey counts as played."""
        return tuple(sorted(self._counted))

    def queue(self) -> list[tuple[Queued, Track]]:
        """Return the queued tracks that have not started and can still be played, with their entries."""
        return [(it, track) for it in queues.entries(self.journey) if (track := self._library.get(it.track_id))]

    def publish_queue(self) -> None:
        """Publish the change of the queue, if it has changed since the last call."""
        queue = tuple(queued for queued, _ in self.queue())
        change = change_between(self._published_queue, queue)
        if change is not None:
            self._published_queue = queue
            self._queue_revision += 1
            track = self._library.get(change.entry.track_id) if change.entry is not None else None
            self._publisher.queue(change, track, len(queue), self._queue_revision)

    def published_queue(self) -> tuple[int, list[tuple[Queued, Track]]]:
        """Return the number of changes of the queue so far, and the queue as readers of the events know it by now."""
        self.publish_queue()  # the library may have changed
        return self._queue_revision, self.queue()

    def drop_unplayable(self) -> None:
        """Take tracks out of the queue that can no longer be played."""
        playable = queues.playable(self.journey, lambda track_id: self._library.get(track_id) is not None)
        if playable is not self.journey:
            self.journey = playable
            self.publish_queue()

    def is_counted(self, entry: Entry) -> bool:
        """Return True if the journey counts the entry's track as played."""
        return entry.play.id in self._counted

    def announce(self, entries: Sequence[Entry], now: int) -> None:
        """Publish every play that has started since the last call; forget plays that are not among `entries`.

        The queue is published, too, if it has changed because the library has.
        """
        self.publish_queue()
        previous: Entry | None = None
        for entry in entries:
            if entry.play.start <= now and entry.play.id not in self._announced:
                known = {other.play.id for other in entries}
                self._announced = (self._announced & known) | {entry.play.id}
                self._counted &= known
                self.count_played(entry)
                at = self._publisher.started(entry, previous)
                if entry.transition.kind not in SAME_TRACK:
                    start = Start(entry.track.id, entry.play.start, int(at.timestamp()))
                    self.journey = ways.with_start(self.journey, start)
            previous = entry

    def count(self, entries: Iterable[Entry], settled: int) -> None:
        """Count as played what starts before `settled`: it can't be changed, and would else be chosen twice."""
        for entry in entries:
            if entry.play.start <= settled:
                self.count_played(entry)

    def count_played(self, entry: Entry, *, back: bool = False) -> None:
        """Count a track as played: when somebody asks for it, else when it starts."""
        if self.is_counted(entry):
            return
        self._counted.add(entry.play.id)
        self.journey = ways.with_played(self.journey, entry.track.id, back=back, queued=entry.queued)
        if entry.queued:
            self.publish_queue()

    def go_on(self, entry: Entry) -> None:
        """Note a play in which the same track goes on: not published, not counted again."""
        self._announced.add(entry.play.id)
        self._counted.add(entry.play.id)

    def restore(self, journey: Journey, counted: Iterable[int]) -> None:
        """Go on from a saved state. The track on the air will be published again."""
        self.journey = journey
        self._counted = set(counted)
