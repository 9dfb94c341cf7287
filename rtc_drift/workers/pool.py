"""A pool of worker processes: a file that crashes or hangs the decoder costs that file and nothing else."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rtc_drift.analysis.model import Analysis
from rtc_drift.library.track import Track, Unplayable
from rtc_drift.stretching.warp import Warp

logger = logging.getLogger(__name__)

# -P: a fractions.py in the working directory must not be taken for Python's. The package has to be importable without.
COMMAND = (sys.executable, "-P", "-m", "rtc_drift.workers.process")
IDLE_SECONDS = 10.0
LEAD_NICENESS = 5
"""Of rendering a lead: before what only listens to files, for a transition waits for it."""
_LINE_BYTES = 1 << 23
"""Of an answer: the beats of hours of music are a megabyte."""
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": str(1 << 20)}
"""One thread each; and glibc gives back what is larger than a MiB, instead of raising that limit as it goes."""


class WorkerError(Exception):
    """A job that couldn't be done, in one sentence."""


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
        nice: int = 15,
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

    async def examine(self, path: Path) -> Track | Unplayable:
        """Examine one file. Raises `WorkerError` when no process can be started or the pool is closed."""
        try:
            answer = await self._ask({"job": "examine", "path": os.fspath(path)}, self._nice)
        except _CrashError:
            return Unplayable(path=path, reason="The decoder crashed on this file.")
        except TimeoutError:
            return Unplayable(path=path, reason="The decoder hung on this file.", passing=True)
        if "track" in answer:
            return Track.model_validate(answer["track"])
        if "unplayable" in answer:
            return Unplayable.model_validate(answer["unplayable"])
        logger.warning("Examining %s failed: %s", path, answer.get("error"))
        return Unplayable(path=path, reason="This file could not be examined.")

    async def analyse(self, track: Track) -> Analysis | Unplayable:
        """Listen to what was examined. Raises `WorkerError` when no process can be started or the pool is closed."""
        path = track.path
        job = {"job": "analyse", "path": os.fspath(path), "true_peak_dbtp": track.true_peak_dbtp}
        try:
            answer = await self._ask(job, self._nice)
        except _CrashError:
            return Unplayable(path=path, reason="Listening to this file crashed.")
        except TimeoutError:
            return Unplayable(path=path, reason="Listening to this file hung.", passing=True)
        if "analysis" in answer:
            return Analysis.model_validate(answer["analysis"])
        if "unplayable" in answer:
            return Unplayable.model_validate(answer["unplayable"])
        reason = f"It could not be analysed ({answer.get('error')})."
        return Unplayable(path=path, reason=reason, passing=True)  # most likely a fault of ours, and mended one day

    async def write_lead(self, path: Path, warp: Warp, destination: Path) -> None:
        """Render the first part of a file, its tempo bent by `warp`, as a WAV. Raises `WorkerError`."""
        job = {
            "job": "lead",
            "path": os.fspath(path),
            "knots": warp.knots,
            "destination": os.fspath(destination),
        }
        try:
            answer = await self._ask(job, min(LEAD_NICENESS, self._nice))
        except _CrashError:
            raise WorkerError("The worker that rendered a lead crashed.") from None
        except TimeoutError:
            raise WorkerError("The worker that rendered a lead hung.") from None
        if "undecodable" in answer:
            raise WorkerError(answer["undecodable"])
        if "lead" not in answer:
            raise WorkerError(f"A lead could not be rendered ({answer.get('error')}).")

    async def write_demo(self, number: int, folder: Path, *, urgent: bool = False) -> Path:
        """Make one demo track; an urgent one without giving way to other processes. Raises `WorkerError`."""
        job = {"job": "demo", "number": number, "folder": os.fspath(folder)}
        try:
            answer = await self._ask(job, 0 if urgent else self._nice)
        except _CrashError:
            raise WorkerError("The worker that made a demo track crashed.") from None
        except TimeoutError:
            raise WorkerError("The worker that made a demo track hung.") from None
        if "path" not in answer:
            raise WorkerError(f"A demo track could not be made ({answer.get('error')}).")
        return Path(answer["path"])

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
