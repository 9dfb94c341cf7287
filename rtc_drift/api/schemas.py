"""The models of requests and answers that are not those of events."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from rtc_drift.analysis.model import Analysis
from rtc_drift.library.playlist import MAX_BYTES
from rtc_drift.station.views import (
    OpenDirection,
    PlayedTrack,
    PlayingTrack,
    SessionState,
    TrackInfo,
    TransitionInfo,
    Wire,
)

if TYPE_CHECKING:  # only its type is needed
    from rtc_drift.webrtc.peer import Reception


class CreateOptions(Wire):
    """The beginning of a named session."""

    starting_track: str | None = Field(None, min_length=1, max_length=500)
    """A track's id, or words of its title, artist or album."""
    direction: str | None = None
    seed: int | None = Field(None, ge=0, lt=2**63)
    locked: bool = False
    """True: commands need the key in the answer."""
    playlist: str | None = Field(None, min_length=1, max_length=MAX_BYTES)
    """The text of an M3U, M3U8 or XSPF: its tracks are queued. At most 1 MiB and 5,000 entries."""


class CreateRequest(Wire):
    """`POST /api/session/create`."""

    session_name: str
    options: CreateOptions = CreateOptions()


class FollowRequest(Wire):
    """`POST /api/session/follow`."""

    session_name: str
    follower_name: str | None = Field(None, max_length=100)


class CommandAccepted(Wire):
    """The answer to a command, which takes effect at media time `starts_at`."""

    accepted: bool = True
    starts_at: int
    track: TrackInfo | None
    transition: TransitionInfo | None


class SessionUrls(Wire):
    """The addresses of a session."""

    web_url: str
    stream_url: str
    events_url: str
    whep_url: str


class RtpClock(Wire):
    """The present media time, and for each listener's SSRC the RTP timestamp (mod 2³²) of media time 0."""

    sample_rate: int
    media_time: int
    at: datetime
    offsets: dict[str, int]


class ListenerClock(Wire):
    """`GET /api/session/{id}/rtp-clock`: the present media time, and the RTP timestamp (mod 2³²) of media time 0."""

    sample_rate: int
    media_time: int
    at: datetime
    offset: int


class Journey(Wire):
    """`GET /api/session/{id}/journey`."""

    session_id: str
    tracks: list[PlayedTrack]
    """The tracks played, oldest first; the last is the present one."""


class ReceptionInfo(Wire):
    """The reception of a listener, by its latest RTCP report."""

    loss_ratio: float
    """Share of the packets lost since the report before, 0 to 1."""
    packets_lost: int
    jitter_seconds: float
    round_trip_seconds: float | None

    @classmethod
    def of(cls, reception: "Reception") -> "ReceptionInfo":
        """Show a reception."""
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


class SessionCreated(SessionMade):
    """A session that was created, as the answer shows it: without what is null."""

    control_key: str | None = None
    """The key of a locked session, which is never shown again."""
    queued: int | None = None
    """Number of tracks of the playlist that were queued."""
    not_found: list[str] | None = None
    """The entries of the playlist that the library does not have, by artist and title or by path; 100 at most."""


class FollowerMade(SessionMade):
    """A follower that was created."""

    following_session: str


class LockedFollowerMade(FollowerMade):
    """A follower of a locked session that was created."""

    control_key: str
    """The key that ends the follower, and is never shown again."""


class SessionInfo(SessionState, SessionUrls):
    """`GET /api/session/info`."""

    name: str
    created: datetime
    last_access: datetime
    position_seconds: float | None
    """Position in the track on the air."""
    webrtc_listeners: int
    ogg_listeners: int
    encoded_listeners: int
    """Readers of mp3 and AAC."""
    event_readers: int
    """These three count clients of this session, not of its followers."""
    rtp_clock: RtpClock
    reception: dict[str, ReceptionInfo]
    """By SSRC: the listeners that have reported."""
    follower_names: list[str]
    """The names of its followers, the first 100 of them."""


class SessionSummary(Wire):
    """A session in the list, `GET /api/session/list`."""

    session_id: str
    type: str
    name: str
    clients: int
    """Number of clients of this session: WebRTC and Ogg listeners, and event readers."""
    webrtc_listeners: int
    ogg_listeners: int
    encoded_listeners: int
    """Readers of mp3 and AAC."""
    event_readers: int
    created: datetime
    last_access: datetime
    following_session: str | None
    followers: int
    now_playing: PlayingTrack | None
    active: bool
    """True while its station has listeners, through any session."""
    locked: bool


class SessionList(Wire):
    """`GET /api/session/list`."""

    sessions: list[SessionSummary]


class LibraryMap(Wire):
    """`GET /api/map`: columns of equal length, a row for each analysed track."""

    version: str
    ids: list[str]
    x: list[float]
    """From dark, 0, to bright, 1."""
    y: list[float]
    """From calm, 0, to energetic, 1."""


class EngineHealth(Wire):
    """The health of an engine."""

    last_tick_age_seconds: float | None
    """Time since its last sign of life; null before the first."""


class Health(Wire):
    """`GET /healthz`."""

    status: Literal["ok"] = "ok"
    loop_age_seconds: float
    """Time since the event loop gave a sign of life."""
    engines: list[EngineHealth]


class Ready(Wire):
    """`GET /readyz`."""

    status: Literal["ready"] = "ready"


class Error(BaseModel):
    """Every error."""

    error: str
    """A sentence for people."""
    code: str
    """Its kind, for programs."""
    field: str | None = None
    """The field of the body, or the parameter, that is wrong."""
    session_id: str | None = Field(None, alias="sessionId")
    """The session that was not found."""
    following_session: str | None = Field(None, alias="followingSession")
    """The leader of the follower that was meant."""


class DirectionInfo(Wire):
    """A direction and its opposite."""

    direction: str
    label: str
    opposite: str
    discovered: bool
    """True if it was found in this library and is named after its main features."""


class DirectionList(Wire):
    """`GET /api/directions`."""

    directions: list[DirectionInfo]


class Explorer(Wire):
    """`GET /api/explorer`."""

    session_id: str
    track_id: str | None
    direction: str | None
    directions: list[OpenDirection]
    """Empty until the track on the air is analysed."""


class TrackDetail(TrackInfo):
    """`GET /api/tracks/{id}`."""

    analysis: Analysis | None
    """Null until the track is analysed."""


class Waveform(Wire):
    """`GET /api/tracks/{id}/waveform`."""

    peaks_per_second: float
    peaks: list[Annotated[int, Field(ge=0, le=255)]] = Field(max_length=2_000)
    """Loudness from moment to moment as amplitude: 255 for the loudest, half of it for 6 LU less."""


class TrackList(Wire):
    """`GET /api/tracks`."""

    tracks: list[TrackInfo]
    total: int = Field(ge=0)


def model_response(model: BaseModel, status: int = 200, *, without_null: bool = False) -> web.Response:
    """Answer with a model as JSON in camelCase."""
    text = model.model_dump_json(by_alias=True, exclude_none=without_null)
    return web.Response(text=text, content_type="application/json", status=status)
