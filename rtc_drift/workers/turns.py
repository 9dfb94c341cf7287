"""Turns for the jobs of several pools: one at a time where there are few cores and somebody listens."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from rtc_drift.workers.precedence import Precedence

FEW_CORES = 2
"""Number of cores up to which jobs take turns while somebody listens: one is left for what has to be on time."""
PATIENCE_SECONDS = 5.0
"""Time after which a job goes ahead beside a running one that it precedes, which may take minutes."""


def has_few_cores(count: int | None = None) -> bool:
    """Return True if this process may use only a few cores; `count` of them, by default as the system says."""
    if count is None:
        count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return count <= FEW_CORES


@dataclass(eq=False, slots=True)
class _Waiting:
    """A job that waits for its turn."""

    precedence: Precedence
    turn: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Turns:
    """The turns of all jobs. While `one_at_a_time()`, a job that begins waits until no other runs.

    Those of higher precedence go first, and don't wait for long. A running job is never stopped.
    """

    def __init__(
        self, one_at_a_time: Callable[[], bool] = lambda: False, *, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self._one_at_a_time = one_at_a_time
        self._patience_seconds = patience_seconds
        self._running: list[Precedence] = []
        self._waiting: list[_Waiting] = []

    @contextlib.asynccontextmanager
    async def turn(self, precedence: Precedence) -> AsyncIterator[None]:
        """Wait for the turn of a job, which lasts as long as the context."""
        if self._running and self._one_at_a_time():
            await self._wait(precedence)
        else:
            self._running.append(precedence)
        try:
            yield
        finally:
            self._end(precedence)

    async def _wait(self, precedence: Precedence) -> None:
        waiting = _Waiting(precedence)
        self._waiting.append(waiting)
        precedes = all(precedence < running for running in self._running)
        try:
            async with asyncio.timeout(self._patience_seconds if precedes else None):
                await waiting.turn
        except BaseException as error:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
                self._running.append(precedence)
            if not isinstance(error, TimeoutError):
                self._end(precedence)
                raise

    def _end(self, precedence: Precedence) -> None:
        self._running.remove(precedence)
        while self._waiting and not (self._running and self._one_at_a_time()):
            first = min(self._waiting, key=lambda waiting: waiting.precedence)
            self._waiting.remove(first)
            self._running.append(first.precedence)
            first.turn.set_result(None)
