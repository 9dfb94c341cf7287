"""One worker process as control sees it: a job goes in, signs of life and an answer come out."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from rtc_drift.workers.patience import done_within
from rtc_drift.workers.precedence import Precedence

_NO_TIME = 0.01
"""Share of a timeout that is not worth waiting for once more."""
_ENDING_SECONDS = 1.0
"""Time until a process that has closed its pipe has ended."""


@dataclass(frozen=True, slots=True)
class JobKind:
    """Jobs that one process may do one after the other: it can't raise its precedence, nor get further rights."""

    precedence: Precedence
    writes: Path | None

    def serves(self, other: Self) -> bool:
        """Return True if a process of this kind may do a job of another."""
        return self.precedence is other.precedence and other.writes in (None, self.writes)


class CrashError(Exception):
    """The end of a process during a job, or an answer that makes no sense."""


class TooLongError(CrashError):
    """The end of a process that computed for too long."""


class JobProcess:
    """A worker process, which does one job at a time."""

    def __init__(self, child: asyncio.subprocess.Process, kind: JobKind) -> None:
        self.kind = kind
        self.pid = child.pid
        self._child = child
        self._idle_timer: asyncio.TimerHandle | None = None

    async def ask(self, job: dict[str, Any], timeout_seconds: float) -> dict[str, Any]:
        """Do a job and return the answer. After an error the process must be ended.

        Raises `CrashError`, or TimeoutError after `timeout_seconds` without a sign of life. Time in which the process
        had no core to compute on doesn't count: on a busy machine that may be most of it.
        """
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(json.dumps(job).encode("ascii") + b"\n")
            await self._child.stdin.drain()
            while True:
                answer = await self._read_within(timeout_seconds)
                if "alive" not in answer:
                    return answer
        except (ConnectionError, ValueError) as error:
            raise CrashError from error

    async def _read_within(self, timeout_seconds: float) -> dict[str, Any]:
        left, waited = timeout_seconds, waited_for_core_seconds(self.pid)
        reading = asyncio.ensure_future(self._read())
        try:
            while not await done_within(reading, left):
                before, waited = waited, waited_for_core_seconds(self.pid)
                left = min(timeout_seconds, waited - before)
                if left < timeout_seconds * _NO_TIME:
                    raise TimeoutError
            return reading.result()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(self) -> dict[str, Any]:
        assert self._child.stdout is not None
        line = await self._child.stdout.readline()  # ValueError if the line is too long
        if not line.endswith(b"\n"):
            raise await self._crash()
        answer = json.loads(line)
        if not isinstance(answer, dict):
            raise CrashError
        return answer

    async def _crash(self) -> CrashError:
        """Return the reason why the process has closed its pipe."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._child.wait(), _ENDING_SECONDS)
        return TooLongError() if self._child.returncode == -signal.SIGXCPU else CrashError()

    @property
    def is_dead(self) -> bool:
        """True if the process ended while it was idle, as far as is known."""
        return self._child.returncode is not None or (self._child.stdout is not None and self._child.stdout.at_eof())

    def start_idle_timer(self, seconds: float, then: Callable[[], None]) -> None:
        """Call `then` in `seconds`, unless the process gets a job before."""
        self._idle_timer = asyncio.get_running_loop().call_later(seconds, then)

    def stop_idle_timer(self) -> None:
        """Cancel the idle timer. Idempotent."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None

    def kill(self) -> None:
        """Kill the process. Idempotent."""
        self.stop_idle_timer()
        if self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)  # Child.kill() would take the exit status from asyncio's watcher

    async def wait_until_gone(self) -> None:
        """Wait until the process has ended and its pipes are closed."""
        if self._child.stdin is not None:
            self._child.stdin.close()
        await self._child.wait()


def waited_for_core_seconds(pid: int) -> float:
    """Return how long a process was ready to compute but had no core, since its start; 0 if that is not known."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):  # another system, or it has ended
        return 0.0
