"""Scanning a folder: probing the files that a survey found to be new or changed."""

import errno
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Literal

from pydantic import BaseModel, ConfigDict

from rtc_drift.library import jobs
from rtc_drift.library.catalogue import Catalogue, CatalogueError
from rtc_drift.library.resources import Resources
from rtc_drift.library.roots import RootError, check_answers
from rtc_drift.library.survey import Survey, survey
from rtc_drift.library.track import Track, Unplayable
from rtc_drift.library.walk import FoundFile, found_file

__all__ = [
    "RootError",
    "ScanProgress",
    "ScanSummary",
    "Survey",
    "presence_of",
    "probe_changed",
    "record",
    "record_track",
    "scan",
]


@dataclass(frozen=True, slots=True)
class ScanProgress:
    """The progress of a scan after one more file."""

    done: int
    """Number of files probed so far, of `total`."""
    total: int
    result: Track | Unplayable
    """Result of the latest file."""
    recorded: bool
    """False if the result could not be written to the catalogue."""


class ScanSummary(BaseModel):
    """The result of a scan: numbers of files, problems as sentences, and its duration."""

    model_config = ConfigDict(frozen=True)

    found: int
    """Music files in the folder."""
    probed: int
    """New or changed files."""
    added: int
    """Probed files that can be played."""
    unplayable: int
    """Probed files that can't be played."""
    removed: int
    """Files that are gone."""
    problems: tuple[str, ...]
    seconds: float


async def probe_changed(
    surveyed: Survey, resources: Resources, *, on_result: Callable[[ScanProgress], None]
) -> ScanSummary:
    """Probe new and changed files, one in each worker at a time, and record each result at once.

    Raises WorkerError if no worker can be started, and RootError if the folder does not answer any more. A catalogue
    that can't be written is a problem in the summary.
    """
    started = monotonic()
    run = _ScanRun(surveyed, resources, on_result)
    await resources.workers.run_concurrently(run.work, f"scan of {surveyed.root}", max_tasks=len(surveyed.changed))
    return ScanSummary(
        found=surveyed.found,
        probed=run.done,
        added=run.added,
        unplayable=run.done - run.added,
        removed=surveyed.removed,
        problems=(*surveyed.problems, *run.problems),
        seconds=monotonic() - started,
    )


async def scan(root: Path, resources: Resources, *, on_result: Callable[[ScanProgress], None]) -> ScanSummary:
    """Survey a folder and probe its new and changed files. Raises RootError, CatalogueError and WorkerError."""
    return await probe_changed(await survey(root, resources), resources, on_result=on_result)


class _ScanRun:
    """The state that the tasks of one scan share."""

    def __init__(self, surveyed: Survey, resources: Resources, on_result: Callable[[ScanProgress], None]) -> None:
        self.done = 0
        self.added = 0
        self.problems: dict[str, None] = {}
        self._root, self._total = surveyed.root, len(surveyed.changed)
        self._files: Iterator[FoundFile] = iter(surveyed.changed)
        self._resources = resources
        self._on_result = on_result

    async def work(self) -> None:
        for file in self._files:
            result = await jobs.probe(self._resources.workers, file.path)
            if isinstance(result, Unplayable) and result.temporary:  # the next file may hang for as long
                await check_answers(self._resources.files, self._root)
            recorded = await self._record(file, result)
            self.done += 1
            self.added += isinstance(result, Track)
            self._on_result(ScanProgress(self.done, self._total, result, recorded))

    async def _record(self, file: FoundFile, result: Track | Unplayable) -> bool:
        try:
            await self._resources.storage.run(record, self._resources.catalogue, file, result)
        except CatalogueError as error:
            self.problems[str(error)] = None
            return False
        return True


def record(catalogue: Catalogue, file: FoundFile, result: Track | Unplayable) -> None:
    """Record a result. A temporary failure is not recorded, so the next scan tries the file again."""
    if isinstance(result, Track) or not result.temporary:
        catalogue.record(file.path, file.size, file.mtime_ns, result)


async def record_track(root: Path, track: Track, resources: Resources) -> None:
    """Record a track below a folder that was probed outside a scan. Raises OSError and CatalogueError."""
    found = await resources.files.run(root, found_file, track.path)
    await resources.storage.run(record, resources.catalogue, found, track)


def presence_of(path: Path) -> Literal["present", "missing", "unknown"]:
    """Check if a file exists; unknown if it can't be checked now."""
    try:
        return "present" if stat.S_ISREG(path.stat().st_mode) else "missing"
    except OSError as error:
        return "missing" if error.errno in (errno.ENOENT, errno.ENOTDIR) else "unknown"
