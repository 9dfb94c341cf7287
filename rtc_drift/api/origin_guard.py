"""Refuses requests before a handler sees them: malformed hosts, and commands from pages of other sites."""

import re
from urllib.parse import SplitResult, urlsplit

from aiohttp import web

from rtc_drift.api.context import context
from rtc_drift.api.errors import ApiError, Handler

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


@web.middleware
async def guard_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse by headers alone, before the body is read."""
    try:
        is_host = _HOST.fullmatch(request.host) is not None and bool(request.url.origin())
    except ValueError:
        is_host = False
    if not is_host:
        raise ApiError(400, "bad_host", "The Host header is not valid.")
    if request.method not in SAFE_METHODS and not request.path.startswith("/whep/") and _is_foreign(request):
        context(request).metrics.refused_commands.inc()
        raise ApiError(403, "foreign_origin", "Pages of other sites can't send commands.")
    return await handler(request)


def _is_foreign(request: web.Request) -> bool:
    """Return True if a browser says that a page of another site sent this. Other clients say nothing."""
    if request.headers.get("Sec-Fetch-Site", "").lower() == "cross-site":
        return True
    origin = request.headers.get("Origin")
    if origin is None:
        return False
    try:
        theirs = urlsplit(origin)
        ours = urlsplit(f"{theirs.scheme}://{request.host}")
        return not theirs.hostname or _address(theirs) != _address(ours)
    except ValueError:
        return True


def _address(url: SplitResult) -> tuple[str | None, int | None]:
    return url.hostname, url.port or DEFAULT_PORTS.get(url.scheme)
