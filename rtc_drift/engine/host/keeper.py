"""Keeps a child process running: runs it again whenever it ends, and never waits long for one that does not end."""

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from rtc_drift.workers.sandbox import Rights, environment

logger = logging.getLogger(__name__)

STEADY_SECONDS = 10.0
"""Run time after which a process that ends is started again at once; if it dies sooner, pauses grow."""
STARTING_SECONDS = 15.0
"""Time within which a new process must give its first sign of life: on a busy machine its imports take a while."""
GRACE_SECONDS = 0.5
"""Time for a process to end before it is killed, and after that before nobody waits for it any more."""

_gone = set[asyncio.Task[int]]()
"""Tasks that wait for killed processes that are stuck in the system, perhaps in a read that hangs."""


class Keeper:
    """The task that runs one child process again and again."""

    def __init__(self, name: str, run_once: Callable[[], Awaitable[None]], *, most_pause_seconds: float) -> None:
        """Keep `run_once` running, which starts the process, and returns when it has ended."""
        self._name = name
        self._run_once = run_once
        self._most_pause_seconds = most_pause_seconds
        self._task: asyncio.Task[None] | None = None
        self.restarts = 0
        """Number of times that the process had to be started again."""

    def start(self) -> None:
        """Start the process and keep it running."""
        self._task = asyncio.create_task(self._keep_running(), name=f"{self._name} supervisor")

    async def close(self) -> None:
        """End the process. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _keep_running(self) -> None:
        pause = 0.0
        while True:
            started = time.monotonic()
            try:
                await self._run_once()
            except OSError as error:
                logger.error("The %s could not be started: %s", self._name, error)
            except Exception:
                logger.exception("Supervising the %s failed", self._name)
            self.restarts += 1
            is_steady = time.monotonic() - started > STEADY_SECONDS
            pause = 0.0 if is_steady else min(self._most_pause_seconds, pause * 2 + 0.1)
            after = f" in {pause:.1f} s" if pause > 0.1 else ""
            logger.warning("The %s has ended and is started again%s", self._name, after)
            # The first restart after a steady run, and the first of a series, happen at once.
            await asyncio.sleep(pause if pause > 0.1 else 0)


async def start_child(
    module: str, options: Sequence[str], fds: Sequence[int], reads: Sequence[Path] = ()
) -> asyncio.subprocess.Process:
    """Start `python -m module` with options, descriptors and one thread for linear algebra. Raises OSError.

    It may read the files below `reads`. To be called on the main thread: it ends with the thread that started it.
    """
    return await asyncio.create_subprocess_exec(
        # -P: don't import from the working directory.
        *(sys.executable, "-P", "-m", module, *options, *Rights.of(*reads).options()),
        pass_fds=fds,
        # A group, so that Ctrl-C reaches control only; but in control's session, since Linux may share cores among
        # sessions before it looks at priorities.
        process_group=0,
        env=environment({"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}),
    )


async def end_child(process: asyncio.subprocess.Process) -> None:
    """End a process whose socket is closed already, which makes it end by itself, or else by killing it."""
    for is_last in (False, True):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(process.wait()), GRACE_SECONDS)
        if process.returncode is not None:
            return
        if not is_last:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
    waiting = asyncio.create_task(process.wait(), name=f"end of process {process.pid}")
    _gone.add(waiting)
    waiting.add_done_callback(_gone.discard)
