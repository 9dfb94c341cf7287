"""Has worker processes render stretched ends, and keeps the size of their files within bounds."""

import asyncio
import itertools
import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rtc_drift.stretching.warp import Warp
from rtc_drift.workers.pool import JobCrashedError, JobFailedError, JobHungError, WorkerError, Workers
from rtc_drift.workers.precedence import Precedence
from rtc_drift.workers.threads import Threads, ThreadsClosedError

logger = logging.getLogger(__name__)

MAX_BYTES = 256 << 20
"""Size of all files together (256 MiB): eleven minutes of audio."""
_BYTES_PER_SAMPLE = 8
_HEADER_BYTES = 1_024
"""Upper bound of a WAV header's size."""

MAX_UNFINISHED = 64
"""Most calls on the folder that are not finished: with more of them, its disk hangs, and nothing is rendered."""

WRITE_LEAD = "rtc_drift.stretching.write_lead:write_lead_job"
"""Path of the job."""


class LeadRenderer(Protocol):
    """An interface to write stretched ends: `WorkerLeadRenderer`, or a fake in tests."""

    async def write_lead(self, path: Path, warp: Warp, destination: Path) -> None:
        """Write a stretched end to `destination`. Raises WorkerError."""


class WorkerLeadRenderer:
    """A renderer that writes stretched ends in worker processes."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    async def write_lead(self, path: Path, warp: Warp, destination: Path) -> None:
        """Write the first part of a file, at the tempo that `warp` gives it, as a WAV file. Raises WorkerError."""
        try:
            problem = await self._workers.run(
                WRITE_LEAD,
                precedence=Precedence.SOON,  # a transition waits for it
                writes=destination.parent,
                path=os.fspath(path),
                knots=warp.knots,
                returns=warp.returns,
                destination=os.fspath(destination),
            )
        except JobCrashedError:
            raise WorkerError("The worker that rendered it crashed.") from None
        except JobHungError:
            raise WorkerError("The worker that rendered it hung.") from None
        except JobFailedError as error:
            raise WorkerError(f"The worker reported: {error}.") from None
        if problem is not None:
            raise WorkerError(problem)


@dataclass(slots=True, eq=False)
class _Lead:
    """A stretched end that is being rendered, or is rendered."""

    request: tuple[Path, Warp]
    file: Path
    task: asyncio.Task[None] | None = None
    written: int | None = None
    """Size of its file in bytes, once it is rendered."""
    uses: int = 0
    """Number of callers that wait for it or have it."""

    @property
    def size(self) -> int:
        return _HEADER_BYTES + _BYTES_PER_SAMPLE * self.request[1].length

    @property
    def is_ready(self) -> bool:
        return self.written is not None

    def is_whole(self) -> bool:
        """Return True if its file is as it was written."""
        return 0 < _bytes_in(self.file) == self.written


class LeadCache:
    """A cache that renders each stretched end once for all callers. It owns the jobs and a folder of its own.

    Those without users stay until their space is needed; the oldest goes first. All calls on files are made in
    `threads`, since the disk may hang; `close` closes them.
    """

    def __init__(
        self, renderer: LeadRenderer, folder: Path, *, threads: Threads | None = None, max_bytes: int = MAX_BYTES
    ) -> None:
        """Make the cache and empty the folder, in the calling thread."""
        self._renderer = renderer
        self._threads = threads or Threads("stretched ends", 1)
        self._folder = folder
        self._max_bytes = max_bytes
        self._leads: dict[tuple[Path, Warp], _Lead] = {}
        """In the order of the first request."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count(1)
        self._logged: set[str] = set()
        self._closed = False
        self.failures = 0
        """Number of stretched ends that could not be rendered."""
        self._empty_folder()

    async def prepare(self, path: Path, warp: Warp) -> Path | None:
        """Return the file of the stretched end once it is rendered, or None if that fails. Call `release` after use.

        If a caller is cancelled, the job goes on as long as others wait for it.
        """
        lead = self._leads.get((path, warp))
        if lead is not None and lead.is_ready and not await self._is_whole(lead):  # its file was deleted or changed
            self._forget(lead)
            lead = self._leads.get((path, warp))
        if lead is None:
            lead = self._begin(path, warp)
            if lead is None:
                return None
        lead.uses += 1
        try:
            if lead.task is not None:
                await asyncio.wait((lead.task,))
        except asyncio.CancelledError:
            self._drop_use(lead)
            raise
        if lead.is_ready:
            return lead.file
        lead.uses -= 1
        return None

    def release(self, path: Path) -> None:
        """Give up one use of a file that `prepare` returned. An unknown path is ignored."""
        for lead in self._leads.values():
            if lead.file == path and lead.is_ready and lead.uses > 0:
                self._drop_use(lead)

    async def close(self) -> None:
        """Cancel all jobs; callers that wait get None. Files stay until the next start. Idempotent."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        while self._tasks:
            await asyncio.wait(self._tasks)
        self._threads.close()

    async def _is_whole(self, lead: _Lead) -> bool:
        lead.uses += 1  # it stays meanwhile
        try:
            return await self._threads.run(lead.is_whole)
        except ThreadsClosedError:
            return False
        finally:
            lead.uses -= 1

    def _begin(self, path: Path, warp: Warp) -> _Lead | None:
        if self._closed:
            return None
        lead = _Lead((path, warp), self._folder / f"{next(self._numbers)}.wav")
        if self._threads.unfinished >= MAX_UNFINISHED:
            self._failed("A stretched end can't be rendered: the disk does not answer.")
            return None
        if not self._make_room(lead.size):
            self._failed("A stretched end can't be rendered: the cache is full of ends in use.")
            return None
        self._leads[lead.request] = lead
        lead.task = asyncio.create_task(self._render(lead), name=f"lead of {path.name}")
        self._tasks.add(lead.task)
        lead.task.add_done_callback(self._tasks.discard)
        return lead

    async def _render(self, lead: _Lead) -> None:
        try:
            await self._renderer.write_lead(*lead.request, lead.file)
            lead.written = await self._threads.run(_bytes_in, lead.file)
        except WorkerError as error:
            self._failed(f"A stretched end of {lead.request[0].name} could not be rendered: {error}", str(error))
        except Exception as error:
            logger.debug("Unexpected error while rendering a stretched end", exc_info=True)
            sentence = f"A stretched end of {lead.request[0].name} could not be rendered: {error!r}"
            self._failed(sentence, type(error).__name__)
        finally:
            lead.task = None
            if not lead.is_ready:
                self._forget(lead)

    def _drop_use(self, lead: _Lead) -> None:
        lead.uses -= 1
        if lead.uses == 0 and lead.task is not None:
            self._forget(lead)
            lead.task.cancel()

    def _make_room(self, size: int) -> bool:
        taken = sum(lead.size for lead in self._leads.values())
        unused = [lead for lead in self._leads.values() if lead.uses == 0]
        if taken + size - sum(lead.size for lead in unused) > self._max_bytes:
            return False
        for lead in unused:
            if taken + size <= self._max_bytes:
                break
            self._forget(lead)
            taken -= lead.size
        return True

    def _forget(self, lead: _Lead) -> None:
        if self._leads.get(lead.request) is lead:
            del self._leads[lead.request]
        with suppress(ThreadsClosedError):
            self._threads.start(_delete, lead.file)

    def _empty_folder(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for file in self._folder.iterdir():
                if not file.is_dir() or file.is_symlink():
                    file.unlink(missing_ok=True)
        except OSError as error:
            self._failed(f"The folder of stretched ends can't be emptied ({error.strerror}).")

    def _failed(self, sentence: str, reason: str | None = None) -> None:
        """Count a failure, and log the first of each `reason`: on a full disk all tracks fail for the same one."""
        self.failures += 1
        if (kind := reason or sentence) not in self._logged:
            self._logged.add(kind)
            logger.warning("%s", sentence)


def _delete(file: Path) -> None:
    with suppress(OSError):
        file.unlink(missing_ok=True)
        for part in file.parent.glob(f".{file.name}.*"):  # left by a killed worker
            part.unlink(missing_ok=True)


def _bytes_in(file: Path) -> int:
    """Return the size of a file, or 0 if there is none."""
    try:
        return file.stat().st_size if file.is_file() else 0
    except OSError:
        return 0
