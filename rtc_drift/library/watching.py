"""Watching folders in a worker process.

Starting to watch walks all folders, and holds the interpreter's lock meanwhile: for a while on a large library, for
ever on a network drive that is gone.
"""

import os
import select
import sys
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

from watchfiles import Change, watch

from rtc_drift.library.suffixes import SUFFIXES

DEBOUNCE_MS = 800
"""Longest time over which changes are gathered before they are told, as one."""
STEP_MS = 400
"""Time between two looks at what the system has notified: each wakes a thread, and by default there are 20 a second."""
ALIVE_MS = 20_000
"""Time between two signs of life while nothing changes: each wakes the parent."""

_watches: dict[tuple[str, ...], Iterator[Any]] = {}
"""The present watch, by its folders: it goes on between two jobs, so that no change is missed."""


def watch_job(folders: list[str], seconds: float, alive: Callable[[], None]) -> None:
    """Wait until something below the folders has changed, at most some seconds."""
    key, until = tuple(folders), monotonic() + seconds
    watching = _watches.pop(key, None) or watch(
        *folders,
        watch_filter=_is_of_interest,
        debounce=DEBOUNCE_MS,
        step=STEP_MS,
        rust_timeout=max(STEP_MS, min(ALIVE_MS, int(seconds * 1_000))),
        yield_on_timeout=True,
        stop_event=_ParentGone(),
        ignore_permission_denied=True,
    )
    _watches.clear()
    while not (changed := next(watching, None)) and monotonic() < until:
        if changed is None:
            sys.exit()
        alive()
    _watches[key] = watching


class _ParentGone:
    """An event that is set once the other end of stdin is closed: a watching process doesn't read it."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._poll.register(0, select.POLLHUP)

    def is_set(self) -> bool:
        return any(event & select.POLLHUP for _, event in self._poll.poll(0))


def _is_of_interest(change: Change, path: str) -> bool:
    """Return True for music files, for what may be a folder, and for anything deleted."""
    suffix = os.path.splitext(path)[1].lower()  # noqa: PTH122 (called for every file that is written)
    return suffix in SUFFIXES or not suffix or change is Change.deleted or os.path.isdir(path)  # noqa: PTH112
