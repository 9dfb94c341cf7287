"""Operations: is it alive, is it ready, how is it doing."""

from aiohttp import web

from rtc_drift.api.context import Context, context
from rtc_drift.api.errors import ApiError


async def healthz(_: web.Request) -> web.Response:
    """GET /healthz: the process answers."""
    return web.json_response({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """GET /readyz: 200 once the first audio of the master is decoded."""
    service = context(request)
    if not service.sessions.master.first_audio.is_set():
        raise ApiError(503, "not_ready", "The first track is not decoded yet.")
    return web.json_response({"status": "ready"})


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics: Prometheus text format."""
    service = context(request)
    _collect(service)
    return web.Response(
        body=service.metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
    )


def _collect(service: Context) -> None:
    """Read what others count into the gauges."""
    metrics, sessions, status = service.metrics, service.sessions.values(), service.library.status()
    metrics.engine_restarts.set(service.engine.restarts)
    metrics.sessions.set(len(service.sessions))
    metrics.webrtc_listeners.set(len(service.listeners))
    metrics.listeners.set(sum(session.listeners for session in sessions))
    metrics.event_readers.set(sum(session.hub.readers for session in sessions))
    metrics.event_readers_cut.set(sum(session.hub.cut_off for session in sessions))
    metrics.failed_plays.set(sum(session.conductor.failed_plays for session in sessions))
    metrics.tracks.set(status.tracks)
    metrics.unplayable.set(status.unplayable)
    metrics.library_failures.set(status.failures)
