"""Refuses what pages of other sites send, before a handler sees it: commands, and visits to links that make something.

A browser says by headers where a request comes from. Other programs say nothing of the kind, and are trusted.
"""

from urllib.parse import SplitResult, urlsplit

from aiohttp import hdrs, web

from rtc_drift.api.context import context
from rtc_drift.api.errors import ApiError, Handler

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
DEFAULT_PORTS = {"http": 80, "https": 443}
PREFETCH_HEADERS = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
"""Headers of a browser that loads a link before anybody has followed it."""


@web.middleware
async def origin_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse commands of other sites by headers alone, before the body is read."""
    is_guarded = request.method not in SAFE_METHODS and not request.path.startswith("/whep/")
    if is_guarded and (_fetch_site(request) == "cross-site" or _has_foreign(request, hdrs.ORIGIN)):
        context(request).metrics.refused_commands.inc()
        raise ApiError(403, "foreign_origin", "Pages of other sites can't send commands.")
    return await handler(request)


def check_visit(request: web.Request) -> None:
    """Refuse a GET that would make something, unless a person or a program follows the link. Raises ApiError."""
    if _is_prefetch(request) or _comes_from_elsewhere(request):
        context(request).metrics.refused_commands.inc()
        raise ApiError(403, "foreign_origin", "Pages can't open this link on their own: a person or a program must.")


def _is_prefetch(request: web.Request) -> bool:
    return any(name in request.headers for name in PREFETCH_HEADERS)


def _comes_from_elsewhere(request: web.Request) -> bool:
    headers, site = request.headers, _fetch_site(request)
    if site in ("cross-site", "same-site") or headers.get("Sec-Fetch-Dest", "empty") not in ("document", "empty"):
        return True
    if _has_foreign(request, hdrs.ORIGIN) or _has_foreign(request, hdrs.REFERER):
        return True
    # A page can hide itself (`no-referrer`), and over plain HTTP there is no Sec-Fetch-Site. What is left then is
    # that browsers call themselves Mozilla and send languages with everything. No other program is known to do both.
    is_browser = "Mozilla/" in headers.get(hdrs.USER_AGENT, "") and hdrs.ACCEPT_LANGUAGE in headers
    return is_browser and site is None and hdrs.ORIGIN not in headers and hdrs.REFERER not in headers


def _fetch_site(request: web.Request) -> str | None:
    site = request.headers.get("Sec-Fetch-Site")
    return None if site is None else site.lower()


def _has_foreign(request: web.Request, header: str) -> bool:
    """Return True if an Origin or Referer header names another site."""
    source = request.headers.get(header)
    if source is None:
        return False
    try:
        theirs = urlsplit(source)
        ours = urlsplit(f"{theirs.scheme}://{request.host}")
        return not theirs.hostname or _address(theirs) != _address(ours)
    except ValueError:
        return True


def _address(url: SplitResult) -> tuple[str | None, int | None]:
    return url.hostname, url.port or DEFAULT_PORTS.get(url.scheme)
