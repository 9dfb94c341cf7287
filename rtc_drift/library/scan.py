"""Finding the music files of a folder, and examining those that are new or changed."""

import asyncio
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
from rtc_drift.library.track import Track, Unplayable, legible
from rtc_drift.workers.pool import Workers

SUFFIXES = frozenset(
    f".{name}"
    for name in "mp3 flac ogg oga opus m4a aac mp4 wav aif aiff wma webm".split()  # noqa: SIM905 (legible)
)


class RootError(Exception):
    """A music folder that can't be used, in one sentence."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that looks like music by its name."""

    path: Path
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Walk:
    """What a folder holds; `unreadable` is what couldn't be looked into, sub-folders mostly."""

    files: list[FoundFile]
    unreadable: list[Path]


@dataclass(frozen=True, slots=True)
class Survey:
    """What has to be done for a folder."""

    root: Path
    found: int
    changed: list[FoundFile]
    removed: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScanProgress:
    """One more file examined. `recorded` is false if the catalogue couldn't take it."""

    done: int
    total: int
    result: Track | Unplayable
    recorded: bool


class ScanSummary(BaseModel):
    """What a scan did. Numbers of files; `problems` are sentences."""

    model_config = ConfigDict(frozen=True)

    found: int
    examined: int
    added: int
    unplayable: int
    removed: int
    problems: tuple[str, ...]
    seconds: float


def walk(root: Path) -> Walk:
    """All music files below a folder in natural path order; hidden ones left out, links followed once.

    Raises `RootError` if the folder itself can't be read.
    """
    check_root(root)
    found = Walk([], [])
    _walk_into(root, found)
    found.files.sort(key=lambda file: file.path)
    return found


def check_root(root: Path) -> None:
    """Raises `RootError` if a music folder can't be read."""
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


def holds_anything(root: Path) -> bool:
    """Whether a folder can be read and has something in it: cheap, to be asked again and again."""
    try:
        with os.scandir(root) as entries:
            return next(entries, None) is not None
    except OSError:
        return False


def _walk_into(root: Path, found: Walk) -> None:
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
                    _sort_in(entry, found, waiting)
        except OSError:
            found.unreadable.append(folder)


def _sort_in(entry: os.DirEntry[str], found: Walk, waiting: list[Path]) -> None:
    if entry.name.startswith("."):
        return
    try:
        if entry.is_dir():
            waiting.append(Path(entry.path))
        elif os.path.splitext(entry.name)[1].lower() in SUFFIXES and entry.is_file():  # noqa: PTH122 (100k files)
            state = entry.stat()
            found.files.append(FoundFile(Path(entry.path), state.st_size, state.st_mtime_ns))
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ELOOP):  # gone, or a link in a circle
            found.unreadable.append(Path(entry.path))


async def survey(root: Path, catalogue: Catalogue, *, may_be_empty: bool = False) -> Survey:
    """Compare a folder with the catalogue; files that are gone are forgotten.

    A folder that is suddenly empty is most likely not mounted: `RootError`, and the catalogue keeps what it knows,
    unless it `may_be_empty`. Raises `CatalogueError`.
    """
    return await asyncio.to_thread(_survey, root, catalogue, may_be_empty)


def _survey(root: Path, catalogue: Catalogue, may_be_empty: bool) -> Survey:
    walked = walk(root)
    known = catalogue.known(root)
    if known and not walked.files and not may_be_empty:
        raise RootError(f"The music folder {legible(root)} is empty.")
    changed = [file for file in walked.files if known.get(file.path) != FileState(file.size, file.mtime_ns)]
    gone = known.keys() - {file.path for file in walked.files}
    removed = [path for path in gone if not any(path.is_relative_to(folder) for folder in walked.unreadable)]
    problems = [f"{legible(folder)} can't be read." for folder in walked.unreadable]
    try:
        catalogue.forget(removed)
    except CatalogueError as error:  # a disk that is full; the music can be played all the same
        problems.append(str(error))
    return Survey(root, len(walked.files), changed, len(removed), tuple(problems))


async def examine_changed(
    surveyed: Survey, catalogue: Catalogue, workers: Workers, *, on_result: Callable[[ScanProgress], None]
) -> ScanSummary:
    """Examine what is new or changed, as many at a time as there are workers, and record each at once.

    Raises `WorkerError` when no worker can be started. A catalogue that can't be written is a problem in the summary.
    """
    begun = monotonic()
    run = _Run(surveyed, catalogue, workers, on_result)
    await workers.side_by_side(run.work, f"scan of {surveyed.root}", most=len(surveyed.changed))
    return ScanSummary(
        found=surveyed.found,
        examined=run.done,
        added=run.added,
        unplayable=run.done - run.added,
        removed=surveyed.removed,
        problems=(*surveyed.problems, *run.problems),
        seconds=monotonic() - begun,
    )


async def scan(
    root: Path, catalogue: Catalogue, workers: Workers, *, on_result: Callable[[ScanProgress], None]
) -> ScanSummary:
    """Survey a folder and examine what is new. Raises `RootError`, `CatalogueError` and `WorkerError`."""
    return await examine_changed(await survey(root, catalogue), catalogue, workers, on_result=on_result)


class _Run:
    """The state the workers of one scan share."""

    def __init__(
        self, surveyed: Survey, catalogue: Catalogue, workers: Workers, on_result: Callable[[ScanProgress], None]
    ) -> None:
        self.done = 0
        self.added = 0
        self.problems: dict[str, None] = {}
        self._total = len(surveyed.changed)
        self._files: Iterator[FoundFile] = iter(surveyed.changed)
        self._catalogue = catalogue
        self._workers = workers
        self._on_result = on_result

    async def work(self) -> None:
        for file in self._files:
            result = await jobs.probe(self._workers, file.path)
            recorded = await self._record(file, result)
            self.done += 1
            self.added += isinstance(result, Track)
            self._on_result(ScanProgress(self.done, self._total, result, recorded))

    async def _record(self, file: FoundFile, result: Track | Unplayable) -> bool:
        try:
            await asyncio.to_thread(record, self._catalogue, file, result)
        except CatalogueError as error:
            self.problems[str(error)] = None
            return False
        return True


def record(catalogue: Catalogue, file: FoundFile, result: Track | Unplayable) -> None:
    """Remember a result; not that a file couldn't be read, which is another matter next time."""
    if isinstance(result, Track) or not result.passing:
        catalogue.record(file.path, file.size, file.mtime_ns, result)


async def remember(catalogue: Catalogue, track: Track) -> None:
    """Record a track that was examined by itself. Raises OSError and `CatalogueError`."""
    state = await asyncio.to_thread(track.path.stat)
    await asyncio.to_thread(record, catalogue, FoundFile(track.path, state.st_size, state.st_mtime_ns), track)


def state_of(path: Path) -> Literal["there", "missing", "unknown"]:
    """Whether there is a file; unknown if that can't be told now."""
    try:
        return "there" if stat.S_ISREG(path.stat().st_mode) else "missing"
    except OSError as error:
        return "missing" if error.errno in (errno.ENOENT, errno.ENOTDIR) else "unknown"
