"""The cover of a track, in parts: a client that does not read holds no picture."""

import logging

from aiohttp import web

from rtc_drift.api.context import context
from rtc_drift.api.errors import ApiError
from rtc_drift.api.library import track_of
from rtc_drift.api.sending import StalledClientError, cut_off, limit_what_tcp_takes, send
from rtc_drift.library.covers import Cover, Covers, CoverTimeoutError, TooManyCoversError
from rtc_drift.library.track import Track

logger = logging.getLogger(__name__)

SEND_SECONDS = 30
"""Time that a client may take nothing of a cover before it is cut off."""
PART_BYTES = 128 * 1024
"""Size of the parts in which a cover is taken from those that are kept: one that was dropped is read for each."""


async def cover(request: web.Request) -> web.StreamResponse:
    """GET /api/tracks/{id}/cover: the embedded picture, or the one beside the file; 404 if there is none."""
    service, track = context(request), track_of(request)
    try:
        found = await service.covers.get(track)
    except (CoverTimeoutError, TooManyCoversError):
        service.metrics.cover_timeouts.inc()
        raise
    if found is None:
        raise ApiError(404, "no_cover", "This track has no cover.")
    size, mime, digest = len(found.data), found.mime, found.digest
    del found  # from here on only parts are held
    headers = {
        "Cache-Control": "private, max-age=86400",
        "X-Content-Type-Options": "nosniff",
        "ETag": f'"{digest}"',
    }
    if any(tag.value in (digest, "*") for tag in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    response = web.StreamResponse(headers=headers)
    response.content_type, response.content_length = mime, size
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    limit_what_tcp_takes(request)
    try:
        for start in range(0, size, PART_BYTES):
            await send(response, await _part(service.covers, track, digest, start), SEND_SECONDS)
    except StalledClientError:
        service.metrics.stalled_answers.inc()
        logger.debug("A client did not take the cover of %s", track.id)
        cut_off(request)
    except (CoverTimeoutError, TooManyCoversError, _ChangedError):
        cut_off(request)  # it can't be sent to its end
    except ConnectionError:
        pass
    return response


class _ChangedError(Exception):
    """The cover is another one by now."""


async def _part(covers: Covers, track: Track, digest: str, start: int) -> bytes:
    """Return a part of a cover, which is read again if it is no longer kept. Raises as `Covers.get` does."""
    found: Cover | None = await covers.get(track)
    if found is None or found.digest != digest:
        raise _ChangedError
    return found.data[start : start + PART_BYTES]
