"""Hands a session's events to its readers: numbered, encoded once for all of them, kept for those who come back."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rtc_drift.broadcast import Broadcast, BroadcastEndedError, LaggedError, Reader
from rtc_drift.station.events import Event

CAPACITY = 1024
"""Events kept for those who come back; a reader that is further behind is cut off."""


class SlowReaderError(Exception):
    """A reader did not take its events in time; it may come back with `Last-Event-ID`."""


class EventHub:
    """The events of one session as they go over the wire (`text/event-stream`).

    Ids start with the hub's `generation`, so that an id of an earlier life of the server is never taken for one of
    this: the reader then gets a fresh `hello`.
    """

    def __init__(self, generation: str, capacity: int = CAPACITY) -> None:
        self._generation = generation
        self._capacity = capacity
        self._frames: Broadcast[bytes] = Broadcast(capacity)
        self.cut_off = 0
        """Readers dropped because they were too slow."""

    @property
    def readers(self) -> int:
        return self._frames.readers

    @property
    def last_id(self) -> str:
        """The id of the latest event."""
        return f"{self._generation}-{self._frames.published}"

    def publish(self, event: Event) -> None:
        """Hand an event to every reader; never blocks."""
        self._frames.publish(frame(event, f"{self._generation}-{self._frames.published + 1}"))

    def end(self) -> None:
        """Nothing more happens. Readers end when they have read what there is."""
        self._frames.end()

    def missed(self, last_event_id: str) -> Sequence[bytes] | None:
        """The frames after `last_event_id`; None when that is not known any more."""
        generation, _, number = last_event_id.partition("-")
        if generation != self._generation or not re.fullmatch("[0-9]{1,18}", number):
            return None
        return self._frames.since(int(number))

    @contextmanager
    def reader(self) -> Iterator["EventReader"]:
        """A reader for events published from now on."""
        with self._frames.reader(self._capacity, patient=True) as reader:
            yield EventReader(reader, self._cut)

    def _cut(self) -> None:
        self.cut_off += 1


class EventReader:
    """One client's place in the events."""

    def __init__(self, reader: Reader[bytes], on_lag: Callable[[], None]) -> None:
        self._reader = reader
        self._on_lag = on_lag
        self._last_words = b""

    async def next(self) -> bytes | None:
        """The frames of everything that has happened since; None at the end. Raises SlowReaderError."""
        try:
            return b"".join(await self._reader.next_ones())
        except LaggedError:
            self._on_lag()
            raise SlowReaderError from None
        except BroadcastEndedError:
            last_words, self._last_words = self._last_words, b""
            return last_words or None

    def end(self, last: Event) -> None:
        """End this reader alone, with an event of its own."""
        self._last_words = frame(last)
        self._reader.end()


def frame(event: Event, event_id: str = "") -> bytes:
    """An event as a frame of `text/event-stream`; JSON holds no line ends."""
    head = f"id: {event_id}\n" if event_id else ""
    return f"{head}data: {event.model_dump_json(by_alias=True)}\n\n".encode()
