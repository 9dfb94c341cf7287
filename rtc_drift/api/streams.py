"""Answers without an end: the programme as Ogg Opus, and a session's events."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import closing, suppress

from aiohttp import web
from aiohttp_sse import EventSourceResponse, sse_response

from rtc_drift.api.context import context, session_of
from rtc_drift.api.errors import ApiError, retry_later
from rtc_drift.delivery.broadcast import BroadcastEndedError, LaggedError
from rtc_drift.delivery.ogg import OggMuxer
from rtc_drift.events import Event, EventReader, SessionEnded, SlowReaderError
from rtc_drift.media import BLOCK_SECONDS
from rtc_drift.sessions import Session

MAX_OGG_LAG_BLOCKS = 200
"""An Ogg reader more than 4 s behind is dropped."""
SEND_BUFFER_BYTES = 64 * 1024


async def ogg(request: web.Request) -> web.StreamResponse:
    """GET /stream/{id}: endless `audio/ogg`, the session's own packets, from now on."""
    session = session_of(request)
    headers = {"Content-Type": "audio/ogg", "Cache-Control": "no-store", "icy-name": f"rtc-drift: {session.id}"}
    if request.method == "HEAD":
        return web.Response(headers=headers)
    with context(request).listeners.ogg_reader():
        return await _send_ogg(request, session, web.StreamResponse(headers=headers))


async def _send_ogg(request: web.Request, session: Session, response: web.StreamResponse) -> web.StreamResponse:
    await response.prepare(request)
    _limit_what_tcp_takes(request)
    session.joined()
    try:
        with session.packets.reader(MAX_OGG_LAG_BLOCKS, patient=True) as reader, closing(OggMuxer()) as muxer:
            while True:
                pages = muxer.mux(bytes(await reader.next_in_order()))
                if pages:
                    # One that reads slowly lags, one that has stopped reading blocks here.
                    async with asyncio.timeout(MAX_OGG_LAG_BLOCKS * BLOCK_SECONDS):
                        await response.write(pages)
    except (LaggedError, TimeoutError):
        context(request).metrics.ogg_dropped.inc()
        if request.transport is not None:
            request.transport.abort()
    except (BroadcastEndedError, ConnectionError):
        pass  # The session has ended, or the reader has gone.
    finally:
        session.left()
    return response


def _limit_what_tcp_takes(request: web.Request) -> None:
    """Left alone, buffers of several MB would hide for minutes that a reader has stopped reading."""
    if isinstance(request.transport, asyncio.Transport):
        request.transport.set_write_buffer_limits(high=SEND_BUFFER_BYTES)
        sock = request.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)


async def events(request: web.Request) -> web.StreamResponse:
    """GET /events/{id}: a `hello`, or what was missed since `Last-Event-ID`; then what happens."""
    session = session_of(request)
    if request.method == "HEAD":
        return web.Response(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
    if session.hub.readers >= context(request).max_event_readers:
        raise retry_later(ApiError(503, "event_reader_limit", "As many event streams as allowed are open."))
    with session.hub.reader() as reader:  # before anything is awaited, so that many at once can't pass the limit
        missed = session.hub.missed(request.headers.get("Last-Event-ID", ""))
        first: Sequence[tuple[str, Event]] = [(session.hub.last_id, session.hello())] if missed is None else missed
        async with sse_response(request) as response:
            # A reader that is gone, too slow or cut off ends here; it may come back with its last id.
            with suppress(ConnectionError, TimeoutError, SlowReaderError):
                await _send_events(first, reader, response)
    return response


async def _send_events(first: Sequence[tuple[str, Event]], reader: EventReader, response: EventSourceResponse) -> None:
    for event_id, event in first:
        await response.send(_json(event), id=event_id)
    while True:
        event_id, event = await reader.next()
        await response.send(_json(event), id=event_id)
        if isinstance(event, SessionEnded):
            return


def _json(event: Event) -> str:
    return event.model_dump_json(by_alias=True)
