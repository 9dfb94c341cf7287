"""Permissions: decided here alone, from path and headers, before a body is read."""

import re

from aiohttp import web

from rtc_drift.api.context import context
from rtc_drift.api.errors import ApiError, Handler
from rtc_drift.api.origin_guard import SAFE_METHODS
from rtc_drift.station.session import Session

KEY_HEADER = "X-Control-Key"
_COMMAND = re.compile(r"/session/([^/]+)/.*")
_SESSION = re.compile(r"/api/session/([^/]+)")


@web.middleware
async def role_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse every command on a follower, and commands on a locked session without its key.

    The path decides: unknown commands and unusual methods are refused on a follower, too. What follows a locked session
    is ended with its own key, which its page has, or with the leader's.
    """
    if request.method not in SAFE_METHODS:
        command, resource = _COMMAND.fullmatch(request.path), _SESSION.fullmatch(request.path)
        match = command or resource
        session = context(request).sessions.get(match[1]) if match else None
        if session is not None and (command or session.following is None):
            _check_command(request, session)
        elif session is not None:
            _check_end(request, session)
    return await handler(request)


def may_command(request: web.Request, session: Session) -> bool:
    """Return True if the client may command the session."""
    return session.may_command(_key(request, session))


def cookie_name(session: Session) -> str:
    """Return the name of the cookie that holds a locked session's control key."""
    return f"rtc-drift-key-{session.id}"


def _key(request: web.Request, session: Session) -> str | None:
    return request.headers.get(KEY_HEADER) or request.cookies.get(cookie_name(session))


def _check_end(request: web.Request, follower: Session) -> None:
    leader = context(request).sessions[follower.following or ""]
    if leader.is_locked and not any(each.has_key(_key(request, each)) for each in (follower, leader)):
        context(request).metrics.refused_commands.inc()
        raise ApiError(403, "locked", "Locked. Ending this follower needs its own key or its leader's.")


def _check_command(request: web.Request, session: Session) -> None:
    if may_command(request, session):
        return
    context(request).metrics.refused_commands.inc()
    if session.following is not None:
        sentence = "Follower sessions cannot send commands"
        raise ApiError(403, "read_only", sentence, followingSession=session.following)
    raise ApiError(403, "locked", "Locked. Commands need the control key.")
