"""The programme as mp3 or AAC, for players that know no Opus, with ICY titles; and playlist files that name it."""

import logging

from aiohttp import web

from rtc_drift.api.context import context, session_of
from rtc_drift.api.errors import ApiError
from rtc_drift.api.sending import PIECE_BYTES, StalledClientError, cut_off, limit_what_tcp_takes, send
from rtc_drift.audio.icy import METAINT_BYTES, IcyWriter
from rtc_drift.audio.live_encoder import AAC, FORMATS, MP3, StreamFormat
from rtc_drift.broadcast import BroadcastEndedError, LaggedError, Reader
from rtc_drift.station.encoded_stream import MAX_LAG_SECONDS, TitledFrame
from rtc_drift.station.session import Session

logger = logging.getLogger(__name__)


async def mp3(request: web.Request) -> web.StreamResponse:
    """GET /stream/{id}.mp3: endless `audio/mpeg`."""
    return await _stream(request, MP3)


async def aac(request: web.Request) -> web.StreamResponse:
    """GET /stream/{id}.aac: endless `audio/aac` (ADTS)."""
    return await _stream(request, AAC)


async def m3u(request: web.Request) -> web.Response:
    """GET /stream/{id}.m3u: a playlist file that names the mp3 stream, or that of `?format=`."""
    session = session_of(request)
    lines = ("#EXTM3U", f"#EXTINF:-1,{_name(session)}", _url(request, session), "")
    return _playlist(lines, "audio/x-mpegurl")


async def pls(request: web.Request) -> web.Response:
    """GET /stream/{id}.pls: the same in the other format."""
    session = session_of(request)
    entry = (f"File1={_url(request, session)}", f"Title1={_name(session)}", "Length1=-1")
    return _playlist(("[playlist]", "NumberOfEntries=1", *entry, "Version=2", ""), "audio/x-scpls")


def _name(session: Session) -> str:
    return f"rtc-drift: {session.id}"


def _url(request: web.Request, session: Session) -> str:
    wanted = request.query.get("format", MP3.name)
    if wanted != "ogg" and wanted not in FORMATS:
        raise ApiError(422, "invalid_field", f"format: must be ogg, {' or '.join(FORMATS)}.", field="format")
    suffix = "" if wanted == "ogg" else f".{wanted}"
    return f"{request.url.origin()}/stream/{session.id}{suffix}"


def _playlist(lines: tuple[str, ...], content_type: str) -> web.Response:
    headers = {"Content-Type": f"{content_type}; charset=utf-8", "Cache-Control": "no-store"}
    return web.Response(body="\n".join(lines).encode(), headers=headers)


async def _stream(request: web.Request, stream_format: StreamFormat) -> web.StreamResponse:
    session = session_of(request)
    icy = IcyWriter() if request.headers.get("Icy-MetaData", "").strip() == "1" else None
    headers = {
        "Content-Type": stream_format.content_type,
        "Cache-Control": "no-store",
        "icy-name": _name(session),
        "icy-br": str(stream_format.bitrate // 1_000),
    }
    if icy is not None:
        headers["icy-metaint"] = str(METAINT_BYTES)
    if request.method == "HEAD":
        return web.Response(headers=headers)
    with context(request).listeners.http_reader(request.remote or ""):
        return await _send_frames(request, session, stream_format, icy, web.StreamResponse(headers=headers))


async def _send_frames(
    request: web.Request,
    session: Session,
    stream_format: StreamFormat,
    icy: IcyWriter | None,
    response: web.StreamResponse,
) -> web.StreamResponse:
    service = context(request)
    await response.prepare(request)
    limit_what_tcp_takes(request)
    try:
        with (
            service.encoded_streams.reader(session.station, stream_format, service.burst_seconds) as reader,
            session.ending(lambda _: reader.end()),
            session.client("encoded"),
        ):
            while True:
                await send(response, await _next_bytes(reader, icy), MAX_LAG_SECONDS)
    except (LaggedError, StalledClientError):
        service.metrics.encoded_dropped.inc()
        logger.debug("A reader of %s as %s was too slow", session.id, stream_format.name)
        cut_off(request)
    except (BroadcastEndedError, ConnectionError):
        pass  # The session has ended, or the reader has disconnected.
    return response


async def _next_bytes(reader: Reader[TitledFrame], icy: IcyWriter | None) -> bytes:
    """Return the next frame, and those that are there already, but not many at once."""
    frame: TitledFrame | None = await reader.next_in_order()
    out = b""
    while frame is not None:
        out += frame.data if icy is None else icy.add(frame.data, frame.title.line)
        frame = reader.take_if(lambda _: True) if len(out) < PIECE_BYTES else None
    return out
