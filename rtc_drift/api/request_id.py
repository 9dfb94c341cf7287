"""The id of a request, `X-Request-Id`: a proxy's or a client's own if it is harmless, else a new one."""

import re
import secrets
from typing import Any

from aiohttp import web

HEADER = "X-Request-Id"
MAX_CHARACTERS = 64
"""Greatest length of an id that is taken over."""
_HARMLESS = re.compile(rf"[A-Za-z0-9._:-]{{1,{MAX_CHARACTERS}}}")
_KEY: Any = (
    web.RequestKey("request_id", str) if hasattr(web, "RequestKey") else "request_id"
)  # older versions of aiohttp


def request_id(request: web.Request) -> str:
    """Return the id of a request; the same whenever it is asked for."""
    known: str | None = request.get(_KEY)
    if known is None:
        sent = request.headers.get(HEADER, "")
        known = request[_KEY] = sent if _HARMLESS.fullmatch(sent) else secrets.token_hex(8)
    return known


async def add_request_id(request: web.Request, response: web.StreamResponse) -> None:
    """Add the id of its request to an answer."""
    response.headers.setdefault(HEADER, request_id(request))
