"""Links that make something. A browser gets the page, which posts; for other programs the GET itself makes it."""

from aiohttp import web

from rtc_drift.api.context import context
from rtc_drift.api.origin_guard import check_visit
from rtc_drift.api.page import is_browser, page, page_or_error
from rtc_drift.api.sessions import keep_key, new_follower, page_path
from rtc_drift.sessions import BadNameError, NoSuchSessionError, SessionExistsError
from rtc_drift.station.session import Session, is_name


async def create_link(request: web.Request) -> web.StreamResponse:
    """GET /session/create/{name}: create the session unless it exists, then redirect to its page."""
    sessions, name = context(request).sessions, request.match_info["name"]
    if name not in sessions and not is_name(name):
        return page_or_error(request, BadNameError(), 422)
    if is_browser(request):
        return page(request)
    check_visit(request)
    if name in sessions:
        return _see(sessions[name])
    _count(request)
    try:
        return _see(await sessions.create(name))
    except SessionExistsError:  # created by another request meanwhile
        return _see(sessions.find(name))


async def follow_link(request: web.Request) -> web.StreamResponse:
    """GET /session/follow/{name}: create a follower, then redirect to its page."""
    name = request.match_info["name"]
    try:
        context(request).sessions.find(name)
    except NoSuchSessionError as error:
        return page_or_error(request, error, 404)
    if is_browser(request):
        return page(request)
    check_visit(request)
    _count(request)
    follower, key = new_follower(request, name)
    response = _see(follower)
    if key is not None:
        keep_key(response, follower, key)
    return response


def _count(request: web.Request) -> None:
    context(request).link_limit.take(request.remote or "")


def _see(session: Session) -> web.Response:
    return web.Response(status=303, headers={"Location": page_path(session)})
