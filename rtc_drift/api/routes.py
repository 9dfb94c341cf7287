"""The table of routes, and the aiohttp application made of it."""

from aiohttp import web

from rtc_drift.api import covers, library, library_map, links, page, radio, sessions, streams, whep
from rtc_drift.api import directions as explorer
from rtc_drift.api import health as operations
from rtc_drift.api.commands import COMMANDS
from rtc_drift.api.context import CONTEXT, Context
from rtc_drift.api.errors import error_middleware
from rtc_drift.api.host_guard import host_middleware
from rtc_drift.api.journey import journey
from rtc_drift.api.openapi import docs, openapi
from rtc_drift.api.origin_guard import origin_middleware
from rtc_drift.api.permissions import role_middleware
from rtc_drift.api.proxies import proxy_middleware
from rtc_drift.api.request_id import add_request_id
from rtc_drift.api.rtp_clock import rtp_clock
from rtc_drift.api.security_headers import add_security_headers
from rtc_drift.api.session_list import listing
from rtc_drift.api.static_files import FILES, static_file, static_files
from rtc_drift.api.waveform import waveform

MAX_BODY_BYTES = 64 * 1024

ROUTES = (
    web.get("/", page.master_page),
    web.get("/static/{path:.+}", static_file),
    web.get("/session/create/{name}", links.create_link, allow_head=False),
    web.get("/session/follow/{name}", links.follow_link, allow_head=False),
    web.get("/session/{session_id}", page.session_page),
    web.get("/session/{session_id}/qr.svg", page.qr_code),
    *(web.post(f"/session/{{session_id}}/{name}", command.handle) for name, command in COMMANDS.items()),
    web.post("/api/session/create", sessions.create),
    web.post("/api/session/follow", sessions.follow),
    web.delete("/api/session/{session_id}", sessions.delete),
    web.post("/whep/{session_id}", whep.join),
    web.get("/whep/{session_id}", whep.endpoint),
    web.options("/whep/{session_id}", whep.options),
    web.get("/whep/{session_id}/{listener_id}", whep.resource),
    web.options("/whep/{session_id}/{listener_id}", whep.options),
    web.patch("/whep/{session_id}/{listener_id}", whep.trickle),
    web.delete("/whep/{session_id}/{listener_id}", whep.leave),
    web.get("/stream/{session_id}.mp3", radio.mp3),
    web.get("/stream/{session_id}.aac", radio.aac),
    web.get("/stream/{session_id}.m3u", radio.m3u),
    web.get("/stream/{session_id}.pls", radio.pls),
    web.get("/stream/{session_id}", streams.ogg),
    web.get("/events/{session_id}", streams.events),
    web.get("/api/session/info", sessions.info),
    web.get("/api/session/list", listing),
    web.get("/api/session/{session_id}/journey", journey),
    web.get("/api/session/{session_id}/rtp-clock", rtp_clock),
    web.get("/api/directions", explorer.directions),
    web.get("/api/explorer", explorer.explorer),
    web.get("/api/map", library_map.library_map),
    web.get("/api/library", library.status),
    web.get("/api/tracks", library.tracks),
    web.get("/api/tracks/{track_id}", library.track),
    web.get("/api/tracks/{track_id}/cover", covers.cover),
    web.get("/api/tracks/{track_id}/waveform", waveform),
    web.get("/api/openapi.json", openapi),
    web.get("/api/docs", docs),
    web.get("/healthz", operations.healthz),
    web.get("/readyz", operations.readyz),
    web.get("/metrics", operations.metrics),
)


def make_app(context: Context) -> web.Application:
    """Make the aiohttp application of a service."""
    app = web.Application(
        middlewares=[error_middleware, proxy_middleware, host_middleware, origin_middleware, role_middleware],
        client_max_size=MAX_BODY_BYTES,
    )
    app[CONTEXT] = context
    app.add_routes(ROUTES)
    app[FILES] = static_files(context.frontend)
    app.on_response_prepare.append(add_request_id)
    app.on_response_prepare.append(add_security_headers)
    app.on_response_prepare.append(whep.add_cors)
    return app
