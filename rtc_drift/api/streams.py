"""Endless answers: the programme as Ogg Opus, and the events of a session."""

import asyncio
import logging
from collections.abc import Iterable

from aiohttp import web

from rtc_drift.api.context import context, session_of
from rtc_drift.api.errors import ApiError
from rtc_drift.api.permissions import may_command
from rtc_drift.api.sending import StalledClientError, cut_off, grouped, limit_what_tcp_takes, send
from rtc_drift.broadcast import BroadcastEndedError, LaggedError
from rtc_drift.media import BLOCK_SECONDS
from rtc_drift.station.event_hub import EventReader, SlowReaderError
from rtc_drift.station.ogg_stream import OggStream
from rtc_drift.station.session import Session

logger = logging.getLogger(__name__)

MAX_OGG_LAG_BLOCKS = 200
"""Blocks that an Ogg reader may lag, 4 s, beside its burst; then it is dropped."""
FOLLOW_CHAINS = ("VLC/", "Lavf/", "libmpv", "mpv/", "Music Player Daemon", "Icecast")
"""Parts of the `User-Agent` of players that go on through a chain of logical streams, and show the tags of each."""
EVENT_PACE_SECONDS = 0.05
"""Pause between writes; events that come meanwhile share one."""
EVENT_SEND_SECONDS = 30
"""Time that an event reader may take nothing before it is cut off."""
EVENT_HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",  # nginx would hold events back
}


async def ogg(request: web.Request) -> web.StreamResponse:
    """GET /stream/{id}: endless `audio/ogg` of the same Opus packets; with titles for those that can show them."""
    session = session_of(request)
    headers = {"Content-Type": "audio/ogg", "Cache-Control": "no-store", "icy-name": f"rtc-drift: {session.id}"}
    if request.method == "HEAD":
        return web.Response(headers=headers)
    with context(request).listeners.http_reader(request.remote or ""):
        return await _send_ogg(request, session, web.StreamResponse(headers=headers))


async def _send_ogg(request: web.Request, session: Session, response: web.StreamResponse) -> web.StreamResponse:
    packets, titles = session.station.packets, session.station.titles if _wants_titles(request) else None
    burst = int(context(request).burst_seconds / BLOCK_SECONDS)
    await response.prepare(request)
    limit_what_tcp_takes(request)
    try:
        packets.forget()  # what was kept before there were readers is old
        with (
            packets.reader(MAX_OGG_LAG_BLOCKS + burst, patient=True, after=packets.before_last(burst)) as reader,
            session.ending(lambda _: reader.end()),
            session.client("ogg"),
        ):
            stream = OggStream(titles.at if titles is not None else None)
            while True:
                packet = await reader.next_in_order()
                pages = stream.add(bytes(packet), packet.pts or 0)
                if pages:
                    # A slow reader lags; a reader that has stopped blocks here.
                    await send(response, pages, MAX_OGG_LAG_BLOCKS * BLOCK_SECONDS)
    except (LaggedError, StalledClientError):
        context(request).metrics.ogg_dropped.inc()
        logger.debug("An Ogg reader of %s was too slow", session.id)
        cut_off(request)
    except (BroadcastEndedError, ConnectionError):
        pass  # The session has ended, or the reader has disconnected.
    return response


def _wants_titles(request: web.Request) -> bool:
    """Return True if a reader asks for titles, or is known to follow chains."""
    wanted = request.query.get("titles")
    if wanted is not None:
        return wanted == "1"
    return any(name in request.headers.get("User-Agent", "") for name in FOLLOW_CHAINS)


async def events(request: web.Request) -> web.StreamResponse:
    """GET /events/{id}: a `hello`, or the events missed since `Last-Event-ID`; then events as they happen."""
    session = session_of(request)
    if request.method == "HEAD":
        return web.Response(headers=EVENT_HEADERS)
    hub = session.station.hub
    if hub.readers >= context(request).max_event_readers:
        raise ApiError(503, "event_reader_limit", "Event stream limit reached.")
    # The reader is counted before anything is awaited, so that many at once can't pass the limit.
    with (
        hub.reader(request.headers.get("Last-Event-ID", "")) as reader,
        session.client("events"),
        session.ending(lambda reason: _end(session, reader, reason)),
    ):
        first = () if reader.is_resumed else session.hello(allow_commands=may_command(request, session))
        response = web.StreamResponse(headers=EVENT_HEADERS)
        await response.prepare(request)
        limit_what_tcp_takes(request)
        try:
            await _send_events(first, reader, response)
        except (SlowReaderError, StalledClientError):
            hub.cut_off += 1
            logger.debug("An event reader of %s was too slow", session.id)
            cut_off(request)  # it may reconnect with its last id
        except ConnectionError:
            pass
    return response


def _end(session: Session, reader: EventReader, reason: str) -> None:
    if not session.station.ended:  # else the station has published it to everybody
        reader.end(session.farewell(reason))


async def _send_events(first: Iterable[bytes], reader: EventReader, response: web.StreamResponse) -> None:
    for frames in grouped(first):
        await send(response, frames, EVENT_SEND_SECONDS)
    while (taken := await reader.next()) is not None:
        pause = 0 if reader.is_behind else EVENT_PACE_SECONDS
        await send(response, taken, EVENT_SEND_SECONDS)
        await asyncio.sleep(pause)
