"""The bodies of requests and answers, beyond what events carry already."""

from datetime import datetime
from typing import TYPE_CHECKING

from aiohttp import web
from pydantic import BaseModel, Field

from rtc_drift.analysis.model import Analysis
from rtc_drift.station.views import OpenDirection, PlayingTrack, SessionState, TrackInfo, TransitionInfo, Wire

if TYPE_CHECKING:  # who renders offline needs no WebRTC
    from rtc_drift.webrtc.peer import Reception


class CreateOptions(Wire):
    """How a named session begins."""

    starting_track: str | None = Field(None, min_length=1, max_length=500)
    """A track's id, or words that match its title, artist or album."""
    direction: str | None = None
    seed: int | None = Field(None, ge=0, lt=2**63)
    locked: bool = False
    """Commands need the key that the answer holds."""


class CreateRequest(Wire):
    """`POST /api/session/create`."""

    session_name: str
    options: CreateOptions = CreateOptions()


class FollowRequest(Wire):
    """`POST /api/session/follow`."""

    session_name: str
    follower_name: str | None = Field(None, max_length=100)


class CommandAccepted(Wire):
    """A command that will be heard from `starts_at` (media time) on."""

    accepted: bool = True
    starts_at: int
    track: TrackInfo | None
    transition: TransitionInfo | None


class SessionUrls(Wire):
    web_url: str
    stream_url: str
    events_url: str
    whep_url: str


class RtpClock(Wire):
    """Media time now, and the RTP timestamp (mod 2³²) of media time 0 for each listener's SSRC."""

    sample_rate: int
    media_time: int
    at: datetime
    offsets: dict[str, int]


class ReceptionInfo(Wire):
    """How a listener receives, by its own last RTCP report."""

    loss_ratio: float
    """Of the packets since the report before, 0 to 1."""
    packets_lost: int
    jitter_seconds: float
    round_trip_seconds: float | None

    @classmethod
    def of(cls, reception: "Reception") -> "ReceptionInfo":
        return cls(
            loss_ratio=reception.loss,
            packets_lost=reception.lost_packets,
            jitter_seconds=reception.jitter_seconds,
            round_trip_seconds=reception.round_trip_seconds,
        )


class SessionMade(SessionUrls):
    """A session that was created."""

    session_id: str
    type: str


class LockedSessionMade(SessionMade):
    control_key: str
    """Told this once."""


class FollowerMade(SessionMade):
    following_session: str


class SessionInfo(SessionState, SessionUrls):
    """`GET /api/session/info`."""

    name: str
    created: datetime
    last_access: datetime
    position_seconds: float | None
    """Of the track that is on the air."""
    webrtc_listeners: int
    ogg_listeners: int
    event_readers: int
    """These three: who came through this session, not through its followers."""
    rtp_clock: RtpClock
    reception: dict[str, ReceptionInfo]
    """By SSRC: those who have reported."""


class SessionSummary(Wire):
    session_id: str
    type: str
    name: str
    clients: int
    """Who came through this session: listeners over WebRTC and as Ogg, and event readers."""
    webrtc_listeners: int
    ogg_listeners: int
    event_readers: int
    created: datetime
    last_access: datetime
    following_session: str | None
    followers: int
    now_playing: PlayingTrack | None
    active: bool
    """Whether somebody hears it, through whichever session."""
    locked: bool


class SessionList(Wire):
    """`GET /api/session/list`."""

    sessions: list[SessionSummary]


class DirectionInfo(Wire):
    """A direction and the way back."""

    direction: str
    label: str
    opposite: str
    discovered: bool
    """Found in this library, and named after the features that make it."""


class DirectionList(Wire):
    """`GET /api/directions`."""

    directions: list[DirectionInfo]


class Explorer(Wire):
    """`GET /api/explorer`."""

    session_id: str
    track_id: str | None
    direction: str | None
    directions: list[OpenDirection]
    """Empty as long as nobody knows how the track that is playing sounds."""


class MapPoint(Wire):
    """A track on the map; both coordinates 0 to 1."""

    track_id: str
    title: str
    artist: str
    x: float
    y: float


class LibraryMap(Wire):
    """`GET /api/map`: the tracks that were listened to."""

    points: list[MapPoint]


class TrackDetail(TrackInfo):
    """`GET /api/tracks/{id}`."""

    analysis: Analysis | None
    """How it sounds; null as long as it was not listened to."""


class TrackList(Wire):
    """`GET /api/tracks`."""

    tracks: list[TrackInfo]
    total: int = Field(ge=0)


def model_response(model: BaseModel, status: int = 200) -> web.Response:
    """A model as JSON in camelCase."""
    return web.Response(text=model.model_dump_json(by_alias=True), content_type="application/json", status=status)
