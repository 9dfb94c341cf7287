"""Session routes: information and commands."""

from datetime import UTC, datetime

from aiohttp import web

from rtc_drift import events
from rtc_drift.api import schemas
from rtc_drift.api.context import context, session_of
from rtc_drift.api.errors import json_body
from rtc_drift.media import SAMPLE_RATE, seconds
from rtc_drift.sessions import MASTER, Session


async def info(request: web.Request) -> web.Response:
    """GET /api/session/info?sessionId=…: one session in full."""
    found = context(request).sessions.find(request.query.get("sessionId", MASTER))
    return model_response(_info(request, found))


async def listing(request: web.Request) -> web.Response:
    """GET /api/session/list."""
    summaries = [
        schemas.SessionSummary(
            session_id=session.id,
            type=session.type,
            clients=session.listeners + session.hub.readers,
            created=session.created,
            now_playing=session.state().now_playing,
            active=session.listeners > 0,
        )
        for session in context(request).sessions.values()
    ]
    return model_response(schemas.SessionList(sessions=summaries))


async def next_track(request: web.Request) -> web.Response:
    """POST /session/{id}/next-track: the crossfade begins within 300 ms; the answer says when it is heard."""
    session = session_of(request)
    body = await json_body(request, schemas.NextTrackRequest)
    accepted = session.next_track(body.track_id)
    planned = events.planned(accepted.entry)
    answer = schemas.CommandAccepted(starts_at=accepted.starts_at, track=planned.track, transition=planned.transition)
    return model_response(answer, status=202)


def _info(request: web.Request, session: Session) -> schemas.SessionInfo:
    now, state = session.now(), session.state()
    playing = state.now_playing
    position = seconds(playing.offset_samples + now - playing.starts_at) if playing else None
    clock = schemas.RtpClock(
        sample_rate=SAMPLE_RATE,
        media_time=now,
        at=datetime.now(UTC),
        offsets=context(request).listeners.rtp_offsets(session),
    )
    return schemas.SessionInfo(
        **dict(state),
        **dict(_urls(request, session)),
        created=session.created,
        last_access=session.last_access,
        position_seconds=position,
        event_readers=session.hub.readers,
        rtp_clock=clock,
    )


def _urls(request: web.Request, session: Session) -> schemas.SessionUrls:
    origin = str(request.url.origin())
    return schemas.SessionUrls(
        web_url=f"{origin}/" if session.id == MASTER else f"{origin}/session/{session.id}",
        stream_url=f"{origin}/stream/{session.id}",
        events_url=f"{origin}/events/{session.id}",
        whep_url=f"{origin}/whep/{session.id}",
    )


def model_response(model: events.Wire, status: int = 200) -> web.Response:
    """A model as JSON in camelCase."""
    return web.Response(text=model.model_dump_json(by_alias=True), content_type="application/json", status=status)
