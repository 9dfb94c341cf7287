"""The bodies of requests and answers, beyond what events carry already."""

from datetime import datetime

from pydantic import Field

from rtc_drift.events import PlayingTrack, SessionState, TrackInfo, TransitionInfo, Wire


class NextTrackRequest(Wire):
    """`POST /session/{id}/next-track`; without a track the planned one comes."""

    track_id: str | None = None


class CommandAccepted(Wire):
    """A command that will be heard from `starts_at` (media time) on."""

    accepted: bool = True
    starts_at: int
    track: TrackInfo
    transition: TransitionInfo


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


class SessionInfo(SessionState, SessionUrls):
    """`GET /api/session/info`."""

    created: datetime
    last_access: datetime
    position_seconds: float | None
    """Of the track that is on the air."""
    event_readers: int
    rtp_clock: RtpClock


class SessionSummary(Wire):
    session_id: str
    type: str
    clients: int
    created: datetime
    followers: int = 0
    now_playing: PlayingTrack | None
    active: bool


class SessionList(Wire):
    """`GET /api/session/list`."""

    sessions: list[SessionSummary]


class TrackList(Wire):
    """`GET /api/tracks`."""

    tracks: list[TrackInfo]
    total: int = Field(ge=0)
