"""A pool of worker processes for any job: a function named by its path, with arguments and result in JSON."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rtc_drift.workers.patience import done_within
from rtc_drift.workers.precedence import Precedence
from rtc_drift.workers.sandbox import Rights, environment
from rtc_drift.workers.turns import Turns

logger = logging.getLogger(__name__)

# -P: don't import from the working directory, where a file may hide a standard module. The package must be installed.
COMMAND = (sys.executable, "-P", "-m", "rtc_drift.workers.process")
IDLE_SECONDS = 10.0
"""Time without work after which a process is ended."""
CPU_SECONDS = 600.0
"""Time for which a job may compute, unless it is given another."""
_MAX_ANSWER_BYTES = 1 << 23
"""Longest line of an answer: the beats of hours of music take a megabyte."""
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": str(1 << 20)}
"""One thread each; and glibc returns freed blocks larger than 1 MiB to the system, instead of raising that limit."""
MAX_ENDING = 16
"""Most processes that were killed and have not ended: a read that hangs in the system can't be ended."""
CLOSE_SECONDS = 1.0
"""Longest wait for killed processes when a pool is closed."""
_NO_TIME = 0.01
"""Share of a timeout that is not worth waiting for once more."""
_ENDING_SECONDS = 1.0
"""Time until a process that has closed its pipe has ended."""


class WorkerError(Exception):
    """A job that could not be done. The message is one sentence."""


class JobCrashedError(WorkerError):
    """A job whose worker process died, or gave an answer that makes no sense."""


class JobTooLongError(JobCrashedError):
    """A job that computed for too long; the system ended its process."""


class JobHungError(WorkerError):
    """A job that gave no sign of life for too long; its process was killed."""


class JobFailedError(WorkerError):
    """A job that raised an exception, which the message names."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """Jobs that one process may do one after the other: it can't raise its precedence, nor get further rights."""

    precedence: Precedence
    writes: Path | None

    def serves(self, other: Self) -> bool:
        """Return True if a process of this kind may do a job of another."""
        return self.precedence is other.precedence and other.writes in (None, self.writes)


class _CrashError(Exception):
    """The end of a process during a job, or an answer that makes no sense."""


class _TooLongError(_CrashError):
    """The end of a process that computed for too long."""


