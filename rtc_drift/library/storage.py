"""The thread for the database: a disk that hangs under the data folder stops saving, and nothing else."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from rtc_drift.library.database import CatalogueError
from rtc_drift.workers.threads import Threads, ThreadsClosedError

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

MAX_UNFINISHED = 256
"""Most calls that wait for the database at once."""
PATIENCE_SECONDS = 5.0
"""Longest wait of a person for the database."""
CLOSE_SECONDS = 0.5
"""Longest wait for the database to close."""
NO_ANSWER = "The catalogue can't be used (its disk does not answer)."


class Storage:
    """One thread for all calls of the database, which has one connection. Every call may raise CatalogueError."""

    def __init__(self) -> None:
        self._threads = Threads("database", 1)

    @property
    def is_busy(self) -> bool:
        """True while a call is not finished."""
        return self._threads.unfinished > 0

    async def run(
        self, function: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Call a function in the thread and return its result, however long that takes."""
        return await self.start(function, *args, **kwargs)

    async def run_soon(
        self, function: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Call a function for somebody who waits for it: raises CatalogueError after `PATIENCE_SECONDS`."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self.start(function, *args, **kwargs)
        except TimeoutError:
            raise CatalogueError(NO_ANSWER) from None

    def start(
        self, function: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> asyncio.Future[Result]:
        """Have the thread call a function, and return the future of its result."""
        if self._threads.unfinished >= MAX_UNFINISHED:
            raise CatalogueError(NO_ANSWER)
        try:
            return self._threads.start(function, *args, **kwargs)
        except ThreadsClosedError:
            raise CatalogueError("The catalogue is closed.") from None

    async def close(self, last: Callable[[], None] = lambda: None) -> None:
        """Call `last` after all other calls, and let the thread end. Waits for it for a moment only. Idempotent."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.run(last)
        except (TimeoutError, CatalogueError):
            pass
        self._threads.close()
