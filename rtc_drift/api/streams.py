"""Endless answers: the programme as Ogg Opus, and the events of a session."""

import asyncio
import socket
from contextlib import closing

from aiohttp import web

from rtc_drift.api.context import context, session_of
from rtc_drift.api.errors import ApiError, retry_later
from rtc_drift.api.permissions import may_command
from rtc_drift.audio.ogg import OggMuxer
from rtc_drift.broadcast import BroadcastEndedError, LaggedError
from rtc_drift.media import BLOCK_SECONDS
from rtc_drift.station.event_hub import EventReader, SlowReaderError, frame
from rtc_drift.station.session import Session

MAX_OGG_LAG_BLOCKS = 200
"""Blocks that an Ogg reader may lag, 4 s; then it is dropped."""
SEND_BUFFER_BYTES = 64 * 1024
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
    """GET /stream/{id}: endless `audio/ogg` of the same Opus packets, from the live edge."""
    session = session_of(request)
    headers = {"Content-Type": "audio/ogg", "Cache-Control": "no-store", "icy-name": f"rtc-drift: {session.id}"}
    if request.method == "HEAD":
        return web.Response(headers=headers)
    with context(request).listeners.ogg_reader(request.remote or ""):
        return await _send_ogg(request, session, web.StreamResponse(headers=headers))


async def _send_ogg(request: web.Request, session: Session, response: web.StreamResponse) -> web.StreamResponse:
    await response.prepare(request)
    _limit_what_tcp_takes(request)
    try:
        with (
            session.station.packets.reader(MAX_OGG_LAG_BLOCKS, patient=True) as reader,
            session.ending(lambda _: reader.end()),
            session.client("ogg"),
            closing(OggMuxer()) as muxer,
        ):
            while True:
                pages = muxer.mux(bytes(await reader.next_in_order()))
                if pages:
                    # A slow reader lags; a reader that has stopped blocks here.
                    async with asyncio.timeout(MAX_OGG_LAG_BLOCKS * BLOCK_SECONDS):
                        await response.write(pages)
    except (LaggedError, TimeoutError):
        context(request).metrics.ogg_dropped.inc()
        if request.transport is not None:
            request.transport.abort()
    except (BroadcastEndedError, ConnectionError):
        pass  # The session has ended, or the reader has disconnected.
    return response


def _limit_what_tcp_takes(request: web.Request) -> None:
    """Keep TCP's buffers small: several MB would hide for minutes that a reader has stopped reading."""
    if isinstance(request.transport, asyncio.Transport):
        request.transport.set_write_buffer_limits(high=SEND_BUFFER_BYTES)
        sock = request.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)


async def events(request: web.Request) -> web.StreamResponse:
    """GET /events/{id}: a `hello`, or the events missed since `Last-Event-ID`; then events as they happen."""
    session = session_of(request)
    if request.method == "HEAD":
        return web.Response(headers=EVENT_HEADERS)
    hub = session.station.hub
    if hub.readers >= context(request).max_event_readers:
        raise retry_later(ApiError(503, "event_reader_limit", "Event stream limit reached."))
    # The reader is counted before anything is awaited, so that many at once can't pass the limit.
    with hub.reader() as reader, session.client("events"), session.ending(lambda reason: _end(session, reader, reason)):
        missed = hub.missed(request.headers.get("Last-Event-ID", ""))
        hello = session.hello(allow_commands=may_command(request, session))
        first = frame(hello, hub.last_id) if missed is None else b"".join(missed)
        response = web.StreamResponse(headers=EVENT_HEADERS)
        await response.prepare(request)
        _limit_what_tcp_takes(request)
        try:
            await _send_events(first, reader, response)
        except (SlowReaderError, TimeoutError):
            if request.transport is not None:
                request.transport.abort()  # it may reconnect with its last id
        except ConnectionError:
            pass
    return response


def _end(session: Session, reader: EventReader, reason: str) -> None:
    if not session.station.ended:  # else the station has published it to everybody
        reader.end(session.farewell(reason))


async def _send_events(first: bytes, reader: EventReader, response: web.StreamResponse) -> None:
    frames: bytes | None = first
    while frames is not None:
        if frames:  # empty if a reconnecting reader missed nothing
            async with asyncio.timeout(EVENT_SEND_SECONDS):
                await response.write(frames)
        await asyncio.sleep(EVENT_PACE_SECONDS)
        frames = await reader.next()
