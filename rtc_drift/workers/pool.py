"""A pool of worker processes for any job: a function named by its path, with arguments and result in JSON."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from types import TracebackType
from typing import Any, Self

# -P: a fractions.py in the working directory must not be taken for Python's. The package has to be importable without.
COMMAND = (sys.executable, "-P", "-m", "rtc_drift.workers.process")
IDLE_SECONDS = 10.0
NICENESS = 15
"""Worker processes give way to everything that has to be on time."""
_LINE_BYTES = 1 << 23
"""Of an answer: the beats of hours of music are a megabyte."""
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": str(1 << 20)}
"""One thread each; and glibc gives back what is larger than a MiB, instead of raising that limit as it goes."""


class WorkerError(Exception):
    """A job that could not be done; the message is one sentence."""


class JobCrashedError(WorkerError):
    """The worker process died, or answered nonsense, in the middle of the job."""


class JobHungError(WorkerError):
    """The job gave no sign of life for too long; its process was killed."""


class JobFailedError(WorkerError):
    """The job raised an exception; the message says which."""


class _CrashError(Exception):
    """The process ended, or talked rubbish, in the middle of a job."""


class Workers:
    """At most `count` processes, started when there is work and ended when there has been none for ten seconds.

    A caller that is cancelled takes the process of its job along, and nothing else. A process that hasn't given
    a sign of life for `timeout_seconds` is killed. Used as an asynchronous context manager.
    """

    def __init__(
        self,
        count: int,
        *,
        timeout_seconds: float = 60,
        nice: int = NICENESS,
        idle_seconds: float = IDLE_SECONDS,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self.count = count
        self.crashes = 0
        """Processes that died or were killed in the middle of a job."""
        self._timeout_seconds = timeout_seconds
        self._nice = nice
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

    async def run(self, job: str, *, nice: int | None = None, **arguments: Any) -> Any:
        """Call the function that `job` names (`package.module:function`) in a worker process and return its result.

        The function gets `arguments`, and `alive`, to be called at least once a second of work. Arguments and result
        are what JSON holds. `nice` is the process' niceness, the pool's own by default.

        Raises JobCrashedError, JobHungError or JobFailedError, and WorkerError when the pool is closed or no process
        can be started.
        """
        try:
            answer = await self._ask({"job": job, "arguments": arguments}, self._nice if nice is None else nice)
        except _CrashError:
            raise JobCrashedError("The worker process crashed.") from None
        except TimeoutError:
            raise JobHungError("The worker process hung.") from None
        if "result" not in answer:
            raise JobFailedError(str(answer.get("error")))
        return answer["result"]

    async def side_by_side(
        self, work: Callable[[], Coroutine[Any, Any, None]], name: str, most: int | None = None
    ) -> None:
        """The same work in as many tasks as there are workers, or `most`. The first error ends all and is raised."""
        count = self.count if most is None else min(self.count, most)
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(count):
                    group.create_task(work(), name=f"{name} {number}")
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def close(self) -> None:
        """End all processes; jobs that are still going on fail with `WorkerError`."""
        self._closed = True
        for process in (*self._idle, *self._busy):
            self._end(process)
        self._idle.clear()
        while self._endings:
            await asyncio.wait(self._endings)

    async def _ask(self, job: dict[str, Any], nice: int) -> dict[str, Any]:
        async with self._free:
            process = await self._take(nice)
            try:
                answer = await process.ask(job, self._timeout_seconds)
            except BaseException as error:
                self._end(process)
                if self._closed:
                    raise WorkerError("The workers were ended.") from None
                self.crashes += not isinstance(error, asyncio.CancelledError)
                raise
            finally:
                self._busy.discard(process)
            self._rest(process)
            return answer

    async def _take(self, nice: int) -> "_Process":
        if self._closed:
            raise WorkerError("The workers were ended.")
        for process in [process for process in self._idle if process.is_dead]:
            self._retire(process)
        fitting = next((process for process in reversed(self._idle) if process.nice == nice), None)
        if fitting is not None:
            self._idle.remove(fitting)
            fitting.wake()
        else:
            if len(self._idle) + len(self._busy) >= self.count:
                self._end(self._idle.pop(0))
            fitting = await self._start(nice)
        self._busy.add(fitting)
        return fitting

    async def _start(self, nice: int) -> "_Process":
        try:
            child = await asyncio.create_subprocess_exec(
                *self._command,
                "--nice",
                str(nice),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_LINE_BYTES,
                start_new_session=True,  # Ctrl-C in the terminal is for the parent only
                env=os.environ | ENVIRONMENT,
            )
        except OSError as error:
            raise WorkerError(f"A worker process can't be started ({error.strerror}).") from None
        process = _Process(child, nice)
        if self._closed:
            self._end(process)
            raise WorkerError("The workers were ended.")
        return process

    def _rest(self, process: "_Process") -> None:
        if self._closed:
            self._end(process)
            return
        self._idle.append(process)
        process.sleep(self._idle_seconds, lambda: self._retire(process))

    def _retire(self, process: "_Process") -> None:
        self._idle.remove(process)
        self._end(process)

    def _end(self, process: "_Process") -> None:
        process.kill()
        self._own(process.gone(), name=f"end of worker {process.pid}")

    def _own(self, ending: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(ending, name=name)
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)


class _Process:
    """One worker process, which does one job at a time."""

    def __init__(self, child: asyncio.subprocess.Process, nice: int) -> None:
        self.nice = nice
        self.pid = child.pid
        self._child = child
        self._alarm: asyncio.TimerHandle | None = None

    async def ask(self, job: dict[str, Any], timeout_seconds: float) -> dict[str, Any]:
        """Raises `_CrashError`, or TimeoutError when nothing was heard for so long. Afterwards it is of no use."""
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(json.dumps(job).encode("ascii") + b"\n")
            await self._child.stdin.drain()
            while True:
                answer = await asyncio.wait_for(self._read(), timeout_seconds)
                if "alive" not in answer:
                    return answer
        except (ConnectionError, ValueError) as error:
            raise _CrashError from error

    async def _read(self) -> dict[str, Any]:
        assert self._child.stdout is not None
        line = await self._child.stdout.readline()  # ValueError if the line is too long
        if not line.endswith(b"\n"):
            raise _CrashError
        answer = json.loads(line)
        if not isinstance(answer, dict):
            raise _CrashError
        return answer

    @property
    def is_dead(self) -> bool:
        """Killed by somebody while it was idle, as far as is known."""
        return self._child.returncode is not None or (self._child.stdout is not None and self._child.stdout.at_eof())

    def sleep(self, seconds: float, then: Callable[[], None]) -> None:
        self._alarm = asyncio.get_running_loop().call_later(seconds, then)

    def wake(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def kill(self) -> None:
        self.wake()
        if self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)  # Child.kill() would snatch the exit status from asyncio's watcher

    async def gone(self) -> None:
        """Returns when the process has ended and its pipes are closed."""
        if self._child.stdin is not None:
            self._child.stdin.close()
        await self._child.wait()
