"""`rtc-drift serve`."""

import asyncio
import gc
import logging
import os
import resource
import signal
import sys
from contextlib import suppress

from rich.console import Console
from rich.logging import RichHandler

from rtc_drift.app import Service, StartError, serving
from rtc_drift.config import Settings
from rtc_drift.library.catalogue import CatalogueError
from rtc_drift.workers.pool import WorkerError

logger = logging.getLogger(__name__)

NICENESS = -5
INTERRUPTED = 130


async def serve(settings: Settings) -> int:
    """Serve until SIGINT or SIGTERM; gives the exit code. A SIGINT after that ends the process at once."""
    _log_to_console(settings.log_level)
    _raise_descriptor_limit()
    _go_first()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop_patiently() -> None:
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))  # the children go when their pipes close

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop_patiently)
    try:
        async with serving(settings) as (service, url):
            logger.info("Serving %s", url)
            _spare_the_collector()
            teller = asyncio.create_task(_tell_when_ready(service), name="tell when ready")
            try:
                await stop.wait()
                logger.info("Stopping")
            finally:
                teller.cancel()
    except (StartError, CatalogueError, WorkerError) as error:
        print(f"rtc-drift: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"rtc-drift: The server can't start or go on ({error.strerror or error}).", file=sys.stderr)
        return 1
    return 0


async def _tell_when_ready(service: Service) -> None:
    station = service.sessions.master.station
    await station.first_audio.wait()
    playing = station.autodj.programme.entries[0].track
    logger.info("Ready: playing “%s”%s", playing.title, f" by {playing.artist}" if playing.artist else "")


def _raise_descriptor_limit() -> None:
    """Every listener takes sockets; the usual soft limit of 1024 (macOS: 256) would be met first."""
    with suppress(OSError, ValueError):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _go_first() -> None:
    # This process sends the RTP of every listener: where it may, it goes before what can wait.
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)


def _spare_the_collector() -> None:
    """What is there now stays: a full collection, which looked at all of it, would hold packets up for 50 ms."""
    gc.collect()
    gc.freeze()


def _log_to_console(level: str) -> None:
    if sys.stderr.isatty():
        handler = RichHandler(console=Console(stderr=True), show_path=False, markup=False, rich_tracebacks=True)
        logging.basicConfig(level=level.upper(), format="%(message)s", datefmt="%H:%M:%S", handlers=[handler])
    else:
        logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("aiohttp", "aioice", "aiortc", "asyncio"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLogger().level))
