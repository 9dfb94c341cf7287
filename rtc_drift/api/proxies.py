"""Lets every handler see a request as its client sent it, though it came through a proxy."""

from aiohttp import web

from rtc_drift.api.context import context
from rtc_drift.api.errors import ApiError, Handler
from rtc_drift.api.forwarded import BY_PARTS, FORWARDED, Asked, BadForwardedError


@web.middleware
async def proxy_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Believe what trusted proxies say of the client, and nobody else; over HTTPS cookies stay on HTTPS."""
    if request.remote is not None and request.remote in context(request).proxies:
        request = _as_asked(request)
    answer = await handler(request)
    if request.scheme == "https" and not answer.prepared:
        for cookie in answer.cookies.values():
            cookie["secure"] = True
    return answer


def _as_asked(request: web.Request) -> web.Request:
    """Return the request with the address, scheme and host that its client used. Raises ApiError."""
    headers = {name: request.headers.getall(name, []) for name in (FORWARDED, *BY_PARTS)}
    try:
        asked = context(request).proxies.asked(headers)
    except BadForwardedError as error:
        raise ApiError(400, "bad_forwarded", str(error)) from None
    if asked == Asked():
        return request
    return request.clone(
        remote=asked.address or request.remote or "",
        scheme=asked.scheme or request.scheme,
        host=asked.host or request.host,
    )
