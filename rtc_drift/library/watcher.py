"""Watching the music folders for changes: by the system's notifications, and by polling."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from watchfiles import Change, awatch

from rtc_drift.library.scan import SUFFIXES, is_not_empty

logger = logging.getLogger(__name__)

POLL_SECONDS = 300.0
"""Network drives send no notifications, and some get lost when a new folder is filled at once."""
DEBOUNCE_MS = 800
"""Longest time over which changes are gathered before they are told, as one."""
STEP_MS = 400
"""Time between two looks at what the system has notified: each wakes a thread, and by default there are 20 a second."""


async def changes(roots: Callable[[], Sequence[Path]], *, poll_seconds: float = POLL_SECONDS) -> AsyncIterator[None]:
    """Yield whenever something below the folders may have changed, and at least every `poll_seconds`. Never ends.

    `roots` is called again each time, since folders come and go.
    """
    has_warned = False
    while True:
        watched = [root for root in roots() if await asyncio.to_thread(is_not_empty, root)]
        try:
            if watched:
                async for _ in awatch(
                    *watched,
                    watch_filter=_is_of_interest,
                    debounce=DEBOUNCE_MS,
                    step=STEP_MS,
                    rust_timeout=int(poll_seconds * 1_000),
                    yield_on_timeout=True,
                    ignore_permission_denied=True,
                ):
                    yield
                    if [root for root in roots() if await asyncio.to_thread(is_not_empty, root)] != watched:
                        break
                continue
        except (OSError, RuntimeError) as error:  # too many folders for the system's limit, or one is gone
            if not has_warned:
                logger.warning("The music folders can't be watched (%s). Changes are found by polling, later.", error)
                has_warned = True
        await asyncio.sleep(poll_seconds)
        yield


def _is_of_interest(change: Change, path: str) -> bool:
    """Return True for music files, for what may be a folder, and for anything deleted."""
    suffix = os.path.splitext(path)[1].lower()  # noqa: PTH122 (called for every file that is written)
    return suffix in SUFFIXES or not suffix or change is Change.deleted or os.path.isdir(path)  # noqa: PTH112
