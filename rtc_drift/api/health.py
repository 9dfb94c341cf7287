"""Health routes: alive, ready, metrics."""

import asyncio
import contextlib
import threading
from pathlib import Path

from aiohttp import web

from rtc_drift.api.context import Context, context
from rtc_drift.api.errors import ApiError
from rtc_drift.api.receptions import receptions
from rtc_drift.api.schemas import EngineHealth, Health, Ready, model_response


async def healthz(request: web.Request) -> web.Response:
    """GET /healthz: the process answers; how long ago its event loop and its engines gave a sign of life."""
    service = context(request)
    ages = service.engines.tick_ages_seconds
    engines = [EngineHealth(last_tick_age_seconds=None if age is None else round(age, 3)) for age in ages]
    return model_response(Health(loop_age_seconds=round(service.loop_meter.age_seconds, 3), engines=engines))


async def readyz(request: web.Request) -> web.Response:
    """GET /readyz: 200 once the first audio of the master is decoded, and while everybody who listens has audio."""
    service = context(request)
    if not service.sessions.master.station.first_audio.is_set():
        raise ApiError(503, "not_ready", "The first track is not decoded yet.")
    is_ticking = service.engines.is_ticking
    listened_to = [station for station in service.sessions.stations() if station.has_listeners]
    if any(station.keeps_waiting or not is_ticking(station.playout.number) for station in listened_to):
        raise ApiError(503, "no_audio", "Somebody listens, and no audio is on the air.")
    return model_response(Ready())


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics: Prometheus text format."""
    service = context(request)
    _collect(service)
    async for _, reception in receptions(service.listeners.sent_to()):
        service.metrics.observe(reception)
    return web.Response(
        body=service.metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
    )


def _collect(service: Context) -> None:
    """Set the gauges to what other parts count."""
    metrics, sessions, status = service.metrics, service.sessions.values(), service.library.status()
    stations = service.sessions.stations()
    metrics.engine_restarts.set(service.engines.restarts)
    metrics.decoder_restarts.set(service.engines.decoder_restarts)
    for kind in ("master", "named", "follower"):
        metrics.sessions.labels(kind).set(sum(session.type == kind for session in sessions))
    metrics.running_mixers.set(sum(station.playout.running for station in stations))
    if (shared_port := service.shared_port) is not None:
        for reason, count in shared_port.dropped.items():
            metrics.dropped_datagrams.set(count, reason.replace(" ", "_"))
    metrics.unsent_packets.set(sum(listener.peer.skipped_packets for listener in service.listeners.values()))
    metrics.webrtc_listeners.set(len(service.listeners))
    metrics.listeners.set(sum(station.listeners for station in stations))
    metrics.event_readers.set(sum(station.hub.readers for station in stations))
    metrics.event_readers_cut.set(service.sessions.event_readers_cut)
    metrics.failed_plays.set(service.sessions.failed_plays)
    metrics.session_save_failures.set(service.session_store.failures)
    metrics.tracks.set(status.tracks)
    metrics.unplayable.set(status.unplayable)
    metrics.lead_failures.set(service.lead_cache.failures)
    metrics.planning_failures.set(service.planning.failures)
    metrics.library_failures.set(status.failures)
    metrics.encoders.set(len(service.encoded_streams))
    metrics.encoder_failures.set(service.encoded_streams.failures)
    metrics.tasks.set(len(asyncio.all_tasks()))
    metrics.threads.set(threading.active_count())
    with contextlib.suppress(OSError):
        metrics.open_descriptors.set(sum(1 for _ in Path("/proc/self/fd").iterdir()))
