"""`rtc-drift serve`."""

import asyncio
import logging
import signal
import sys

from rich.console import Console
from rich.logging import RichHandler

from rtc_drift.app import Service, serving
from rtc_drift.config import Settings

logger = logging.getLogger(__name__)


async def serve(settings: Settings) -> int:
    """Serve until SIGINT or SIGTERM; gives the exit code."""
    _log_to_console(settings.log_level)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        async with serving(settings) as (service, url):
            logger.info("Serving %s", url)
            teller = asyncio.create_task(_tell_when_ready(service), name="tell when ready")
            try:
                await stop.wait()
                logger.info("Stopping")
            finally:
                teller.cancel()
    except OSError as error:
        logger.error("The server can't start: %s.", error.strerror or error)
        return 1
    return 0


async def _tell_when_ready(service: Service) -> None:
    await service.sessions.master.first_audio.wait()
    playing = service.sessions.master.conductor.programme.entries[0].track
    logger.info("Ready: playing “%s”%s", playing.title, f" by {playing.artist}" if playing.artist else "")


def _log_to_console(level: str) -> None:
    if sys.stderr.isatty():
        handler = RichHandler(console=Console(stderr=True), show_path=False, markup=False, rich_tracebacks=True)
        logging.basicConfig(level=level.upper(), format="%(message)s", datefmt="%H:%M:%S", handlers=[handler])
    else:
        logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("aiohttp", "aioice", "aiortc", "asyncio"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLogger().level))
