"""Work in the background: every task has an owner, and what fails is told once and ends nothing else."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from rtc_drift.library.catalogue import CatalogueError
from rtc_drift.library.scan import RootError
from rtc_drift.workers.pool import WorkerError

logger = logging.getLogger(__name__)


class BackgroundTasks:
    """Owns tasks and counts what goes wrong in them."""

    def __init__(self) -> None:
        self.closed = False
        self._failures: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def failures(self) -> int:
        """How often something went wrong."""
        return sum(self._failures.values())

    @property
    def idle(self) -> bool:
        """Whether nothing goes on."""
        return not self._tasks

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Do it in a task of its own, guarded."""
        task = asyncio.create_task(self.guard(work), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: work.close())  # cancelled before it began, it would never be awaited
        return task

    async def guard(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it; what it raises is told, and goes no further."""
        try:
            await work
        except (CatalogueError, WorkerError, RootError) as error:
            self.failed(str(error))
        except Exception as error:
            logger.debug("Unexpected", exc_info=True)
            self.failed(f"Something unexpected went wrong in the library: {error!r}")

    def failed(self, sentence: str) -> None:
        """Count it, and log it the first time."""
        if sentence not in self._failures:
            logger.warning("%s", sentence)
        self._failures[sentence] = self._failures.get(sentence, 0) + 1

    async def close(self) -> None:
        """End all tasks. May be called again."""
        self.closed = True
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)
