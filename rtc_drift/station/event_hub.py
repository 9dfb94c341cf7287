"""Hands a station's events to its readers: numbered, encoded once for all, kept for readers that reconnect."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from rtc_drift.broadcast import Broadcast, BroadcastEndedError, LaggedError, Reader
from rtc_drift.station.events import Event

CAPACITY = 1024
"""Events kept for readers that reconnect; a reader further behind is cut off."""
CAPACITY_BYTES = 4 * 1024 * 1024
"""Bytes of all events kept."""
JOINED_BYTES = 16 * 1024
"""Greatest size of events that a reader gets joined; a larger one comes alone, and is shared by all readers."""


class SlowReaderError(Exception):
    """A reader did not take its events in time. It may reconnect with `Last-Event-ID`."""


class EventHub:
    """The events of one station in the format of `text/event-stream`.

    Ids start with the hub's `generation`, which is new at each start of the server: a reader with an id of another
    generation gets a fresh `hello`.
    """

    def __init__(self, generation: str, capacity: int = CAPACITY, capacity_bytes: int = CAPACITY_BYTES) -> None:
        self._generation = generation
        self._capacity = capacity
        self._frames: Broadcast[bytes] = Broadcast(capacity, max_size=capacity_bytes, size_of=len)
        self.cut_off = 0
        """Number of readers cut off because they were too slow."""

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

    @contextmanager
    def reader(self, last_event_id: str = "") -> Iterator["EventReader"]:
        """Provide a reader of the events after `last_event_id`; from now on if they are no longer kept."""
        after = self._number(last_event_id)
        with self._frames.reader(self._capacity, patient=True, after=after) as reader:
            yield EventReader(reader, is_resumed=after is not None)

    def _number(self, event_id: str) -> int | None:
        """Return the number of an event if all events after it are kept."""
        generation, _, number = event_id.partition("-")
        if generation != self._generation or not re.fullmatch("[0-9]{1,18}", number):
            return None
        return int(number) if self._frames.keeps(int(number)) else None


class EventReader:
    """One client's place in the events."""

    def __init__(self, reader: Reader[bytes], *, is_resumed: bool) -> None:
        self._reader = reader
        self.is_resumed = is_resumed
        """True if it gets all events after the one it named; False if it has to begin with a `hello`."""
        self._last_frame = b""

    @property
    def is_behind(self) -> bool:
        """True if there are events that it has not read."""
        return self._reader.unread > 0

    async def next(self) -> bytes | None:
        """Wait for events. Return the frames of the next few, joined; None at the end. Raises SlowReaderError."""
        try:
            frames = [await self._reader.next_in_order()]
            size = len(frames[0])
            while (more := self._take_up_to(JOINED_BYTES - size)) is not None:
                frames.append(more)
                size += len(more)
            return b"".join(frames)
        except LaggedError:
            raise SlowReaderError from None
        except BroadcastEndedError:
            last_frame, self._last_frame = self._last_frame, b""
            return last_frame or None

    def end(self, last: Event) -> None:
        """End this reader alone; `last` is the last event it gets."""
        self._last_frame = frame(last)
        self._reader.end()

    def _take_up_to(self, size: int) -> bytes | None:
        """Return the next frame if it is there and no larger than that."""
        return self._reader.take_if(lambda it: len(it) <= size)


def frame(event: Event, event_id: str = "") -> bytes:
    """Return an event as a frame of `text/event-stream`."""
    # The JSON holds no line ends, so one data line is enough.
    head = f"id: {event_id}\n" if event_id else ""
    return f"{head}data: {event.model_dump_json(by_alias=True)}\n\n".encode()
