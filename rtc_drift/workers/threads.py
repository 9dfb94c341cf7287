"""Threads for calls that may hang: each kind of call has a pool of its own, so that one kind never stops another."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class ThreadsClosedError(Exception):
    """The pool is closed."""


@dataclass(frozen=True, slots=True)
class _Call:
    """A call that waits for a thread, and the future of its result."""

    function: Callable[[], Any]
    result: asyncio.Future[Any]


class Threads:
    """At most `count` threads, started when they are needed.

    They are daemons: a call that hangs for ever, such as a read from a network drive that is gone, takes its thread
    along, but neither other pools nor the end of the process. asyncio's own pool would wait for it.
    """

    def __init__(self, name: str, count: int) -> None:
        """Make a pool without threads; `name` is that of its threads."""
        self._name = name
        self._count = count
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._threads = 0
        self._unfinished = 0
        """Number of calls that wait or run."""
        self._closed = False

    @property
    def unfinished(self) -> int:
        """Number of calls that wait for a thread or run in one, those that nobody waits for any more included."""
        return self._unfinished

    async def run(
        self, function: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Call a function in a thread and return its result. Raises what it raises, and ThreadsClosedError.

        If the caller is cancelled, a call that has not begun never does, and one that runs goes on unheeded.
        """
        return await self.start(function, *args, **kwargs)

    def start(
        self, function: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> asyncio.Future[Result]:
        """Have a thread call a function, and return the future of its result. Raises ThreadsClosedError."""
        if self._closed:
            raise ThreadsClosedError(f"The threads for {self._name} are closed.")
        loop = asyncio.get_running_loop()
        result: asyncio.Future[Result] = loop.create_future()
        self._unfinished += 1
        if self._unfinished > self._threads and self._threads < self._count:
            self._threads += 1
            name = f"{self._name} {self._threads}"
            threading.Thread(target=self._work, args=(loop,), name=name, daemon=True).start()
        self._calls.put(_Call(lambda: function(*args, **kwargs), result))
        return result

    def close(self) -> None:
        """Let the threads end after the calls that wait. Returns at once. Idempotent."""
        if not self._closed:
            self._closed = True
            for _ in range(self._threads):
                self._calls.put(None)

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        while (call := self._calls.get()) is not None:
            result: Any = None
            error: BaseException | None = None
            if not call.result.cancelled():
                try:
                    result = call.function()
                except BaseException as raised:
                    error = raised
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(self._finish, call.result, result, error)

    def _finish(self, future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
        self._unfinished -= 1
        if future.done():
            return
        if error is None:
            future.set_result(result)
        elif isinstance(error, StopIteration):  # a future refuses it
            future.set_exception(RuntimeError("The function raised StopIteration."))
        else:
            future.set_exception(error)
