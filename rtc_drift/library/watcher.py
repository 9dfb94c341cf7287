"""Watching the music folders for changes: by the system's notifications, in a process of their own, and by polling."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from rtc_drift.library.resources import Resources
from rtc_drift.library.roots import is_present
from rtc_drift.workers.pool import JobHungError, WorkerError
from rtc_drift.workers.precedence import Precedence

logger = logging.getLogger(__name__)

POLL_SECONDS = 300.0
"""Network drives send no notifications, and some get lost when a new folder is filled at once."""
WATCH = "rtc_drift.library.watching:watch_job"


async def changes(
    roots: Callable[[], Sequence[Path]], resources: Resources, *, poll_seconds: float = POLL_SECONDS
) -> AsyncIterator[None]:
    """Yield whenever something below the folders may have changed, and at least every `poll_seconds`. Never ends.

    `roots` is called again each time, since folders come and go. Those that don't answer are not watched meanwhile.
    """
    has_warned = False
    while True:
        asked = list(roots())
        answers = await asyncio.gather(*(is_present(resources.files, root) for root in asked))
        watched = [os.fspath(root) for root, is_there in zip(asked, answers, strict=True) if is_there]
        if watched and resources.watching is not None:
            try:
                await resources.watching.run(WATCH, precedence=Precedence.SOON, folders=watched, seconds=poll_seconds)
                yield
                continue
            except JobHungError:  # something in a folder hangs: a scan finds out where
                yield
                continue
            except WorkerError as error:  # too many folders for the system's limit, or one is gone
                if not has_warned:
                    logger.warning("Changes of the music folders can't be noticed at once, only later (%s)", error)
                    has_warned = True
        await asyncio.sleep(poll_seconds)
        yield
