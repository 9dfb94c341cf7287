"""A pool of worker processes for any job: a function named by its path, with arguments and result in JSON."""

import asyncio
import contextlib
import logging
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rtc_drift.workers.job_process import CrashError, JobKind, JobProcess, TooLongError
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
        self._idle: list[JobProcess] = []
        self._busy: set[JobProcess] = set()
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
            answer = await self._ask(message, JobKind(precedence, writes))
        except TooLongError:
            raise JobTooLongError("The worker process computed for too long.") from None
        except CrashError:
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

    async def _ask(self, job: dict[str, Any], kind: JobKind) -> dict[str, Any]:
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

    async def _acquire(self, kind: JobKind) -> JobProcess:
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

    async def _start(self, kind: JobKind) -> JobProcess:
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
        process = JobProcess(child, kind)
        if self._closed:
            self._end(process)
            raise WorkerError("The worker pool is closed.")
        return process

    def _release(self, process: JobProcess) -> None:
        if self._closed:
            self._end(process)
            return
        self._idle.append(process)
        process.start_idle_timer(self._idle_seconds, lambda: self._end_idle(process))

    def _end_idle(self, process: JobProcess) -> None:
        self._idle.remove(process)
        self._end(process)

    def _end(self, process: JobProcess) -> None:
        process.kill()
        self._keep_task(process.wait_until_gone(), name=f"end of worker {process.pid}")

    def _keep_task(self, ending: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(ending, name=name)
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)
