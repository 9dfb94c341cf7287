"""Scanning a folder: finding its music files, and probing those that are new or changed."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Literal

from pydantic import BaseModel, ConfigDict

from rtc_drift.library import jobs
from rtc_drift.library.catalogue import Catalogue, CatalogueError, FileState
from rtc_drift.library.folder_threads import FolderThreads, HungError
from rtc_drift.library.resources import Resources
from rtc_drift.library.suffixes import SUFFIXES
from rtc_drift.library.track import Track, Unplayable, legible


class RootError(Exception):
    """A music folder can't be used; the message is one sentence."""


class RootPartHangsError(RootError):
    """A music folder can be used, but something in it does not answer, so that it can't be scanned."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file whose name has a suffix of music files."""

    path: Path
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Walk:
    """The music files of a folder, and the paths below it that can't be read, mostly sub-folders."""

    files: list[FoundFile]
    unreadable: list[Path]


@dataclass(frozen=True, slots=True)
class Survey:
    """The comparison of a folder with the catalogue: what a scan has to do."""

    root: Path
    found: int
    """Number of music files."""
    changed: list[FoundFile]
    """New or changed files, to be probed."""
    removed: int
    """Number of files that are gone."""
    problems: tuple[str, ...]
    """One sentence for each problem."""


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


def walk(root: Path, alive: Callable[[], None] = lambda: None) -> Walk:
    """Find all music files below a folder, sorted by path. Hidden files are skipped, links followed once.

    Calls `alive` for each entry. Raises RootError if the folder itself can't be read.
    """
    check_root(root)
    found = Walk([], [])
    _walk_into(root, found, alive)
    found.files.sort(key=lambda file: file.path)
    return found


def check_root(root: Path) -> None:
    """Raise RootError if a music folder can't be read."""
    try:
        with os.scandir(root) as entries:
            next(entries, None)
    except FileNotFoundError:
        raise RootError(f"The music folder {legible(root)} does not exist.") from None
    except NotADirectoryError:
        raise RootError(f"The music folder {legible(root)} is not a folder.") from None
    except OSError as error:
        denied = error.errno in (errno.EACCES, errno.EPERM)
        reason = "permission denied" if denied else (error.strerror or "unknown error").lower()
        raise RootError(f"The music folder {legible(root)} can't be read: {reason}.") from None


def is_not_empty(root: Path) -> bool:
    """Return True if a folder can be read and has an entry. Cheap enough to call often."""
    try:
        with os.scandir(root) as entries:
            return next(entries, None) is not None
    except OSError:
        return False


def _walk_into(root: Path, found: Walk, alive: Callable[[], None]) -> None:
    waiting, seen = [root], set[tuple[int, int]]()
    while waiting:
        folder = waiting.pop()
        try:
            identity = folder.stat()
            if (identity.st_dev, identity.st_ino) in seen:
                continue
            seen.add((identity.st_dev, identity.st_ino))
            with os.scandir(folder) as entries:
                for entry in entries:
                    _add_entry(entry, found, waiting)
                    alive()
        except OSError:
            found.unreadable.append(folder)


def _add_entry(entry: os.DirEntry[str], found: Walk, waiting: list[Path]) -> None:
    if entry.name.startswith("."):
        return
    try:
        if entry.is_dir():
            waiting.append(Path(entry.path))
        elif os.path.splitext(entry.name)[1].lower() in SUFFIXES and entry.is_file():  # noqa: PTH122 (100k files)
            state = entry.stat()
            found.files.append(FoundFile(Path(entry.path), state.st_size, state.st_mtime_ns))
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ELOOP):  # gone, or a link to itself
            found.unreadable.append(Path(entry.path))


async def check_answers(files: FolderThreads, root: Path) -> None:
    """Raise RootError if a music folder can't be read, or does not answer."""
    try:
        await files.check(check_root, root)
    except HungError:
        raise RootError(f"The music folder {legible(root)} does not answer.") from None


async def is_present(files: FolderThreads, root: Path, *, patience_seconds: float | None = None) -> bool:
    """Return True if a folder can be read, has an entry, and answers in time."""
    try:
        return await files.check(is_not_empty, root, patience_seconds=patience_seconds)
    except HungError:
        return False


async def survey(root: Path, resources: Resources, *, may_be_empty: bool = False) -> Survey:
    """Compare a folder with the catalogue, and remove files that are gone from the catalogue.

    A folder that is suddenly empty is most likely not mounted. Unless it `may_be_empty`, raises RootError and leaves
    the catalogue unchanged; also if something in the folder does not answer. Raises CatalogueError.
    """
    try:
        walked = await resources.files.run_long(root, walk)
    except HungError:
        await check_answers(resources.files, root)
        raise RootPartHangsError(f"Something in the music folder {legible(root)} does not answer.") from None
    return await resources.storage.run(_compare, root, walked, resources.catalogue, may_be_empty)


def _compare(root: Path, walked: Walk, catalogue: Catalogue, may_be_empty: bool) -> Survey:
    recorded = catalogue.file_states(root)
    if recorded and not walked.files and not may_be_empty:
        raise RootError(f"The music folder {legible(root)} is empty.")
    changed = [file for file in walked.files if recorded.get(file.path) != FileState(file.size, file.mtime_ns)]
    gone = recorded.keys() - {file.path for file in walked.files}
    removed = [path for path in gone if not any(path.is_relative_to(folder) for folder in walked.unreadable)]
    problems = [f"{legible(folder)} can't be read." for folder in walked.unreadable]
    try:
        catalogue.forget(removed)
    except CatalogueError as error:  # a full disk, for example; the music can be played all the same
        problems.append(str(error))
    return Survey(root, len(walked.files), changed, len(removed), tuple(problems))


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
    state = await resources.files.run(root, track.path.stat)
    found = FoundFile(track.path, state.st_size, state.st_mtime_ns)
    await resources.storage.run(record, resources.catalogue, found, track)


def presence_of(path: Path) -> Literal["present", "missing", "unknown"]:
    """Check if a file exists; unknown if it can't be checked now."""
    try:
        return "present" if stat.S_ISREG(path.stat().st_mode) else "missing"
    except OSError as error:
        return "missing" if error.errno in (errno.ENOENT, errno.ENOTDIR) else "unknown"
