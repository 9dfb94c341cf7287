"""`rtc-drift serve`: runs the server until a signal ends it."""

import asyncio
import gc
import logging
import os
import resource
import sys
from contextlib import suppress

from rtc_drift.app import Service, serving
from rtc_drift.cli.logs import log
from rtc_drift.cli.service_manager import ServiceManager, engines_are_alive
from rtc_drift.cli.stop_signals import StopSignals
from rtc_drift.config import Settings, StartError
from rtc_drift.library.catalogue import CatalogueError
from rtc_drift.workers.pool import WorkerError

logger = logging.getLogger(__name__)

NICENESS = -5
"""Niceness of this process: high priority, because it sends the RTP of every listener."""


async def serve(settings: Settings) -> int:
    """Serve until SIGINT, SIGTERM or SIGHUP ends the process, within five seconds whatever hangs.

    Another SIGINT or SIGTERM ends it at once. Returns the exit code if the server can't start.
    """
    log(settings.log_level, settings.log_format)
    _raise_descriptor_limit()
    _raise_priority()
    gc.collect()
    service, is_serving, stop, manager = Service(settings), asyncio.Event(), asyncio.Event(), ServiceManager()
    serving_task = asyncio.create_task(_serve_until(stop, service, is_serving, manager), name="serve")

    def stop_gracefully() -> None:
        logger.info("Stopping")
        manager.stopping()
        stop.set()
        if not is_serving.is_set():
            serving_task.cancel()

    signals, code = StopSignals(service, stop_gracefully), 1
    try:
        await asyncio.wait({serving_task})
        code = serving_task.result() if not serving_task.cancelled() else int(not service.is_saved)
    except Exception:
        if stop.is_set():
            logger.exception("The server failed while it stopped")
        raise
    finally:
        signals.close(code)
    return code


async def _serve_until(
    stop: asyncio.Event, service: Service, is_serving: asyncio.Event, manager: ServiceManager
) -> int:
    try:
        async with serving(service.settings, service) as (_, url):
            is_serving.set()
            logger.info("Serving %s", url)
            manager.ready()
            # All present objects are excluded from garbage collection: a full one would delay packets by 50 ms.
            gc.freeze()
            ready_log = asyncio.create_task(_log_when_ready(service), name="log when ready")
            alive = manager.keep_alive(lambda: engines_are_alive(service.engines.tick_ages_seconds))
            watchdog = asyncio.create_task(alive, name="watchdog")
            try:
                await stop.wait()
            finally:
                ready_log.cancel()
                watchdog.cancel()
    except (StartError, CatalogueError, WorkerError) as error:
        print(f"rtc-drift: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"rtc-drift: The server can't start or continue ({error.strerror or error}).", file=sys.stderr)
        return 1
    return int(not service.is_saved)


async def _log_when_ready(service: Service) -> None:
    station = service.sessions.master.station
    await station.first_audio.wait()
    playing = station.autodj.programme.entries[0].track
    logger.info("Ready: playing “%s”%s", playing.title, f" by {playing.artist}" if playing.artist else "")


def _raise_descriptor_limit() -> None:
    """Raise the soft limit to the hard one: the usual 1024 (macOS: 256) is too low for the sockets of all listeners."""
    with suppress(OSError, ValueError):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _raise_priority() -> None:
    """Raise the priority of this process if the system allows it."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
