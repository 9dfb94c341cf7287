"""Noticing that music folders change: by the system's notifications, and by looking now and then."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from watchfiles import Change, awatch

from rtc_drift.library.scan import SUFFIXES, holds_anything

logger = logging.getLogger(__name__)

LOOK_SECONDS = 300.0
"""Network drives tell nothing, and notifications get lost when a folder is filled while it is being made."""
GATHER_MS = 800
"""Changes that follow each other this closely are one."""


async def changes(roots: Callable[[], Sequence[Path]], *, look_seconds: float = LOOK_SECONDS) -> AsyncIterator[None]:
    """For ever: yields when something below the folders may have changed, and every `look_seconds` in any case.

    `roots` is asked again each time, as folders come and go.
    """
    told = False
    while True:
        watched = [root for root in roots() if await asyncio.to_thread(holds_anything, root)]
        try:
            if watched:
                async for _ in awatch(
                    *watched,
                    watch_filter=_is_of_interest,
                    debounce=GATHER_MS,
                    rust_timeout=int(look_seconds * 1_000),
                    yield_on_timeout=True,
                    ignore_permission_denied=True,
                ):
                    yield
                    if [root for root in roots() if await asyncio.to_thread(holds_anything, root)] != watched:
                        break
                continue
        except (OSError, RuntimeError) as error:  # so many folders that the system's limit is reached, or one is gone
            if not told:
                logger.warning("Changes of the music folders are noticed late: they can't be watched (%s).", error)
                told = True
        await asyncio.sleep(look_seconds)
        yield


def _is_of_interest(change: Change, path: str) -> bool:
    """Music, and what may be a folder; not that music was only touched or read."""
    suffix = os.path.splitext(path)[1].lower()  # noqa: PTH122 (called for every file that is written)
    return suffix in SUFFIXES or not suffix or change is Change.deleted or os.path.isdir(path)  # noqa: PTH112
