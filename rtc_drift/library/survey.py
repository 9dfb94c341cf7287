"""Surveying a folder: comparing it with the catalogue, some files at a time.

Both are in the order of their paths, so that memory grows only with what is new, changed or gone.
"""

import os
from array import array
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from rtc_drift.library.catalogue import Catalogue, CatalogueError
from rtc_drift.library.folder_threads import HungError
from rtc_drift.library.recorded_files import range_below, recorded_files, successor
from rtc_drift.library.resources import Resources
from rtc_drift.library.roots import RootError, RootPartHangsError, check_answers
from rtc_drift.library.track import legible
from rtc_drift.library.walk import FoundFile, Walk

PAGE_FILES = 2_000
"""Most files that are read from the catalogue at once."""
MAX_NAMED = 5
"""Most unreadable paths that are named in problems."""
_SHOWN_BYTES = 100
"""Length at which a path that is too long is cut."""


class Names:
    """Paths as the system spells them, in few objects: a hundred thousand would take 15 MB."""

    def __init__(self) -> None:
        self._joined: list[bytes] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, names: Sequence[bytes]) -> None:
        """Add some paths; they stay together as a group."""
        if names:
            self._joined.append(b"\0".join(names))
            self._count += len(names)

    def groups(self) -> Iterator[list[bytes]]:
        """Yield the groups in the order in which they were added."""
        return (joined.split(b"\0") for joined in self._joined)


class FoundFiles:
    """Files in the order in which they were added, in few objects: 16 bytes and a path each."""

    def __init__(self) -> None:
        self._names = Names()
        self._states = array("q")

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[FoundFile]:
        states = iter(self._states)
        for names in self._names.groups():
            for name in names:
                yield FoundFile(name, next(states), next(states))

    def add(self, files: Sequence[FoundFile]) -> None:
        """Add some files."""
        self._names.add([file.name for file in files])
        for file in files:
            self._states.extend((file.size, file.mtime_ns))


@dataclass(frozen=True, slots=True)
class Survey:
    """The comparison of a folder with the catalogue: what a scan has to do."""

    root: Path
    found: int
    """Number of music files."""
    changed: FoundFiles
    """New or changed files, to be probed, in the order of their paths."""
    removed: int
    """Number of files that are gone."""
    problems: tuple[str, ...]
    """One sentence for each problem."""


async def survey(root: Path, resources: Resources, *, may_be_empty: bool = False) -> Survey:
    """Compare a folder with the catalogue, and remove files that are gone from the catalogue.

    A folder that is suddenly empty is most likely not mounted. Unless it `may_be_empty`, raises RootError and leaves
    the catalogue unchanged; also if something in the folder does not answer. Raises CatalogueError.
    """
    walk, comparison = Walk(root), _Comparison(root, resources.catalogue)
    is_at_end = False
    while not is_at_end:
        files = await _next_files(walk, root, resources)
        is_at_end = not files
        comparison.begin(files)
        while not await resources.storage.run(comparison.compare_page):
            pass
    if comparison.recorded and not comparison.found and not may_be_empty:
        raise RootError(f"The music folder {legible(root)} is empty.")
    removed, problems = 0, _problems(walk, root)
    try:
        for names in chain(comparison.gone.groups(), [()]):  # in the end for the tracks of files that have changed
            gone = [name for name in names if not _is_within(name, walk.unreadable)]
            removed += len(gone)
            await resources.storage.run(resources.catalogue.forget, gone)
    except CatalogueError as error:  # a full disk, for example; the music can be played all the same
        problems.append(str(error))
    return Survey(root, comparison.found, comparison.changed, removed, tuple(problems))


async def _next_files(walk: Walk, root: Path, resources: Resources) -> list[FoundFile]:
    try:
        return await resources.files.run_long(root, walk.next_files)
    except HungError:
        await check_answers(resources.files, root)
        raise RootPartHangsError(f"Something in the music folder {legible(root)} does not answer.") from None


class _Comparison:
    """The comparison of the files of a walk with the catalogue, a page of both at a time."""

    def __init__(self, root: Path, catalogue: Catalogue) -> None:
        self.found = 0
        """Number of files found."""
        self.recorded = 0
        """Number of files in the catalogue."""
        self.changed = FoundFiles()
        self.gone = Names()
        """Files in the catalogue that were not found."""
        self._database = catalogue.database
        self._first, self._end = range_below(root)
        self._until = self._first
        self._files: Sequence[FoundFile] = ()
        self._at = 0

    def begin(self, files: Sequence[FoundFile]) -> None:
        """Begin with the next files; without any, with the rest of the catalogue."""
        self._files, self._at = files, 0
        self._until = successor(files[-1].name) if files else self._end
        self.found += len(files)

    def compare_page(self) -> bool:
        """Compare one page. Return True if all files given to `begin` are compared. Raises CatalogueError."""
        page = recorded_files(self._database, self._first, self._until, PAGE_FILES)
        is_last = len(page) < PAGE_FILES
        until = self._until if is_last else successor(page[-1].name)
        states = {it.name: (it.size, it.mtime_ns) if it.is_sound else None for it in page}
        changed: list[FoundFile] = []
        while self._at < len(self._files) and (file := self._files[self._at]).name < until:
            if states.pop(file.name, None) != (file.size, file.mtime_ns):
                changed.append(file)
            self._at += 1
        self.changed.add(changed)
        self.gone.add(list(states))
        self.recorded += sum(it.is_sound for it in page)
        self._first = until
        return is_last


def _is_within(name: bytes, folders: Set[bytes]) -> bool:
    """Return True if a path is, or is below, one of the folders."""
    at = len(name) if folders else -1
    while at >= 0:
        if name[:at] in folders:
            return True
        at = name.rfind(b"/", 0, at)
    return False


def _problems(walk: Walk, root: Path) -> list[str]:
    """Return the problems of a walk as a few sentences, however many there are."""
    named = sorted(walk.unreadable)[:MAX_NAMED]
    problems = [f"{_shown(name or b'/')} can't be read." for name in named]
    if further := len(walk.unreadable) - len(named):
        problems.append(f"Further files and folders in {legible(root)} can't be read: {further}.")
    if walk.too_long:
        start = _shown(walk.first_too_long[:_SHOWN_BYTES])
        problems.append(
            f"Files and folders whose paths are too long for the system are left out: {walk.too_long} in "
            f"{legible(root)}, the first begins with {start}."
        )
    return problems


def _shown(name: bytes) -> str:
    return legible(Path(os.fsdecode(name)))
