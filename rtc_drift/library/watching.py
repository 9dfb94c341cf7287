"""Watching folders in a worker process.

Starting to watch walks all folders, and holds the interpreter's lock meanwhile: for a while on a large library, for
ever on a network drive that is gone.
"""

import errno
import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from time import monotonic

from watchfiles import Change, watch
from watchfiles.main import FileChange

from rtc_drift.library.suffixes import SUFFIXES

DEBOUNCE_MS = 800
"""Longest time over which changes are gathered before they are told, as one."""
STEP_MS = 400
"""Time between two looks at what the system has notified: each wakes a thread, and by default there are 20 a second."""
ALIVE_MS = 20_000
"""Time between two signs of life while nothing changes: each wakes the parent."""
WATCHES, INSTANCES = "fs.inotify.max_user_watches", "fs.inotify.max_user_instances"
"""Settings of the system that may be too low: each folder takes a watch, each watching process an instance."""
_ERRORS = {"watch limit reached": WATCHES, "os error 28": WATCHES, "os error 24": INSTANCES}
"""Parts of watchfiles' errors, and the settings that are too low then."""
_NOT_UTF8 = "Unable to decode path"
"""Part of its error if the name of what has changed is not UTF-8."""

_watched: dict[tuple[str, ...], "_Watched"] = {}
"""The folders that are watched: they stay so between two jobs, so that no change is missed."""


def watch_job(folders: list[str], seconds: float, alive: Callable[[], None]) -> str | None:
    """Wait until something below the folders has changed, at most some seconds.

    If a setting of the system is too low for that, return its name, and watch nothing.
    """
    key, until = tuple(folders), monotonic() + seconds
    watched = _watched.pop(key, None) or _Watched(folders, seconds)
    _watched.clear()
    try:
        goes_on = watched.wait(until, alive)
    except (OSError, RuntimeError) as error:
        if (setting := _setting_of(error)) is None and _NOT_UTF8 not in str(error):
            raise OSError(errno.EIO, str(error)) from None  # watchfiles' own errors are one text
        return setting
    if goes_on:
        _watched[key] = watched
    return None


class _Watched:
    """Folders that are watched.

    watchfiles ends at the first folder that can't be read, such as `lost+found`, and all further ones are not watched.
    If there is one, it gets a list of the others.
    """

    def __init__(self, folders: list[str], seconds: float) -> None:
        self._folders = folders
        self._timeout_ms = max(STEP_MS, min(ALIVE_MS, int(seconds * 1_000)))
        self._stop = _Stop(folders[0])
        self._changes = self._watch(folders, is_recursive=True)
        self._has_list = False

    def wait(self, until: float, alive: Callable[[], None]) -> bool:
        """Wait for a change. Return True if the folders are watched on.

        Raises OSError and RuntimeError, after which nothing is watched.
        """
        self._stop.must_look_for_watches = True
        while True:
            changed = self._next()
            if self._stop.error is not None:
                raise self._stop.error
            if changed is None:
                sys.exit()
            if changed or monotonic() >= until:
                return not (self._has_list and any(os.path.isdir(path) for _, path in changed))  # noqa: PTH112 (text)
            alive()

    def _next(self) -> set[FileChange] | None:
        try:
            return next(self._changes, None)
        except PermissionError:
            if self._has_list:
                raise
        self._has_list = True
        self._changes = self._watch([*_readable_below(self._folders)], is_recursive=False)
        return next(self._changes, None)

    def _watch(self, folders: list[str], *, is_recursive: bool) -> Iterator[set[FileChange]]:
        return watch(
            *folders,
            watch_filter=_is_of_interest,
            debounce=DEBOUNCE_MS,
            step=STEP_MS,
            rust_timeout=self._timeout_ms,
            yield_on_timeout=True,
            stop_event=self._stop,
            recursive=is_recursive,
            ignore_permission_denied=False,  # it would say nothing of what can't be watched for other reasons, either
        )


def _readable_below(folders: list[str]) -> Iterator[str]:
    """Yield the folders, and those below them that can be read."""
    for folder in folders:
        for name, _, _ in os.walk(folder):
            if os.access(name, os.R_OK):
                yield name


class _Stop:
    """An event that is set once the system has no watch left, or the other end of stdin is closed.

    watchfiles is silent about new folders that it can't watch. Nobody else reads stdin meanwhile.
    """

    def __init__(self, folder: str) -> None:
        self.error: OSError | RuntimeError | None = None
        """Error of one watch more, if there is none left."""
        self.must_look_for_watches = False
        self._folder = folder
        self._poll = select.poll()
        self._poll.register(0, select.POLLHUP)

    def is_set(self) -> bool:
        """Return True if watching has to end."""
        if self.must_look_for_watches:
            self.must_look_for_watches = False
            self.error = _error_of_another_watch(self._folder)
        return self.error is not None or any(event & select.POLLHUP for _, event in self._poll.poll(0))


def _error_of_another_watch(folder: str) -> OSError | RuntimeError | None:
    """Watch a folder, not those below, for a moment. Return the error if the system has no watch left for that."""
    other = watch(
        folder,
        recursive=False,
        ignore_permission_denied=False,
        debounce=1,
        step=1,
        rust_timeout=1,
        yield_on_timeout=True,
    )
    try:
        with closing(other):
            next(other)
    except (OSError, RuntimeError) as error:
        return error if _setting_of(error) == WATCHES else None
    return None


def _setting_of(error: Exception) -> str | None:
    return next((setting for part, setting in _ERRORS.items() if part in str(error)), None)


def _is_of_interest(change: Change, path: str) -> bool:
    """Return True for music files, for what may be a folder, and for anything deleted."""
    suffix = os.path.splitext(path)[1].lower()  # noqa: PTH122 (called for every file that is written)
    return suffix in SUFFIXES or not suffix or change is Change.deleted or os.path.isdir(path)  # noqa: PTH112
