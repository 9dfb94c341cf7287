"""Session routes: create, follow, info, delete."""

import asyncio
from collections.abc import Iterator
from itertools import islice
from typing import Any

from aiohttp import web

from rtc_drift.api import schemas
from rtc_drift.api.context import context
from rtc_drift.api.errors import json_body
from rtc_drift.api.permissions import cookie_name, may_command
from rtc_drift.api.receptions import receptions
from rtc_drift.api.rtp_clock import clock_of, ssrc_of
from rtc_drift.api.schemas import model_response
from rtc_drift.library.playlist import MAX_BYTES
from rtc_drift.library.playlist_search import Matched
from rtc_drift.media import SAMPLE_RATE
from rtc_drift.selection.journey import QUEUE
from rtc_drift.station.session import MASTER, Session
from rtc_drift.station.views import cut

MAX_CREATE_BYTES = 3 * MAX_BYTES + 64 * 1024
"""Most bytes of a request that creates a session: as JSON a playlist of 1 MiB may take three times as much."""
NAMED = 100
"""Most followers, and most entries of a playlist that were not found, that an answer names."""
KEY_DAYS = 400
"""Days that a browser keeps a control key: the most that browsers allow."""
FOLLOWER_KEY_DAYS = 30
"""Days that a browser keeps a follower's key. It keeps some 180 cookies of a site, and drops others for them."""


async def create(request: web.Request) -> web.Response:
    """POST /api/session/create: create a named session with its own mixer and journey."""
    body = await json_body(request.clone(client_max_size=MAX_CREATE_BYTES), schemas.CreateRequest)
    options, matched = body.options, None
    if options.playlist is not None:
        service = context(request)
        matched = await service.playlists.find(options.playlist, service.library.playable())
    session = await context(request).sessions.create(
        body.session_name, starting_track=options.starting_track, direction=options.direction, seed=options.seed
    )
    filled = {} if matched is None else _fill(session, matched)
    key = session.lock_with_new_key() if options.locked else None
    made = schemas.SessionCreated(
        session_id=session.id, type=session.type, control_key=key, **filled, **dict(_urls(request, session))
    )
    response = model_response(made, status=201, without_null=True)
    if key is not None:
        keep_key(response, session, key)
    return response


def _fill(session: Session, matched: Matched) -> dict[str, Any]:
    """Queue the tracks of a playlist, and return what the answer says of them."""
    # The queue is filled before the station's task has run, so that its first track is the programme's.
    station = session.station
    tracks = [track for track_id in matched.track_ids if (track := station.find_track(track_id))][:QUEUE]
    station.commands.fill(tracks)
    names = [cut(entry.text or entry.location) for entry in matched.not_found[:NAMED]]
    return {"queued": len(tracks), "not_found": names}


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
    return model_response(await _info(request, found, ssrc_of(request)))


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
        rtp_clock=clock_of(session, sent_to),
        reception={
            str(stream.ssrc): schemas.ReceptionInfo.of(reception) async for stream, reception in receptions(sent_to)
        },
        follower_names=[cut(name) for name in islice(_followers(request, session), NAMED)],
    )


def _followers(request: web.Request, session: Session) -> Iterator[str]:
    if session.following is None:
        yield from (each.name for each in context(request).sessions.values() if each.following == session.id)


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
