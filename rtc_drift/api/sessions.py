"""Session routes: create, follow, info, delete."""

import asyncio
from datetime import UTC, datetime

from aiohttp import web

from rtc_drift.api import schemas
from rtc_drift.api.context import context
from rtc_drift.api.errors import ApiError, json_body
from rtc_drift.api.permissions import cookie_name, may_command
from rtc_drift.api.receptions import receptions
from rtc_drift.api.schemas import model_response
from rtc_drift.media import SAMPLE_RATE
from rtc_drift.station.session import MASTER, Session

KEY_DAYS = 400
"""Days that a browser keeps a control key: the most that browsers allow."""
FOLLOWER_KEY_DAYS = 30
"""Days that a browser keeps a follower's key. It keeps some 180 cookies of a site, and drops others for them."""


async def create(request: web.Request) -> web.Response:
    """POST /api/session/create: create a named session with its own mixer and journey."""
    body = await json_body(request, schemas.CreateRequest)
    options = body.options
    session = await context(request).sessions.create(
        body.session_name, starting_track=options.starting_track, direction=options.direction, seed=options.seed
    )
    made = schemas.SessionMade(session_id=session.id, type=session.type, **dict(_urls(request, session)))
    if not options.locked:
        return model_response(made, status=201)
    key = session.lock_with_new_key()
    response = model_response(schemas.LockedSessionMade(**dict(made), control_key=key), status=201)
    keep_key(response, session, key)
    return response


async def follow(request: web.Request) -> web.Response:
    """POST /api/session/follow: create a follower, which shows and plays its leader's programme and can't command."""
    body = await json_body(request, schemas.FollowRequest)
    session, key = new_follower(request, body.session_name, body.follower_name or "")
    made = schemas.FollowerMade(
        session_id=session.id,
        type=session.type,
        following_session=session.following or "",
        **dict(_urls(request, session)),
    )
    if key is None:
        return model_response(made, status=201)
    response = model_response(schemas.LockedFollowerMade(**dict(made), control_key=key), status=201)
    keep_key(response, session, key)
    return response


def new_follower(request: web.Request, session_id: str, name: str = "") -> tuple[Session, str | None]:
    """Create a follower; return it, and the key that ends it if its leader is locked.

    Raises NoSuchSessionError, SessionLimitError.
    """
    sessions = context(request).sessions
    follower = sessions.follow(session_id, name)
    leader = sessions[follower.following or ""]
    return follower, follower.lock_with_new_key() if leader.is_locked else None


def keep_key(response: web.Response, session: Session, key: str) -> None:
    """Have the browser keep a control key. A follower's is sent with the one request that needs it."""
    days, path = (KEY_DAYS, "/") if session.following is None else (FOLLOWER_KEY_DAYS, f"/api/session/{session.id}")
    response.set_cookie(
        cookie_name(session), key, max_age=days * 24 * 3600, httponly=True, samesite="Strict", path=path
    )


async def info(request: web.Request) -> web.Response:
    """GET /api/session/info?sessionId=…: one session in full; with `ssrc`, only that one of its listeners."""
    found = context(request).sessions.find(request.query.get("sessionId", MASTER))
    ssrc = request.query.get("ssrc")
    if ssrc is not None and not (ssrc.isascii() and ssrc.isdigit() and len(ssrc) <= 10):
        raise ApiError(422, "invalid_field", "ssrc: must be a number of at most ten digits.", field="ssrc")
    return model_response(await _info(request, found, None if ssrc is None else int(ssrc)))


async def delete(request: web.Request) -> web.Response:
    """DELETE /api/session/{id}: end the session and disconnect its clients."""
    # Finished even if the client disconnects meanwhile.
    await asyncio.shield(context(request).sessions.delete(request.match_info["session_id"]))
    return web.Response(status=204)


async def _info(request: web.Request, session: Session, ssrc: int | None) -> schemas.SessionInfo:
    now, state = session.station.now(), session.state(allow_commands=may_command(request, session))
    playing = session.station.autodj.now_playing()
    media_time = now if state.paused_at is None else min(now, state.paused_at)
    position = playing.position_at(media_time) / SAMPLE_RATE if playing else None
    sent_to = context(request).listeners.sent_to(session, ssrc)
    clock = schemas.RtpClock(
        sample_rate=SAMPLE_RATE,
        media_time=now,
        at=datetime.now(UTC),
        offsets={str(stream.ssrc): stream.rtp_offset for stream in sent_to},
    )
    return schemas.SessionInfo(
        **dict(state),
        **dict(_urls(request, session)),
        name=session.name,
        created=session.created,
        last_access=session.last_access,
        position_seconds=position,
        webrtc_listeners=session.clients["webrtc"],
        ogg_listeners=session.clients["ogg"],
        encoded_listeners=session.clients["encoded"],
        event_readers=session.clients["events"],
        rtp_clock=clock,
        reception={
            str(stream.ssrc): schemas.ReceptionInfo.of(reception) async for stream, reception in receptions(sent_to)
        },
    )


def _urls(request: web.Request, session: Session) -> schemas.SessionUrls:
    origin = str(request.url.origin())
    return schemas.SessionUrls(
        web_url=f"{origin}{page_path(session)}",
        stream_url=f"{origin}/stream/{session.id}",
        events_url=f"{origin}/events/{session.id}",
        whep_url=f"{origin}/whep/{session.id}",
    )


def page_path(session: Session) -> str:
    """Return the path of a session's page."""
    return "/" if session.id == MASTER else f"/session/{session.id}"
