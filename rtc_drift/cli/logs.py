"""The log of `rtc-drift serve`: for people at a terminal, as text for files, or as JSON for programs."""

import logging
import os
import sys
from typing import Literal

from rich.console import Console
from rich.logging import RichHandler

from rtc_drift.workers.log_lines import FORMAT_VARIABLE, log_to_stderr

TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def log(level: str, format_: Literal["text", "json"]) -> None:
    """Log from now on, in this process and in those that it starts."""
    os.environ[FORMAT_VARIABLE] = format_
    if format_ == "text" and sys.stderr.isatty():
        handler = RichHandler(console=Console(stderr=True), show_path=False, markup=False, rich_tracebacks=True)
        logging.basicConfig(level=level.upper(), format="%(message)s", datefmt="%H:%M:%S", handlers=[handler])
    else:
        log_to_stderr(level, "control", TEXT)
    for library in ("aiohttp", "aioice", "aiortc", "asyncio"):
        logging.getLogger(library).setLevel(max(logging.WARNING, logging.getLogger().level))