class Workers:
    """At most `count` processes, started when there is work and ended after `idle_seconds` without any.

    If a caller is cancelled, the process of its job is killed, and no other. A process that gives no sign of life for
    `timeout_seconds` is killed. Used as an asynchronous context manager.
    """

    def __init__(
        self,
        count: int,
        *,
        reads: Sequence[Path] = (),
        is_confined: bool = True,
        timeout_seconds: float = 60,
        turns: Turns | None = None,
        idle_seconds: float = IDLE_SECONDS,
        command: Sequence[str] = COMMAND,
    ) -> None:
        """Create a pool without processes; its jobs share `turns` with those of other pools.

        Jobs read what is in `reads`, files and folders, and nothing else where the system can prevent that; unless they
        are not confined.
        """
        self.count = count
        self.crashes = 0
        """Number of processes that died or were killed during a job."""
        self._reads = reads
        self._is_confined = is_confined
        self._timeout_seconds = timeout_seconds
        self._turns = turns or Turns()
        self._idle_seconds = idle_seconds
        self._command = tuple(command)
        self._free = asyncio.Semaphore(count)
        self._idle: list[_Process] = []
        self._busy: set[_Process] = set()
        self._endings: set[asyncio.Task[None]] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def pids(self) -> list[int]:
        """Ids of the processes that exist now, apart from those that were killed."""
        return [process.pid for process in (*self._idle, *self._busy)]

    async def run(
        self,
        job: str,
        *,
        precedence: Precedence = Precedence.BACKGROUND,
        cpu_seconds: float = CPU_SECONDS,
        writes: Path | None = None,
        **arguments: Any,
    ) -> Any:
        """Call the function that `job` names (`package.module:function`) in a worker process, and return its result.

        The function gets `arguments`, and `alive`, which it must call at least once a second. Arguments and result are
        JSON values. `precedence` is that of the process, which may compute for `cpu_seconds`, and
        write to the folder `writes`, which is made.

        Raises JobCrashedError, JobTooLongError, JobHungError or JobFailedError; and WorkerError if the pool is closed
        or no process can be started.
        """
        message = {"job": job, "arguments": arguments, "cpuSeconds": cpu_seconds}
        try:
            answer = await self._ask(message, _Kind(precedence, writes))
        except _TooLongError:
            raise JobTooLongError("The worker process computed for too long.") from None
        except _CrashError:
            raise JobCrashedError("The worker process crashed.") from None
        except TimeoutError:
            raise JobHungError("The worker process hung.") from None
        if "result" not in answer:
            raise JobFailedError(str(answer.get("error")))
        return answer["result"]

    async def run_concurrently(
        self, work: Callable[[], Coroutine[Any, Any, None]], name: str, max_tasks: int | None = None
    ) -> None:
        """Run the same work in as many tasks as there are workers, or `max_tasks`.

        The first error cancels all tasks and is raised.
        """
        count = self.count if max_tasks is None else min(self.count, max_tasks)
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(count):
                    group.create_task(work(), name=f"{name} {number}")
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def close(self) -> None:
        """End all processes. Jobs that are running fail with WorkerError. Waits for a moment only."""
        self._closed = True
        for process in (*self._idle, *self._busy):
            self._end(process)
        self._idle.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                while self._endings:
                    await asyncio.wait(self._endings)
        for ending in self._endings:
            logger.warning("A worker process hangs in the system and can't be ended (%s)", ending.get_name())
            ending.cancel()

    async def _ask(self, job: dict[str, Any], kind: _Kind) -> dict[str, Any]:
        async with self._free, self._turns.turn(kind.precedence):
            process = await self._acquire(kind)
            try:
                answer = await process.ask(job, self._timeout_seconds)
            except BaseException as error:
                self._end(process)
                if self._closed:
                    raise WorkerError("The worker pool is closed.") from None
                self.crashes += not isinstance(error, asyncio.CancelledError)
                raise
            finally:
                self._busy.discard(process)
            self._release(process)
            return answer

    async def _acquire(self, kind: _Kind) -> "_Process":
        if self._closed:
            raise WorkerError("The worker pool is closed.")
        for dead in [idle for idle in self._idle if idle.is_dead]:
            self._end_idle(dead)
        process = next((idle for idle in reversed(self._idle) if idle.kind.serves(kind)), None)
        if process is not None:
            self._idle.remove(process)
            process.stop_idle_timer()
        else:
            if len(self._idle) + len(self._busy) >= self.count:
                self._end(self._idle.pop(0))
            process = await self._start(kind)
        self._busy.add(process)
        return process

    async def _start(self, kind: _Kind) -> "_Process":
        if len(self._endings) >= MAX_ENDING:
            raise WorkerError("Too many worker processes hang in the system.")
        rights = Rights.of(*self._reads, writes=() if kind.writes is None else (kind.writes,))
        try:
            child = await asyncio.create_subprocess_exec(
                *self._command,
                kind.precedence.name.lower(),
                *rights.options(),
                *([] if self._is_confined else ["--unconfined"]),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_MAX_ANSWER_BYTES,
                start_new_session=True,  # for Ctrl-C, which reaches only the parent, and for `precedence`
                env=environment(ENVIRONMENT),
            )
        except OSError as error:
            raise WorkerError(f"A worker process can't be started ({error.strerror}).") from None
        process = _Process(child, kind)
        if self._closed:
            self._end(process)
            raise WorkerError("The worker pool is closed.")
        return process

    def _release(self, process: "_Process") -> None:
        if self._closed:
            self._end(process)
            return
        self._idle.append(process)
        process.start_idle_timer(self._idle_seconds, lambda: self._end_idle(process))

    def _end_idle(self, process: "_Process") -> None:
        self._idle.remove(process)
        self._end(process)

    def _end(self, process: "_Process") -> None:
        process.kill()
        self._keep_task(process.wait_until_gone(), name=f"end of worker {process.pid}")

    def _keep_task(self, ending: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(ending, name=name)
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)


class _Process:
    """A worker process, which does one job at a time."""

    def __init__(self, child: asyncio.subprocess.Process, kind: _Kind) -> None:
        self.kind = kind
        self.pid = child.pid
        self._child = child
        self._idle_timer: asyncio.TimerHandle | None = None

    async def ask(self, job: dict[str, Any], timeout_seconds: float) -> dict[str, Any]:
        """Do a job and return the answer. After an error the process must be ended.

        Raises `_CrashError`, or TimeoutError after `timeout_seconds` without a sign of life. Time in which the process
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
            raise _CrashError from error

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
            raise _CrashError
        return answer

    async def _crash(self) -> _CrashError:
        """Return the reason why the process has closed its pipe."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._child.wait(), _ENDING_SECONDS)
        return _TooLongError() if self._child.returncode == -signal.SIGXCPU else _CrashError()

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
