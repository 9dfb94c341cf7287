"""Watching the music folders for changes: by the system's notifications, in a process of their own, and by polling."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from rtc_drift.library.resources import Resources
from rtc_drift.library.roots import is_present
from rtc_drift.workers.pool import JobHungError, WorkerError, Workers
from rtc_drift.workers.precedence import Precedence

logger = logging.getLogger(__name__)

POLL_SECONDS = 300.0
"""Network drives send no notifications, and some get lost when a new folder is filled at once."""
WATCH = "rtc_drift.library.watching:watch_job"
_KINDS = {"fs.inotify.max_user_watches": "inotify watches", "fs.inotify.max_user_instances": "inotify instances"}
"""Settings of the system that may be too low, and what they allow."""
_ENOUGH = {"fs.inotify.max_user_watches": 524_288, "fs.inotify.max_user_instances": 1_024}
"""Their values that are proposed, unless twice the present one is more."""


async def changes(
    roots: Callable[[], Sequence[Path]], resources: Resources, *, poll_seconds: float = POLL_SECONDS
) -> AsyncIterator[None]:
    """Yield whenever something below the folders may have changed, and at least every `poll_seconds`. Never ends.

    `roots` is called again each time, since folders come and go. Those that don't answer are not watched meanwhile.
    """
    reasons = _Reasons()
    while True:
        asked = list(roots())
        answers = await asyncio.gather(*(is_present(resources.files, root) for root in asked))
        watched = [os.fspath(root) for root, is_there in zip(asked, answers, strict=True) if is_there]
        if watched and resources.watching is not None:
            reason = await _reason_not_to_watch(resources.watching, watched, poll_seconds)
            reasons.log(reason)
            if reason is None:
                yield
                continue
        await asyncio.sleep(poll_seconds)
        yield


async def _reason_not_to_watch(watching: Workers, folders: Sequence[str], poll_seconds: float) -> str | None:
    """Wait for a change, at most `poll_seconds`. Return a sentence if the folders can't be watched, else None."""
    try:
        setting = await watching.run(WATCH, precedence=Precedence.SOON, folders=folders, seconds=poll_seconds)
    except JobHungError:  # something in a folder hangs: a scan finds out where
        return None
    except WorkerError as error:
        return f"Changes in the music folders are noticed only every {_minutes(poll_seconds)} ({error})."
    if setting is None:
        return None
    value = max(_ENOUGH[setting], 2 * _present_value(setting))
    return (
        f"Changes in the music folders are noticed only every {_minutes(poll_seconds)}: the system allows too few "
        f"{_KINDS[setting]}. Raise them: sysctl {setting}={value} (persist it in /etc/sysctl.d/)."
    )


class _Reasons:
    """The reasons for which folders can't be watched, each logged once until they can."""

    def __init__(self) -> None:
        self._logged: set[str] = set()

    def log(self, reason: str | None) -> None:
        """Log a reason, or that there is none any more."""
        if reason is None:
            if self._logged:
                logger.info("Changes in the music folders are noticed at once again.")
            self._logged.clear()
        elif reason not in self._logged:
            self._logged.add(reason)
            logger.warning("%s", reason)


def _present_value(setting: str) -> int:
    try:
        return int(Path("/proc/sys", *setting.split(".")).read_text())
    except (OSError, ValueError):
        return 0


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:g} minutes"
