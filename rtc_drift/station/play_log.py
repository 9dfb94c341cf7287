"""What a programme has played: each start is told once, and each track counted as heard once."""

from collections.abc import Iterable, Sequence

from rtc_drift.library.track import Track
from rtc_drift.selection import journey as ways
from rtc_drift.selection.journey import Journey
from rtc_drift.selection.track_source import TrackSource
from rtc_drift.station.event_publisher import EventPublisher
from rtc_drift.station.programme import Entry


class PlayLog:
    """Keeps the journey of one session: the steps of its programme, in order of start."""

    def __init__(self, seed: int, library: TrackSource, publisher: EventPublisher) -> None:
        self.journey = Journey(seed)
        self._library = library
        self._publisher = publisher
        self._announced = set[int]()
        self._counted = set[int]()

    @property
    def counted(self) -> tuple[int, ...]:
        """Plays whose tracks the journey counts as heard."""
        return tuple(sorted(self._counted))

    def queue(self) -> list[Track]:
        """What was queued and has not started, as far as it can still be played."""
        return [track for track_id in self.journey.queue if (track := self._library.get(track_id))]

    def is_counted(self, entry: Entry) -> bool:
        """Whether the journey counts it as heard."""
        return entry.play.id in self._counted

    def announce(self, entries: Sequence[Entry], now: int) -> None:
        """Tell of every play that has started since the last time; what is none of `entries` any more is forgotten."""
        previous: Entry | None = None
        for entry in entries:
            if entry.play.start <= now and entry.play.id not in self._announced:
                known = {other.play.id for other in entries}
                self._announced = (self._announced & known) | {entry.play.id}
                self._counted &= known
                self.count_played(entry)
                self._publisher.started(entry, previous)
            previous = entry

    def count(self, entries: Iterable[Entry], settled: int) -> None:
        """Count as heard what nothing can keep from being heard; what is queued would be chosen twice else."""
        for entry in entries:
            if entry.play.start <= settled:
                self.count_played(entry)

    def count_played(self, entry: Entry, *, back: bool = False) -> None:
        """Count a track as heard: when somebody asks for it, else when it starts."""
        if self.is_counted(entry):
            return
        self._counted.add(entry.play.id)
        self.journey = ways.with_played(self.journey, entry.track.id, back=back, queued=entry.queued)
        if entry.queued:
            self._publisher.queue(self.queue())

    def go_on(self, entry: Entry) -> None:
        """The same track goes on in another play: nothing to tell, nothing to count."""
        self._announced.add(entry.play.id)
        self._counted.add(entry.play.id)

    def restore(self, journey: Journey, counted: Iterable[int]) -> None:
        """Go on from another life. What is on the air is told again."""
        self.journey = journey
        self._counted = set(counted)
