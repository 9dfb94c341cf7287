"""Walking a folder: its music files in the order of their paths, some at a time, so that few are in memory.

Paths are bytes, as in the catalogue, whose order is theirs.
"""

import errno
import heapq
import os
import stat
import struct
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from rtc_drift.library.roots import check_root
from rtc_drift.library.suffixes import SUFFIXES

BATCH_FILES = 2_000
"""Most files that are returned, or sorted, at once."""
_SUFFIXES = frozenset(suffix.encode() for suffix in SUFFIXES)
_STATE = struct.Struct("<qq")
_LEAST, _GREATEST = -(1 << 63), (1 << 63) - 1
"""Range of SQLite's numbers. Times beyond it can be set, and mean nothing."""


class FoundFile(NamedTuple):
    """A file whose name has a suffix of music files."""

    name: bytes
    """Path as the system spells it."""
    size: int
    mtime_ns: int

    @property
    def path(self) -> Path:
        """Path of the file."""
        return Path(os.fsdecode(self.name))


class Walk:
    """A walk through a folder. Hidden files are skipped.

    A link to a folder is followed once, and not at all if the folder lies below this one, where it is found anyway.
    """

    def __init__(self, root: Path) -> None:
        """Prepare a walk, which `next_files` begins."""
        self.unreadable = set[bytes]()
        """Paths that can't be read, mostly sub-folders."""
        self.too_long = 0
        """Number of files and folders whose paths are too long for the system."""
        self.first_too_long = b""
        self._root = root
        self._seen: dict[int, set[int]] = {}
        """Numbers of the folders that were entered, by device."""
        self._real_root = b""
        self._alive: Callable[[], None] = lambda: None
        self._files = self._walk()

    def next_files(self, root: Path, alive: Callable[[], None] = lambda: None) -> list[FoundFile]:
        """Return the next files, at most `BATCH_FILES`; none at the end.

        Calls `alive` for each entry. Raises RootError if the folder itself, which is `root`, can't be read.
        """
        self._alive = alive
        return list(islice(self._files, BATCH_FILES))

    def _walk(self) -> Iterator[FoundFile]:
        check_root(self._root)
        root = os.fsencode(self._root).rstrip(b"/")
        self._real_root = os.path.realpath(root + b"/").rstrip(b"/")
        identity = _identity(root + b"/")
        folders = [(root + b"/", self._entries(root))]
        while folders:
            folder, entries = folders[-1]
            if (entry := next(entries, None)) is None:
                folders.pop()
                continue
            name, is_file, state = entry.partition(b"\0")
            if is_file:
                yield FoundFile(folder + name, *_STATE.unpack(state))
            else:
                folders.append((folder + name, self._entries(folder + name[:-1])))
        if _identity(root + b"/") != identity:  # it is unmounted, or another one: what was not found may still be there
            self.unreadable.add(root)

    def _entries(self, folder: bytes) -> Iterator[bytes]:
        """Return the entries of a folder in order: of a folder its name and a slash, of a file its name, NUL and state.

        All of them are looked at first, while the folder is most likely what it was.
        """
        found: list[bytes] = []
        try:
            identity = _identity_of(os.stat(folder + b"/"))  # noqa: PTH116 (bytes)
            if self._is_known(*identity):
                return iter(())
            has_gone = False
            with os.scandir(folder + b"/") as entries:
                for entry in entries:
                    self._alive()
                    try:
                        found += self._entry(entry)
                    except FileNotFoundError:
                        has_gone = True
                    except OSError as error:
                        self._note_unreadable(entry.path, error)
            if has_gone and _identity(folder + b"/") != identity:
                self.unreadable.add(folder)
        except OSError as error:
            self._note_unreadable(folder, error)
        # In pieces: while thousands are sorted, no other thread can run.
        pieces = (found[at : at + BATCH_FILES] for at in range(0, len(found), BATCH_FILES))
        return heapq.merge(*map(sorted, pieces))

    def _entry(self, entry: os.DirEntry[bytes]) -> tuple[bytes, ...]:
        if entry.name.startswith(b"."):
            return ()
        if entry.is_dir():
            return (entry.name + b"/",) if not entry.is_symlink() or self._leads_elsewhere(entry.path) else ()
        if os.path.splitext(entry.name)[1].lower() not in _SUFFIXES:  # noqa: PTH122 (100k files)
            return ()
        state = entry.stat()
        return (entry.name + b"\0" + _STATE.pack(*_state_of(state)),) if stat.S_ISREG(state.st_mode) else ()

    def _leads_elsewhere(self, link: bytes) -> bool:
        """Return True if a link leads to a folder that is not found without it."""
        target = os.path.realpath(link)
        below = target.removeprefix(self._real_root) if (target + b"/").startswith(self._real_root + b"/") else b"/."
        return b"/." in below

    def _is_known(self, device: int, number: int) -> bool:
        """Return True if a folder was entered before; enter it."""
        numbers = self._seen.setdefault(device, set())
        is_known = number in numbers
        numbers.add(number)
        return is_known

    def _note_unreadable(self, path: bytes, error: OSError) -> None:
        if error.errno == errno.ENAMETOOLONG:
            self.too_long += 1
            self.first_too_long = self.first_too_long or path
        elif error.errno != errno.ELOOP:  # a link to itself
            self.unreadable.add(path)


def found_file(path: Path) -> FoundFile:
    """Return a file as a walk would find it. Raises OSError."""
    return FoundFile(os.fsencode(path), *_state_of(path.stat()))


def _state_of(state: os.stat_result) -> tuple[int, int]:
    """Return size and modification time, by which a changed file is recognised."""
    return state.st_size, max(_LEAST, min(state.st_mtime_ns, _GREATEST))


def _identity_of(state: os.stat_result) -> tuple[int, int]:
    return state.st_dev, state.st_ino


def _identity(folder: bytes) -> tuple[int, int] | None:
    try:
        return _identity_of(os.stat(folder))  # noqa: PTH116 (bytes)
    except OSError:
        return None
