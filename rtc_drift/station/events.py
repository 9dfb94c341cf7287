"""What happens in a session, as events for `GET /events/{id}`, and the state that opens a client's stream."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import Field

from rtc_drift.station.views import OpenDirection, PlayingTrack, SessionState, TrackInfo, TransitionInfo, WhyInfo, Wire


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
    why: WhyInfo | None
    transition: TransitionInfo


class TransitionStarted(_Event):
    type: Literal["transition_started"] = "transition_started"
    from_track: str = Field(serialization_alias="from")
    to: str
    kind: str
    duration_samples: int


class DirectionChanged(_Event):
    type: Literal["direction_changed"] = "direction_changed"
    direction: str | None


class ExplorerSnapshot(_Event):
    """Where the music may go from the track that is playing."""

    type: Literal["explorer_snapshot"] = "explorer_snapshot"
    track_id: str
    directions: list[OpenDirection]


class QueueChanged(_Event):
    type: Literal["queue_changed"] = "queue_changed"
    queue: list[TrackInfo]


PlaybackChange = Literal["paused", "resumed", "seeked"]


class PlaybackChanged(_Event):
    type: Literal["playback_changed"] = "playback_changed"
    change: PlaybackChange
    now_playing: PlayingTrack
    paused_at: int | None


class LoveChanged(_Event):
    type: Literal["love_changed"] = "love_changed"
    track_id: str
    value: bool


class ListenersChanged(_Event):
    type: Literal["listeners"] = "listeners"
    count: int
    followers: int
    running: bool


class Heartbeat(_Event):
    """Every 10 s, and whenever the mixer begins to run or to stand."""

    type: Literal["heartbeat"] = "heartbeat"
    running: bool


class SessionEnded(_Event):
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
