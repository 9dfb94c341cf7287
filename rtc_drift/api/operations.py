"""Every route described: what it takes, what it answers, and which errors. `openapi` makes a document of it.

A route that is not here fails a test.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from rtc_drift.api import schemas
from rtc_drift.api.commands import COMMANDS
from rtc_drift.library.playlist import TYPES
from rtc_drift.library.status import LibraryStatus

JSON, HTML, SDP, TRICKLE = "application/json", "text/html", "application/sdp", "application/trickle-ice-sdpfrag"
EVENT_STREAM = "text/event-stream"
TRACK_ID = "00c4a1f2b3d4e5f6"
"""The id of a track in examples."""

Content = Mapping[str, type[BaseModel] | None]
"""Content types and their models; None for what is no JSON."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A route: one method on one path."""

    summary: str
    answer: Content = field(default_factory=dict)
    """The content of the usual answer; empty without content."""
    status: int = 200
    other: Mapping[int, str] = field(default_factory=dict)
    """Other answers that are no errors, without content of their own."""
    body: Content = field(default_factory=dict)
    example: Any = None
    """An example of the body."""
    query: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Schemas of the parameters in the query; a schema may have `required`."""
    errors: tuple[str, ...] = ()
    """Codes of the errors besides those that all routes of its kind have."""
    has_head: bool = False
    """True if HEAD is answered, too."""


SESSION_QUERY = {"sessionId": {"type": "string", "default": "master"}}
SSRC = {"type": "string", "pattern": "^[0-9]{1,10}$"}
PAGE: Content = {HTML: None}
CREATE_EXAMPLE = {
    "sessionName": "kitchen",
    "options": {"direction": "calmer", "playlist": "#EXTM3U\n#EXTINF:271,Air - Sexy Boy\nAir/Moon Safari/02.flac\n"},
}
SUMMARIES = {
    "next-track": "Cross over into another track: a given one, the planned one, or one for a direction.",
    "previous": "Go back to the track before.",
    "pause": "Go silent for everybody.",
    "resume": "Go on after a pause.",
    "seek": "Go elsewhere in the present track.",
    "queue": "Queue a track: at a position, or last.",
    "queue-remove": "Take an entry out of the queue.",
    "queue-move": "Move an entry of the queue to a position.",
    "direction": "Steer in a direction; null ends that.",
    "reset-drift": "Forget the direction and what was played.",
    "love": "Love a track, or no longer.",
}
EXAMPLES: Mapping[str, dict[str, Any]] = {
    "next-track": {"when": "bar"},
    "seek": {"positionSeconds": 90.5},
    "queue": {"trackId": TRACK_ID, "position": 0},
    "queue-remove": {"entryId": 17},
    "queue-move": {"entryId": 17, "position": 2},
    "direction": {"direction": "brighter"},
    "love": {"trackId": TRACK_ID, "value": True},
}
COMMAND_ERRORS = {
    "next-track": ("unknown_track", "unknown_direction"),
    "seek": ("out_of_track",),
    "queue": ("unknown_track", "queue_full"),
    "queue-remove": ("unknown_entry",),
    "queue-move": ("unknown_entry",),
    "direction": ("unknown_direction",),
    "love": ("unknown_track", "catalogue_unavailable"),
}


def _command(name: str) -> Operation:
    return Operation(
        SUMMARIES[name],
        {JSON: schemas.CommandAccepted},
        202,
        body={JSON: COMMANDS[name].body},
        example=EXAMPLES.get(name, {}),
        errors=COMMAND_ERRORS.get(name, ()),
    )


def _json(summary: str, model: type[BaseModel], *errors: str, **query: Mapping[str, Any]) -> Operation:
    return Operation(summary, {JSON: model}, query=query, errors=errors, has_head=True)


def _radio(name: str, content_type: str) -> Operation:
    summary = f"The programme as endless {name}, with ICY titles for `Icy-MetaData: 1`."
    return Operation(summary, {content_type: None}, errors=("listener_limit",), has_head=True)


def _playlist(content_type: str) -> Operation:
    query = {"format": {"enum": ["mp3", "aac", "ogg"], "default": "mp3"}}
    return Operation(
        "A playlist file that names a stream of the session.",
        {content_type: None},
        query=query,
        errors=("invalid_field",),
        has_head=True,
    )


OPERATIONS: Mapping[str, Operation] = {
    "GET /": Operation("The master's page.", PAGE, has_head=True, other={304: "The page has not changed."}),
    "GET /static/{path}": Operation(
        "A file of the page.",
        {"text/css": None, "text/javascript": None, "image/svg+xml": None, "application/manifest+json": None},
        other={206: "A part of the file.", 304: "The file has not changed."},
        errors=("not_found",),
        has_head=True,
    ),
    "GET /session/create/{name}": Operation(
        "Create a session unless it exists, and go to its page; a browser gets the page, which does so.",
        PAGE,
        other={303: "The session's page."},
        errors=("bad_session_name", "foreign_origin", "session_limit", "too_many_requests"),
    ),
    "GET /session/follow/{name}": Operation(
        "Create a follower and go to its page; a browser gets the page, which does so.",
        PAGE,
        other={303: "The follower's page."},
        errors=("foreign_origin", "session_not_found", "target_not_found", "session_limit", "too_many_requests"),
    ),
    "GET /session/{session_id}": Operation("The page of a session.", PAGE, has_head=True),
    "GET /session/{session_id}/qr.svg": Operation(
        "The QR code of the link that follows the session.", {"image/svg+xml": None}, has_head=True
    ),
    **{f"POST /session/{{session_id}}/{name}": _command(name) for name in COMMANDS},
    "POST /api/session/create": Operation(
        "Create a session with a programme of its own.",
        {JSON: schemas.SessionCreated},
        201,
        body={JSON: schemas.CreateRequest},
        example=CREATE_EXAMPLE,
        errors=(
            *("bad_session_name", "invalid_field", "session_exists", "session_limit", "unknown_track"),
            *("unknown_direction", "bad_playlist", "playlists_busy", "search_busy"),
        ),
    ),
    "POST /api/session/follow": Operation(
        "Create a follower of a session.",
        {JSON: schemas.LockedFollowerMade | schemas.FollowerMade},  # type: ignore[dict-item]
        201,
        body={JSON: schemas.FollowRequest},
        example={"sessionName": "kitchen", "followerName": "Radio in the bathroom"},
        errors=("session_not_found", "target_not_found", "session_limit", "invalid_field"),
    ),
    "DELETE /api/session/{session_id}": Operation(
        "End a session and disconnect its clients.", status=204, errors=("locked", "master_protected")
    ),
    "POST /whep/{session_id}": Operation(
        "Join over WebRTC (WHEP): an offer is answered.",
        {SDP: None},
        201,
        body={SDP: None},
        errors=(
            *("bad_offer", "unsupported_offer", "too_large", "listener_limit", "joining_limit"),
            *("no_candidates", "ice_unavailable"),
        ),
    ),
    "OPTIONS /whep/{session_id}": Operation("The content types that may be sent, and the ICE servers.", status=204),
    "OPTIONS /whep/{session_id}/{listener_id}": Operation("The same, for a listener.", status=204),
    "GET /whep/{session_id}": Operation("Check a session, without content.", {SDP: None}, has_head=True),
    "GET /whep/{session_id}/{listener_id}": Operation(
        "Check a listener, without content.", {SDP: None}, errors=("listener_not_found",), has_head=True
    ),
    "PATCH /whep/{session_id}/{listener_id}": Operation(
        "Trickle ICE candidates.",
        status=204,
        body={TRICKLE: None},
        errors=(
            *("bad_offer", "etag_mismatch", "ice_restart_unsupported"),
            *("listener_not_found", "too_large"),
        ),
    ),
    "DELETE /whep/{session_id}/{listener_id}": Operation("Leave.", errors=("listener_not_found",)),
    "GET /stream/{session_id}": Operation(
        "The programme as endless Ogg Opus; with `titles=1` a new logical stream for each track, with its tags.",
        {"audio/ogg": None},
        query={"titles": {"enum": ["0", "1"]}},
        errors=("listener_limit",),
        has_head=True,
    ),
    "GET /stream/{session_id}.mp3": _radio("mp3", "audio/mpeg"),
    "GET /stream/{session_id}.aac": _radio("AAC", "audio/aac"),
    "GET /stream/{session_id}.m3u": _playlist("audio/x-mpegurl"),
    "GET /stream/{session_id}.pls": _playlist("audio/x-scpls"),
    "GET /events/{session_id}": Operation(
        "The events of a session as they happen; the first is `hello`, with the whole state.",
        {EVENT_STREAM: None},
        errors=("event_reader_limit",),
        has_head=True,
    ),
    "GET /api/session/info": _json(
        "One session in full.",
        schemas.SessionInfo,
        *("invalid_field", "session_not_found", "target_not_found"),
        **SESSION_QUERY,
        ssrc=SSRC,
    ),
    "GET /api/session/list": _json("All sessions in short.", schemas.SessionList),
    "GET /api/session/{session_id}/journey": Operation(
        "The tracks played, oldest first, the present one last.",
        {JSON: schemas.Journey, **dict.fromkeys(TYPES.values())},
        query={"format": {"enum": ["json", *TYPES], "default": "json"}},
        errors=("invalid_field",),
        has_head=True,
    ),
    "GET /api/session/{session_id}/rtp-clock": _json(
        "The RTP clock of one listener.",
        schemas.ListenerClock,
        *("invalid_field", "listener_not_found"),
        ssrc={**SSRC, "required": True},
    ),
    "GET /api/directions": _json("All directions.", schemas.DirectionList),
    "GET /api/explorer": _json(
        "The directions open from the present track, with samples.",
        schemas.Explorer,
        *("session_not_found", "target_not_found"),
        **SESSION_QUERY,
    ),
    "GET /api/map": Operation(
        "The place of each analysed track, as columns.",
        {JSON: schemas.LibraryMap},
        other={304: "The map has not changed."},
        has_head=True,
    ),
    "GET /api/library": _json("What the library holds, and how far it is analysed.", LibraryStatus),
    "GET /api/tracks": _json(
        "Search the library.",
        schemas.TrackList,
        *("invalid_field", "search_busy"),
        q={"type": "string", "default": ""},
        limit={"type": "integer", "minimum": 1, "maximum": 500, "default": 50},
    ),
    "GET /api/tracks/{track_id}": _json(
        "One track with its analysis.", schemas.TrackDetail, "track_not_found", "catalogue_unavailable"
    ),
    "GET /api/tracks/{track_id}/cover": Operation(
        "The cover of a track.",
        {"image/*": None},
        other={304: "The cover has not changed."},
        errors=("track_not_found", "no_cover", "covers_busy", "cover_timeout"),
        has_head=True,
    ),
    "GET /api/tracks/{track_id}/waveform": _json(
        "The outline of a track, for a picture.",
        schemas.Waveform,
        *("track_not_found", "no_waveform", "catalogue_unavailable"),
    ),
    "GET /api/openapi.json": Operation("This document.", {JSON: None}, has_head=True),
    "GET /api/docs": Operation("A page that shows this document.", PAGE, has_head=True),
    "GET /healthz": _json("A sign of life.", schemas.Health),
    "GET /readyz": _json("Ready to be listened to.", schemas.Ready, "not_ready", "no_audio"),
    "GET /metrics": Operation("Figures for Prometheus.", {"text/plain": None}, has_head=True),
}
"""By method and path, in the order of the document."""
