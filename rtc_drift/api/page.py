"""The page of a session, and the QR code of the link that follows it."""

import io
from functools import lru_cache

import segno
from aiohttp import web

from rtc_drift.api.context import context
from rtc_drift.api.security_headers import PAGE_POLICY
from rtc_drift.sessions import NoSuchSessionError

KEPT_CODES = 32
"""Number of QR codes that are kept, up to 8 KB each."""
BEST_CODE_CHARACTERS = 120
"""Length of a link up to which the QR code is the best of the eight that the standard allows. Making them all takes
3 ms for a usual link and 13 ms for the longest; one of them takes a quarter of that."""
LONG_CODE_MASK = 3
"""The mask of a longer link's QR code."""


async def master_page(request: web.Request) -> web.FileResponse:
    """GET /: the master's page."""
    return page(request)


async def session_page(request: web.Request) -> web.StreamResponse:
    """GET /session/{id}: the page of a session."""
    try:
        context(request).sessions.find(request.match_info["session_id"]).touch()
    except NoSuchSessionError as error:
        return page_or_error(request, error, 404)
    return page(request)


async def qr_code(request: web.Request) -> web.Response:
    """GET /session/{id}/qr.svg: a QR code of the link that follows the session, or a follower's leader."""
    session = context(request).sessions.find(request.match_info["session_id"])
    link = f"{request.url.origin()}/session/follow/{session.following or session.id}"
    return web.Response(body=qr_svg(link), content_type="image/svg+xml", headers={"Cache-Control": "no-cache"})


@lru_cache(KEPT_CODES)
def qr_svg(link: str) -> bytes:
    """Return a link's QR code as SVG."""
    mask = None if len(link) <= BEST_CODE_CHARACTERS else LONG_CODE_MASK
    picture = io.BytesIO()
    segno.make(link, micro=False, mask=mask).save(picture, kind="svg", scale=8, border=2, xmldecl=False)
    return picture.getvalue()


def page_or_error(request: web.Request, error: Exception, status: int) -> web.FileResponse:
    """Answer a browser with the page, which shows the error and offers other sessions; others with the error."""
    if not is_browser(request):
        raise error
    return page(request, status)


def is_browser(request: web.Request) -> bool:
    """Return True if the client asks for a page."""
    return "text/html" in request.headers.get("Accept", "")


def page(request: web.Request, status: int = 200) -> web.FileResponse:
    """Answer with the page."""
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": PAGE_POLICY,
        "Cache-Control": "no-cache",
    }
    return web.FileResponse(context(request).frontend / "index.html", status=status, headers=headers)
