"""The page and its files."""

from aiohttp import web

from rtc_drift.api.context import context, session_of

# Everything comes from this server; `data:` and `blob:` are for pictures the page draws itself.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


async def master_page(request: web.Request) -> web.FileResponse:
    """GET /: the master's page."""
    return _page(request)


async def session_page(request: web.Request) -> web.FileResponse:
    """GET /session/{id}: the page of a session."""
    session_of(request)
    return _page(request)


def _page(request: web.Request) -> web.FileResponse:
    headers = {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "Cache-Control": "no-cache",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return web.FileResponse(context(request).frontend / "index.html", headers=headers)
