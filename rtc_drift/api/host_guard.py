"""Refuses requests under names that are not this server's: a page may have a name that leads here (DNS rebinding)."""

import re

from aiohttp import HttpVersion11, hdrs, web

from rtc_drift.api.context import context
from rtc_drift.api.errors import ApiError, Handler

MAX_HOST_CHARACTERS = 255
"""Greatest length of a Host header; names of the DNS have at most 253 characters."""
_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


@web.middleware
async def host_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse malformed and unknown hosts, on every route."""
    if hdrs.HOST not in request.headers and request.version < HttpVersion11:
        # No browser sends none. Links in the answer have the address that the request came to.
        return await handler(request.clone(host=_own_address(request)))
    name = _name(request)
    if name not in context(request).hosts:
        sentence = f"This server doesn't know the host name {name}: to allow it, start it with --allow-host {name}."
        raise ApiError(421, "unknown_host", sentence)
    return await handler(request)


def _name(request: web.Request) -> str:
    """Return the host of a request, without port. Raises ApiError."""
    sent = request.headers.getall(hdrs.HOST, [])
    match = _HOST.fullmatch(request.host) if len(sent) == 1 and len(sent[0]) <= MAX_HOST_CHARACTERS else None
    try:
        if match is not None and request.url.origin():
            return match[1]
    except ValueError:
        pass
    raise ApiError(400, "bad_host", "The Host header is not valid.")


def _own_address(request: web.Request) -> str:
    address, port = request.transport.get_extra_info("sockname")[:2] if request.transport else ("127.0.0.1", 80)
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
