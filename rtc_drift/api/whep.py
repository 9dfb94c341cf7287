"""WHEP over HTTP (draft-ietf-wish-whep-03): the verbs and headers around `signaling`."""

from aiohttp import web

from rtc_drift.api.context import context, session_of
from rtc_drift.api.errors import ApiError
from rtc_drift.signaling import WhepListener
from rtc_drift.webrtc.offer_bounds import MAX_SDP_BYTES

SDP = "application/sdp"
TRICKLE = "application/trickle-ice-sdpfrag"
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "OPTIONS, GET, HEAD, POST, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Content-Type, If-Match, Authorization",
    "Access-Control-Expose-Headers": "Location, ETag, Link, Accept-Patch, Accept-Post, Retry-After",
    "Access-Control-Max-Age": "86400",
}


async def add_cors(request: web.Request, response: web.StreamResponse) -> None:
    """Let players on other sites listen, as WHEP requires; errors carry the headers, too."""
    if request.path.startswith("/whep/"):
        response.headers.update(CORS)


async def join(request: web.Request) -> web.Response:
    """Answer a POSTed offer: 201 with the SDP answer and the listener's resource."""
    session = session_of(request)
    if request.content_type != SDP:
        raise ApiError(415, "unsupported_media_type", f"The body must be {SDP}.")
    listener, answer = await context(request).listeners.join(session, await _body(request), request.remote or "")
    headers = {"Location": f"/whep/{session.id}/{listener.id}", "ETag": listener.etag}
    return _described(request, web.Response(status=201, text=answer, content_type=SDP, headers=headers))


async def options(request: web.Request) -> web.Response:
    """Answer OPTIONS, of any session, with what may be sent; players read the ICE servers here before they offer."""
    return _described(request, web.Response(status=204, headers={"Allow": CORS["Access-Control-Allow-Methods"]}))


async def endpoint(request: web.Request) -> web.Response:
    """Answer GET and HEAD on a session's endpoint, without content."""
    session_of(request)
    return _described(request, web.Response(content_type=SDP))


async def resource(request: web.Request) -> web.Response:
    """Answer GET and HEAD on a listener's resource, without content."""
    return _described(request, web.Response(content_type=SDP, headers={"ETag": _listener(request).etag}))


async def trickle(request: web.Request) -> web.Response:
    """Take trickled candidates of a PATCH. An ICE restart is refused: the client posts a new offer instead.

    Many clients never read the ETag and send no If-Match; MediaMTX's page sends `*` with all. Nothing but a restart
    could be confused with their requests, and a restart is known by credentials of its own.
    """
    listener = _listener(request)
    if request.content_type != TRICKLE:
        raise ApiError(415, "unsupported_media_type", f"The body must be {TRICKLE}.")
    tags = [tag.strip().removeprefix("W/") for tag in request.headers.get("If-Match", listener.etag).split(",")]
    if not {"*", listener.etag} & set(tags):
        raise ApiError(412, "etag_mismatch", "The If-Match header does not match the listener's ETag.")
    await listener.add_candidates(await _body(request), is_for_any="*" in tags)
    return web.Response(status=204)


async def leave(request: web.Request) -> web.Response:
    """End the listener on DELETE."""
    if not context(request).listeners.leave(request.match_info["session_id"], request.match_info["listener_id"]):
        raise _no_listener()
    return web.Response()


def _described(request: web.Request, response: web.Response) -> web.Response:
    """Add what may be sent here, and the ICE servers."""
    response.headers.update({"Accept-Post": SDP, "Accept-Patch": TRICKLE})
    for server in context(request).listeners.policy.servers:
        credentials = (
            f"; username={_quoted(server.username)}; credential={_quoted(server.credential or '')}"
            '; credential-type="password"'
            if server.username
            else ""
        )
        response.headers.add("Link", f'<{server.url}>; rel="ice-server"{credentials}')
    return response


def _quoted(text: str) -> str:
    """Return a quoted string (RFC 9110, 5.6.4)."""
    return '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'


def _listener(request: web.Request) -> WhepListener:
    listener = context(request).listeners.get(request.match_info["listener_id"])
    if listener is None or listener.session.id != request.match_info["session_id"]:
        raise _no_listener()
    return listener


def _no_listener() -> ApiError:
    return ApiError(404, "listener_not_found", "There is no such listener. It may have ended.")


async def _body(request: web.Request) -> str:
    data = await request.content.read(MAX_SDP_BYTES + 1)
    while len(data) <= MAX_SDP_BYTES and (more := await request.content.read(MAX_SDP_BYTES + 1 - len(data))):
        data += more
    if len(data) > MAX_SDP_BYTES:
        raise ApiError(413, "too_large", f"The body is larger than {MAX_SDP_BYTES // 1024} KiB.")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ApiError(400, "bad_offer", "The body is not text.") from None
