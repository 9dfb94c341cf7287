"""Threads for calls on music files, a few for each folder: a folder that hangs stops no other.

A network drive that is gone lets every call on it hang, for hours or for ever, and a thread can't be ended.
"""

import asyncio
import errno
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import ParamSpec, TypeVar

from rtc_drift.workers.threads import Threads

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

ANSWER_SECONDS = 10.0
"""Time without an answer after which a folder counts as hung: disks that slept take several seconds."""
MAX_CALLS = 3
"""Threads for the files of one folder. One more checks the folder itself."""


class HungError(OSError):
    """The file system has not answered in time, or has not answered earlier calls yet."""

    def __init__(self) -> None:
        super().__init__(errno.ETIMEDOUT, "It does not answer")


class SignsOfLife:
    """Signs of life of a long call, which it gives by calling this."""

    def __init__(self) -> None:
        self.latest = monotonic()
        """Time of the latest sign."""

    def __call__(self) -> None:
        """Give a sign of life."""
        self.latest = monotonic()


class FolderThreads:
    """Threads of folders, started when they are needed. What hangs is left alone, and not called again meanwhile."""

    def __init__(self, answer_seconds: float = ANSWER_SECONDS) -> None:
        """Make it without threads; `answer_seconds` is the time without an answer after which a folder is hung."""
        self.answer_seconds = answer_seconds
        self._checks: dict[Path, _Calls] = {}
        self._files: dict[Path, _Calls] = {}
        self._closed = False

    @property
    def hung(self) -> list[Path]:
        """Folders that have not answered yet."""
        calls = [*self._checks.items(), *self._files.items()]
        return sorted({folder for folder, each in calls if each.is_hung})

    async def check(
        self,
        function: Callable[[Path], Result],
        folder: Path,
        *,
        patience_seconds: float | None = None,
    ) -> Result:
        """Call a function with the folder itself, also while calls on its files hang.

        Raises what it raises, and HungError: after `patience_seconds`, by default `answer_seconds`, and at once while
        an earlier check hangs.
        """
        patience = self.answer_seconds if patience_seconds is None else patience_seconds
        return await self._run(self._checks, 1, folder, SignsOfLife(), patience, function, folder)

    async def run(
        self,
        folder: Path,
        function: Callable[Arguments, Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        """Call a function that uses files below a folder. Raises what it raises, and HungError as `check`."""
        calls, patience = self._files, self.answer_seconds
        return await self._run(calls, MAX_CALLS, folder, SignsOfLife(), patience, function, *args, **kwargs)

    async def run_long(self, folder: Path, function: Callable[[Path, Callable[[], None]], Result]) -> Result:
        """Call a function with the folder and what it has to call as a sign of life. Raises as `run`."""
        signs = SignsOfLife()
        return await self._run(self._files, MAX_CALLS, folder, signs, self.answer_seconds, function, folder, signs)

    def close(self) -> None:
        """Let all threads end that can. Idempotent."""
        self._closed = True
        for each in (*self._checks.values(), *self._files.values()):
            each.threads.close()

    async def _run(
        self,
        pools: "dict[Path, _Calls]",
        count: int,
        folder: Path,
        signs: SignsOfLife,
        patience_seconds: float,
        function: Callable[Arguments, Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        calls = pools.get(folder)
        if calls is None:
            calls = pools[folder] = _Calls(Threads(f"music files in {folder}", count))
            if self._closed:
                calls.threads.close()
        if calls.is_hung:
            raise HungError
        return await calls.finish(calls.threads.start(function, *args, **kwargs), signs, patience_seconds)


class _Calls:
    """The calls of one kind on one folder."""

    def __init__(self, threads: Threads) -> None:
        self.threads = threads
        self._given_up = False

    @property
    def is_hung(self) -> bool:
        """True while a call that was given up is not finished."""
        self._given_up = self._given_up and self.threads.unfinished > 0
        return self._given_up

    async def finish(self, call: asyncio.Future[Result], signs: SignsOfLife, patience_seconds: float) -> Result:
        """Wait for a call. Give it up, and raise HungError, after some time without a sign of life."""
        try:
            while not call.done():
                left = signs.latest + patience_seconds - monotonic()
                if left <= 0:
                    self._given_up = True
                    raise HungError
                await asyncio.wait({call}, timeout=left)
            return call.result()
        finally:
            call.cancel()
