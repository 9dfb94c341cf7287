"""Headers on every answer that tell browsers what it may do, load and be loaded by."""

from aiohttp import web

# Everything comes from this server; `data:` and `blob:` are for pictures that the page draws.
PAGE_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
POLICY = "default-src 'none'; frame-ancestors 'none'"
STREAM_POLICY = "default-src 'none'; media-src 'self'; frame-ancestors 'none'"
"""A browser that opens a stream makes a page of its own around it, under the stream's policy."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
OF_STREAMS = HEADERS | {"Content-Security-Policy": STREAM_POLICY, "Cross-Origin-Resource-Policy": "cross-origin"}
"""Pages of other sites may play streams, as they may use WHEP."""


async def add_security_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers that the answer does not have."""
    is_stream = request.path.startswith(("/stream/", "/whep/"))
    for name, value in (OF_STREAMS if is_stream else HEADERS).items():
        response.headers.setdefault(name, value)
