"""Hands a station's events to its readers: numbered, encoded once for all, kept for readers that reconnect."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rtc_drift.broadcast import Broadcast, BroadcastEndedError, LaggedError, Reader
from rtc_drift.station.events import Event

CAPACITY = 1024
"""Events kept for readers that reconnect; a reader further behind is cut off."""


class SlowReaderError(Exception):
    """A reader did not take its events in time. It may reconnect with `Last-Event-ID`."""


class EventHub:
    """The events of one station in the format of `text/event-stream`.

    Ids start with the hub's `generation`, which is new at each start of the server: a reader with an id of another
    generation gets a fresh `hello`.
    """

    def __init__(self, generation: str, capacity: int = CAPACITY) -> None:
        self._generation = generation
        self._capacity = capacity
        self._frames: Broadcast[bytes] = Broadcast(capacity)
        self.cut_off = 0
        """Number of readers dropped because they were too slow."""

    @property
    def readers(self) -> int:
        """Number of readers."""
        return self._frames.readers

    @property
    def last_id(self) -> str:
        """The id of the latest event."""
        return f"{self._generation}-{self._frames.published}"

    def publish(self, event: Event) -> None:
        """Hand an event to every reader. Never blocks."""
        self._frames.publish(frame(event, f"{self._generation}-{self._frames.published + 1}"))

    def end(self) -> None:
        """End the stream. Readers end when they have read what is left."""
        self._frames.end()

    def missed(self, last_event_id: str) -> Sequence[bytes] | None:
        """Return the frames after `last_event_id`; None if that is no longer kept."""
        generation, _, number = last_event_id.partition("-")
        if generation != self._generation or not re.fullmatch("[0-9]{1,18}", number):
            return None
        return self._frames.since(int(number))

    @contextmanager
    def reader(self) -> Iterator["EventReader"]:
        """Provide a reader of the events published from now on."""
        with self._frames.reader(self._capacity, patient=True) as reader:
            yield EventReader(reader, self._cut)

    def _cut(self) -> None:
        self.cut_off += 1


class EventReader:
    """One client's place in the events."""

    def __init__(self, reader: Reader[bytes], on_lag: Callable[[], None]) -> None:
        self._reader = reader
        self._on_lag = on_lag
        self._last_frame = b""

    async def next(self) -> bytes | None:
        """Wait for events. Return their frames, joined; None at the end. Raises SlowReaderError."""
        try:
            return b"".join(await self._reader.next_ones())
        except LaggedError:
            self._on_lag()
            raise SlowReaderError from None
        except BroadcastEndedError:
            last_frame, self._last_frame = self._last_frame, b""
            return last_frame or None

    def end(self, last: Event) -> None:
        """End this reader alone; `last` is the last event it gets."""
        self._last_frame = frame(last)
        self._reader.end()


def frame(event: Event, event_id: str = "") -> bytes:
    """Return an event as a frame of `text/event-stream`."""
    # The JSON holds no line ends, so one data line is enough.
    head = f"id: {event_id}\n" if event_id else ""
    return f"{head}data: {event.model_dump_json(by_alias=True)}\n\n".encode()
