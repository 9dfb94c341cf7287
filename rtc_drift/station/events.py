"""The events of `GET /events/{id}` as models. `event_publisher` makes them."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import Field

from rtc_drift.station.queue_changes import QueueChangeKind
from rtc_drift.station.views import OpenDirection, PlayingTrack, SessionState, TrackInfo, TransitionInfo, WhyInfo, Wire


class _Event(Wire):
    session_id: str
    at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    media_time: int
    """The media time of the event: samples at 48 kHz since the station's mixer started."""


class Hello(_Event):
    """The whole state; the first event of every stream."""

    type: Literal["hello"] = "hello"
    state: SessionState


class TrackStarted(_Event):
    """A track has started; `media_time` is its start."""

    type: Literal["track_started"] = "track_started"
    track: TrackInfo
    starts_at: int
    offset_samples: int
    position_map: tuple[tuple[int, int], ...] | None = None
    reason: str
    why: WhyInfo | None


class TrackPlanned(_Event):
    """Another track is planned to come next, or the same one for another reason."""

    type: Literal["track_planned"] = "track_planned"
    track: TrackInfo
    starts_at: int
    reason: str
    why: WhyInfo | None
    transition: TransitionInfo


class TransitionStarted(_Event):
    """Two tracks begin to overlap."""

    type: Literal["transition_started"] = "transition_started"
    from_track: str = Field(serialization_alias="from")
    to: str
    kind: str
    duration_samples: int


class DirectionChanged(_Event):
    """Somebody steers in another direction, or no longer in any."""

    type: Literal["direction_changed"] = "direction_changed"
    direction: str | None


class ExplorerSnapshot(_Event):
    """The directions open from the track on the air."""

    type: Literal["explorer_snapshot"] = "explorer_snapshot"
    track_id: str
    directions: list[OpenDirection]


class QueueChanged(_Event):
    """A track was added to the queue, removed or moved, or the whole queue has changed: then `info` has it."""

    type: Literal["queue_changed"] = "queue_changed"
    change: QueueChangeKind
    position: int | None
    """The place of the track that was added or moved, or had that was removed; null if the queue was replaced."""
    from_position: int | None
    """The place that a moved track had before."""
    entry_id: int | None
    track_id: str | None
    title: str | None
    artist: str | None
    length: int
    """Length of the queue after the change."""
    revision: int
    """Number of changes of the queue so far: a client that has missed one reads `info`."""


PlaybackChange = Literal["paused", "resumed", "seeked"]


class PlaybackChanged(_Event):
    """The programme was paused, resumed or sought; `media_time` is when that takes effect."""

    type: Literal["playback_changed"] = "playback_changed"
    change: PlaybackChange
    now_playing: PlayingTrack
    paused_at: int | None


class LoveChanged(_Event):
    """A track is loved, or is no longer."""

    type: Literal["love_changed"] = "love_changed"
    track_id: str
    value: bool


class ListenersChanged(_Event):
    """The number of listeners or followers has changed."""

    type: Literal["listeners"] = "listeners"
    count: int
    followers: int
    running: bool


class Heartbeat(_Event):
    """Sent every 10 s, and whenever media time begins to run or to stand."""

    type: Literal["heartbeat"] = "heartbeat"
    running: bool


class SessionEnded(_Event):
    """The session has ended; the last event of the stream."""

    type: Literal["session_ended"] = "session_ended"
    reason: str


Event = Annotated[
    Hello
    | TrackStarted
    | TrackPlanned
    | TransitionStarted
    | DirectionChanged
    | ExplorerSnapshot
    | QueueChanged
    | PlaybackChanged
    | LoveChanged
    | ListenersChanged
    | Heartbeat
    | SessionEnded,
    Field(discriminator="type"),
]
