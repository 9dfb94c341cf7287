"""What happens in a session, as events for `GET /events/{id}`, and the bounded hub that hands them to readers."""

import asyncio
import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from rtc_drift.dj.programme import Entry
from rtc_drift.library.library import LibraryStatus
from rtc_drift.library.track import Track


class Wire(BaseModel):
    """What crosses the HTTP door: camelCase, frozen, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class TrackInfo(Wire):
    """A track as clients see it: no path."""

    id: str
    title: str
    artist: str
    album: str
    genre: str
    year: int | None
    duration_seconds: float
    has_cover: bool
    integrated_lufs: float

    @classmethod
    def of(cls, track: Track) -> "TrackInfo":
        return cls(**track.model_dump(include=set(cls.model_fields)))


class TransitionInfo(Wire):
    """How one track gives way to the next."""

    kind: str
    duration_samples: int


class PlayingTrack(Wire):
    """What is on the air: at media time `m` the file's sample `offset_samples + m - starts_at` is heard."""

    track: TrackInfo
    starts_at: int
    offset_samples: int


class PlannedTrack(Wire):
    """What comes next, when its first sample is heard, and why it was chosen."""

    track: TrackInfo
    starts_at: int
    reason: str
    transition: TransitionInfo


def playing(entry: Entry) -> PlayingTrack:
    """An entry of the programme as clients see it while it is on the air."""
    return PlayingTrack(track=TrackInfo.of(entry.track), starts_at=entry.play.start, offset_samples=entry.play.offset)


def planned(entry: Entry) -> PlannedTrack:
    """An entry of the programme as clients see it before it starts."""
    transition = TransitionInfo(kind=entry.transition.kind, duration_samples=entry.transition.duration)
    return PlannedTrack(
        track=TrackInfo.of(entry.track), starts_at=entry.play.start, reason=entry.reason, transition=transition
    )


class LibraryInfo(Wire):
    """What the library holds, how far it has been read, and what is wrong with it."""

    source: Literal["music", "demo", "none"]
    tracks: int
    unplayable: int
    scanning: bool
    done: int
    total: int
    notice: str | None
    failures: int

    @classmethod
    def of(cls, status: LibraryStatus) -> "LibraryInfo":
        return cls(**status.model_dump())


class SessionState(Wire):
    """The whole state of a session, for `hello` and `GET /api/session/info`."""

    session_id: str
    type: Literal["master", "named", "follower"]
    allow_commands: bool
    now_playing: PlayingTrack | None
    next: PlannedTrack | None
    listeners: int
    library: LibraryInfo
    version: str


class _Event(Wire):
    session_id: str
    at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    media_time: int
    """When it is heard: samples at 48 kHz since the session's mixer started."""


class Hello(_Event):
    type: Literal["hello"] = "hello"
    state: SessionState


class TrackStarted(_Event):
    type: Literal["track_started"] = "track_started"
    track: TrackInfo
    starts_at: int
    offset_samples: int


class TrackPlanned(_Event):
    type: Literal["track_planned"] = "track_planned"
    track: TrackInfo
    starts_at: int
    reason: str
    transition: TransitionInfo


class TransitionStarted(_Event):
    type: Literal["transition_started"] = "transition_started"
    from_track: str = Field(serialization_alias="from")
    to: str
    kind: str
    duration_samples: int


class ListenersChanged(_Event):
    type: Literal["listeners"] = "listeners"
    count: int


class Heartbeat(_Event):
    type: Literal["heartbeat"] = "heartbeat"


class SessionEnded(_Event):
    type: Literal["session_ended"] = "session_ended"
    reason: str


Event = Annotated[
    Hello | TrackStarted | TrackPlanned | TransitionStarted | ListenersChanged | Heartbeat | SessionEnded,
    Field(discriminator="type"),
]


class SlowReaderError(Exception):
    """A reader did not take its events in time; it may come back with `Last-Event-ID`."""


class EventHub:
    """Numbers a session's events, keeps the last `ring` of them for those who come back, and feeds readers.

    Ids start with the hub's `generation`, so that an id of an earlier life of the server is never taken for one of
    this: the reader then gets a fresh `hello`.
    """

    def __init__(self, generation: str, ring: int = 256, reader_bound: int = 64) -> None:
        self._generation = generation
        self._ring: deque[tuple[int, Event]] = deque(maxlen=ring)
        self._last = 0
        self._reader_bound = reader_bound
        self._readers: set[EventReader] = set()
        self.cut_off = 0
        """Readers dropped because they were too slow."""

    @property
    def readers(self) -> int:
        return len(self._readers)

    @property
    def last_id(self) -> str:
        """The id of the latest event."""
        return self._id(self._last)

    def publish(self, event: Event) -> None:
        """Hand an event to every reader; never blocks."""
        self._last += 1
        self._ring.append((self._last, event))
        for reader in list(self._readers):
            if not reader.offer(self._id(self._last), event):
                self._readers.discard(reader)
                self.cut_off += 1

    def missed(self, last_event_id: str) -> list[tuple[str, Event]] | None:
        """What came after `last_event_id`; None when that is not known any more."""
        generation, _, number = last_event_id.partition("-")
        if generation != self._generation or not re.fullmatch("[0-9]{1,18}", number) or int(number) > self._last:
            return None
        first_kept = self._ring[0][0] if self._ring else self._last + 1
        if int(number) + 1 < first_kept:
            return None
        return [(self._id(kept), event) for kept, event in self._ring if kept > int(number)]

    @contextmanager
    def reader(self) -> Iterator["EventReader"]:
        """A reader for events published from now on."""
        reader = EventReader(self._reader_bound)
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)

    def _id(self, number: int) -> str:
        return f"{self._generation}-{number}"


class EventReader:
    """A bounded queue of one client's events."""

    def __init__(self, bound: int) -> None:
        self._queue: asyncio.Queue[tuple[str, Event]] = asyncio.Queue(bound)
        self._overflowed = False

    def offer(self, event_id: str, event: Event) -> bool:
        """Queue an event; False when the reader is too slow and gets no more."""
        try:
            self._queue.put_nowait((event_id, event))
        except asyncio.QueueFull:
            self._overflowed = True
            return False
        return True

    async def next(self) -> tuple[str, Event]:
        """The next event and its id. Raises SlowReaderError once the queue has overflowed and is read empty."""
        if self._overflowed and self._queue.empty():
            raise SlowReaderError
        return await self._queue.get()
