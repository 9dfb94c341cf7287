"""The list of all sessions in short, made in slices: with thousands of followers it takes long."""

import asyncio

from aiohttp import web

from rtc_drift.api.context import context
from rtc_drift.api.schemas import SessionSummary
from rtc_drift.station.session import Session
from rtc_drift.station.station import Station
from rtc_drift.station.views import PlayingTrack

SLICE = 100
"""Number of sessions after which everything else on the event loop has its turn: about 2 ms."""


async def listing(request: web.Request) -> web.Response:
    """GET /api/session/list: all sessions in short (`schemas.SessionList`)."""
    sessions = list(context(request).sessions.values())
    playing: dict[Station, PlayingTrack | None] = {}
    summaries: list[bytes] = []
    for start in range(0, len(sessions), SLICE):
        if start:
            await asyncio.sleep(0)
        summaries += [_summary(session, playing) for session in sessions[start : start + SLICE]]
    return web.Response(
        body=b'{"sessions":[%s]}' % b",".join(summaries), content_type="application/json", charset="utf-8"
    )


def _summary(session: Session, playing: dict[Station, PlayingTrack | None]) -> bytes:
    """Return a session in short, as JSON; `playing` keeps what plays now, the same for all followers of a station."""
    station = session.station
    if station not in playing:
        now_playing = station.autodj.now_playing()
        playing[station] = PlayingTrack.of(now_playing, station.loved) if now_playing else None
    summary = SessionSummary(
        session_id=session.id,
        type=session.type,
        name=session.name,
        clients=sum(session.clients.values()),
        webrtc_listeners=session.clients["webrtc"],
        ogg_listeners=session.clients["ogg"],
        encoded_listeners=session.clients["encoded"],
        event_readers=session.clients["events"],
        created=session.created,
        last_access=session.last_access,
        following_session=session.following,
        followers=0 if session.following else station.followers,
        now_playing=playing[station],
        active=station.has_listeners,
        locked=session.is_locked,
    )
    return summary.model_dump_json(by_alias=True).encode()
