"""GET /api/map: columns of all analysed tracks, compressed, and sent only to those who do not have them."""

import re

from aiohttp import web

from rtc_drift.api.context import context
from rtc_drift.api.sending import StalledClientError, cut_off, limit_what_tcp_takes, send

SEND_SECONDS = 30
"""Time that a client may take nothing of the map before it is cut off."""
_TAKES_GZIP = re.compile(r"(^|[\s,])(gzip|\*)\s*(?!\s*;\s*q=0(\.0*)?\s*(,|$))(;|,|$)", re.IGNORECASE)


async def library_map(request: web.Request) -> web.StreamResponse:
    """GET /api/map: the place of each track, across from dark to bright and up from calm to energetic."""
    service = context(request)
    document = await service.map_keeper.get()
    headers = {"ETag": f'W/"{document.version}"', "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
    if any(tag.value in (document.version, "*") for tag in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    body = document.gzipped
    if _TAKES_GZIP.search(request.headers.get("Accept-Encoding", "")):
        headers["Content-Encoding"] = "gzip"
    else:
        body = await service.map_keeper.plain(document)
    response = web.StreamResponse(headers=headers)
    response.content_type, response.content_length = "application/json", len(body)
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    limit_what_tcp_takes(request)
    try:
        await send(response, body, SEND_SECONDS)
    except StalledClientError:
        service.metrics.stalled_answers.inc()
        cut_off(request)
    except ConnectionError:
        pass
    return response
