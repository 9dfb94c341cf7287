"""Background tasks: each has an owner; a failure is logged once and ends no other task."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from rtc_drift.library.catalogue import CatalogueError
from rtc_drift.library.roots import RootError
from rtc_drift.workers.pool import WorkerError

logger = logging.getLogger(__name__)


class BackgroundTasks:
    """A set of tasks that owns them and counts their failures."""

    def __init__(self) -> None:
        self.closed = False
        self._failures: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def failures(self) -> int:
        """Number of failures so far."""
        return sum(self._failures.values())

    @property
    def idle(self) -> bool:
        """True if no task is running."""
        return not self._tasks

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run a coroutine, guarded, in a task of its own."""
        task = asyncio.create_task(self.guard(work), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: work.close())  # a task that is cancelled before it starts never awaits it
        return task

    async def guard(self, work: Coroutine[Any, Any, None]) -> None:
        """Await a coroutine. Count and log what it raises instead of raising it."""
        try:
            await work
        except (CatalogueError, WorkerError, RootError) as error:
            self.record_failure(str(error))
        except Exception as error:
            logger.debug("Unexpected error in the library", exc_info=True)
            self.record_failure(f"Unexpected error in the library: {error!r}")

    def record_failure(self, sentence: str) -> None:
        """Count a failure, and log its sentence the first time."""
        if sentence not in self._failures:
            logger.warning("%s", sentence)
        self._failures[sentence] = self._failures.get(sentence, 0) + 1

    async def close(self) -> None:
        """Cancel all tasks and wait for them. Safe to call again."""
        self.closed = True
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)
