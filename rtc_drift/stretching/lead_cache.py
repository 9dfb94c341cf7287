"""Has leads rendered ahead by worker processes, and keeps their files within bounds."""

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

logger = logging.getLogger(__name__)

MOST_BYTES = 256 << 20
"""Of all leads together: eleven minutes."""
_BYTES_PER_SAMPLE = 8
_HEADER_BYTES = 1_024
"""More than a WAV's header has."""


WRITE_LEAD = "rtc_drift.stretching.write_lead:write_lead_job"
NICENESS = 5
"""Stretched intros come before what only analyses files, for a transition waits for them."""


class LeadRenderer(Protocol):
    """Writes stretched intros: `WorkerLeadRenderer`, or a fake of the tests."""

    async def write_lead(self, path: Path, warp: Warp, destination: Path) -> None:
        """Raises `WorkerError`."""


class WorkerLeadRenderer:
    """Writes stretched intros in worker processes."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    async def write_lead(self, path: Path, warp: Warp, destination: Path) -> None:
        """Write the first part of a file, its tempo bent by `warp`, as a WAV. Raises WorkerError."""
        try:
            problem = await self._workers.run(
                WRITE_LEAD,
                nice=NICENESS,
                path=os.fspath(path),
                knots=warp.knots,
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
    request: tuple[Path, Warp]
    file: Path
    task: asyncio.Task[None] | None = None
    written: int | None = None
    """Bytes of its file, when it is rendered."""
    uses: int = 0
    """How many are waiting for it or have it."""

    @property
    def size(self) -> int:
        return _HEADER_BYTES + _BYTES_PER_SAMPLE * self.request[1].length

    @property
    def is_ready(self) -> bool:
        return self.written is not None

    def is_whole(self) -> bool:
        """Whether its file is as it was written."""
        return 0 < _bytes_in(self.file) == self.written


class LeadCache:
    """Renders each lead once, however many ask for it; owns the jobs and the folder, which is for leads only.

    Leads that nobody uses any more stay until their room is needed, the oldest to go first.
    """

    def __init__(self, renderer: LeadRenderer, folder: Path, *, most_bytes: int = MOST_BYTES) -> None:
        self._renderer = renderer
        self._folder = folder
        self._most_bytes = most_bytes
        self._leads: dict[tuple[Path, Warp], _Lead] = {}
        """In the order they were asked for."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count(1)
        self._told: set[str] = set()
        self._closed = False
        self.failures = 0
        """How many leads could not be rendered."""
        self._empty()

    async def prepare(self, path: Path, warp: Warp) -> Path | None:
        """The file with the lead, when it is rendered; to be released. None when it can't be.

        A caller that is cancelled gives up its share; the job goes on while anybody else waits for it.
        """
        lead = self._leads.get((path, warp))
        if lead is not None and lead.is_ready and not lead.is_whole():  # somebody tidied up
            self._forget(lead)
            lead = None
        if lead is None:
            lead = self._begin(path, warp)
            if lead is None:
                return None
        lead.uses += 1
        try:
            if lead.task is not None:
                await asyncio.wait((lead.task,))
        except asyncio.CancelledError:
            self._let_go(lead)
            raise
        if lead.is_ready:
            return lead.file
        lead.uses -= 1
        return None

    def release(self, path: Path) -> None:
        """One who prepared the file needs it no more. What isn't known is passed over."""
        for lead in self._leads.values():
            if lead.file == path and lead.is_ready and lead.uses > 0:
                self._let_go(lead)

    async def close(self) -> None:
        """End all jobs; those who wait get None. The files stay until the next start. May be called again."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _begin(self, path: Path, warp: Warp) -> _Lead | None:
        if self._closed:
            return None
        lead = _Lead((path, warp), self._folder / f"{next(self._numbers)}.wav")
        if not self._make_room(lead.size):
            self._failed("A lead can't be rendered: those in use leave no room for it.")
            return None
        self._leads[lead.request] = lead
        lead.task = asyncio.create_task(self._render(lead), name=f"lead of {path.name}")
        self._tasks.add(lead.task)
        lead.task.add_done_callback(self._tasks.discard)
        return lead

    async def _render(self, lead: _Lead) -> None:
        try:
            await self._renderer.write_lead(*lead.request, lead.file)
            lead.written = _bytes_in(lead.file)
        except WorkerError as error:
            self._failed(f"The lead of {lead.request[0].name} could not be rendered: {error}")
        except Exception as error:
            logger.debug("Unexpected", exc_info=True)
            self._failed(f"The lead of {lead.request[0].name} could not be rendered: {error!r}")
        finally:
            lead.task = None
            if not lead.is_ready:
                self._forget(lead)

    def _let_go(self, lead: _Lead) -> None:
        lead.uses -= 1
        if lead.uses == 0 and lead.task is not None:
            self._forget(lead)
            lead.task.cancel()

    def _make_room(self, size: int) -> bool:
        taken = sum(lead.size for lead in self._leads.values())
        unused = [lead for lead in self._leads.values() if lead.uses == 0]
        if taken + size - sum(lead.size for lead in unused) > self._most_bytes:
            return False
        for lead in unused:
            if taken + size <= self._most_bytes:
                break
            self._forget(lead)
            taken -= lead.size
        return True

    def _forget(self, lead: _Lead) -> None:
        if self._leads.get(lead.request) is lead:
            del self._leads[lead.request]
        with suppress(OSError):
            lead.file.unlink(missing_ok=True)
            for part in self._folder.glob(f".{lead.file.name}.*"):  # a killed worker leaves it
                part.unlink(missing_ok=True)

    def _empty(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for file in self._folder.iterdir():
                if not file.is_dir() or file.is_symlink():
                    file.unlink(missing_ok=True)
        except OSError as error:
            self._failed(f"The folder for leads can't be emptied ({error.strerror}).")

    def _failed(self, sentence: str) -> None:
        self.failures += 1
        if sentence not in self._told:
            self._told.add(sentence)
            logger.warning("%s", sentence)


def _bytes_in(file: Path) -> int:
    """0 where there is none."""
    try:
        return file.stat().st_size if file.is_file() else 0
    except OSError:
        return 0
