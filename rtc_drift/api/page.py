"""The page and its files."""

import io

import segno
from aiohttp import web

from rtc_drift.api.context import context
from rtc_drift.api.errors import ApiError
from rtc_drift.api.sessions import page_path
from rtc_drift.sessions import BadNameError, NoSuchSessionError, SessionExistsError

# Everything comes from this server; `data:` and `blob:` are for pictures that the page draws.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


async def master_page(request: web.Request) -> web.FileResponse:
    """GET /: the master's page."""
    return _page(request)


async def session_page(request: web.Request) -> web.StreamResponse:
    """GET /session/{id}: the page of a session."""
    try:
        context(request).sessions.find(request.match_info["session_id"]).touch()
    except NoSuchSessionError as error:
        return _page_or_error(request, error, 404)
    return _page(request)


async def create_page(request: web.Request) -> web.StreamResponse:
    """GET /session/create/{name}: create the session unless it exists, then redirect to its page."""
    _check_visit(request)
    sessions, name = context(request).sessions, request.match_info["name"]
    try:
        session = await sessions.create(name) if name not in sessions else sessions[name]
    except SessionExistsError:  # created by another request meanwhile
        session = sessions.find(name)
    except BadNameError as error:
        return _page_or_error(request, error, 422)
    raise web.HTTPSeeOther(page_path(session))


async def follow_page(request: web.Request) -> web.StreamResponse:
    """GET /session/follow/{name}: create a follower, then redirect to its page."""
    _check_visit(request)
    try:
        session = context(request).sessions.follow(request.match_info["name"])
    except NoSuchSessionError as error:
        return _page_or_error(request, error, 404)
    raise web.HTTPSeeOther(page_path(session))


async def qr_code(request: web.Request) -> web.Response:
    """GET /session/{id}/qr.svg: a QR code of the link that follows the session, or a follower's leader."""
    session = context(request).sessions.find(request.match_info["session_id"])
    link = f"{request.url.origin()}/session/follow/{session.following or session.id}"
    picture = io.BytesIO()
    segno.make(link, micro=False).save(picture, kind="svg", scale=8, border=2, xmldecl=False)
    return web.Response(body=picture.getvalue(), content_type="image/svg+xml", headers={"Cache-Control": "no-cache"})


def _check_visit(request: web.Request) -> None:
    """Refuse pictures and scripts of pages: these links create something, so only a person may follow them."""
    if request.headers.get("Sec-Fetch-Dest", "document") not in ("document", "empty"):
        raise ApiError(403, "foreign_origin", "Only a person can open this link.")


def _page_or_error(request: web.Request, error: Exception, status: int) -> web.FileResponse:
    """Answer a browser with the page, which shows the error and offers other sessions; others with the error."""
    if "text/html" not in request.headers.get("Accept", ""):
        raise error
    return _page(request, status)


def _page(request: web.Request, status: int = 200) -> web.FileResponse:
    headers = {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "Cache-Control": "no-cache",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return web.FileResponse(context(request).frontend / "index.html", status=status, headers=headers)
