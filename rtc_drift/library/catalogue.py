"""The catalogue: what is known about each file, in one SQLite file. The only module with SQL."""

import logging
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rtc_drift.library.track import Track, Unplayable

logger = logging.getLogger(__name__)

VERSION = 1
_LOCK_SECONDS = 5.0
_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_COLUMNS = tuple(name for name in Track.model_fields if name != "path")
# Paths are bytes: file names need not be valid UTF-8, and a folder is a range of the primary key.
_SCHEMA = """
CREATE TABLE files (
    path BLOB PRIMARY KEY,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    track_id TEXT,
    reason TEXT,
    CHECK ((track_id IS NULL) <> (reason IS NULL))
) WITHOUT ROWID;
CREATE INDEX files_track_id ON files (track_id);
CREATE TABLE tracks (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    artist TEXT NOT NULL,
    album TEXT NOT NULL,
    genre TEXT NOT NULL,
    year INTEGER,
    track_number INTEGER,
    has_cover INTEGER NOT NULL,
    duration_seconds REAL NOT NULL,
    integrated_lufs REAL NOT NULL,
    true_peak_dbtp REAL NOT NULL,
    first_sound_seconds REAL NOT NULL,
    last_sound_seconds REAL NOT NULL
) WITHOUT ROWID;
"""


class CatalogueError(Exception):
    """The catalogue can't be read or written, in one sentence."""


class FileState(NamedTuple):
    """What tells a changed file from an unchanged one."""

    size: int
    mtime_ns: int


class Catalogue:
    """Synchronous and safe to use from several threads. Every method raises `CatalogueError` when SQLite fails."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> "Catalogue":
        """Open or create it. A damaged file is moved aside and a new one begun; one from the future is an error."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                return cls(_connect(path))
            except sqlite3.DatabaseError as error:
                if not _is_broken(error):
                    raise
                aside = _move_aside(path)
            logger.warning("The catalogue %s was damaged: it is now %s, and a new one is begun.", path, aside.name)
            return cls(_connect(path))
        except (OSError, sqlite3.Error) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise CatalogueError(f"The catalogue {path} can't be opened ({reason}).") from None

    def close(self) -> None:
        """May be called again; afterwards everything else raises `CatalogueError`."""
        with self._lock:
            self._connection.close()

    def known(self, root: Path) -> dict[Path, FileState]:
        """The files under a folder as they were when they were examined."""
        with self._using() as connection:
            rows = connection.execute(
                "SELECT path, size, mtime_ns FROM files WHERE path >= ? AND path < ?", _under(root)
            )
            return {_path(path): FileState(size, mtime_ns) for path, size, mtime_ns in rows}

    def record(self, path: Path, size: int, mtime_ns: int, result: Track | Unplayable) -> None:
        """Remember what examining a file gave."""
        track_id, reason = (result.id, None) if isinstance(result, Track) else (None, result.reason)
        with self._using() as connection:
            if isinstance(result, Track):
                places = ", ".join(f":{name}" for name in _COLUMNS)
                connection.execute(
                    f"INSERT OR REPLACE INTO tracks ({', '.join(_COLUMNS)}) VALUES ({places})",
                    result.model_dump(exclude={"path"}),
                )
            connection.execute(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)",
                (os.fsencode(path), size, mtime_ns, track_id, reason),
            )

    def mark_unplayable(self, path: Path, reason: str) -> None:
        """A file that was examined turned out not to be playable; it stays so until it changes."""
        with self._using() as connection:
            connection.execute(
                "UPDATE files SET track_id = NULL, reason = ? WHERE path = ?", (reason, os.fsencode(path))
            )

    def forget(self, paths: Iterable[Path]) -> None:
        """Files that are gone, and the tracks that no file holds any more."""
        with self._using() as connection:
            connection.executemany("DELETE FROM files WHERE path = ?", [(os.fsencode(path),) for path in paths])
            connection.execute(
                "DELETE FROM tracks WHERE NOT EXISTS (SELECT 1 FROM files WHERE files.track_id = tracks.id)"
            )

    def tracks(self, roots: Sequence[Path]) -> list[Track]:
        """Each track that lies under one of the folders, once, in the order of the paths."""
        found: dict[str, Track] = {}
        with self._using() as connection:
            for root in roots:
                rows = connection.execute(
                    f"SELECT path, {', '.join(_COLUMNS)} FROM files JOIN tracks ON tracks.id = files.track_id "
                    "WHERE path >= ? AND path < ? ORDER BY path",
                    _under(root),
                )
                for path, *values in rows:
                    if values[0] not in found:
                        known = dict(zip(_COLUMNS, values, strict=True))
                        found[values[0]] = Track.model_validate({"path": _path(path), **known})
        return list(found.values())

    def unplayable(self, roots: Sequence[Path]) -> list[Unplayable]:
        """The files under the folders that can't be played, in the order of the paths."""
        found: dict[Path, Unplayable] = {}
        with self._using() as connection:
            for root in roots:
                rows = connection.execute(
                    "SELECT path, reason FROM files WHERE path >= ? AND path < ? AND reason NOT NULL ORDER BY path",
                    _under(root),
                )
                for path, reason in rows:
                    found[_path(path)] = Unplayable(path=_path(path), reason=reason)
        return list(found.values())

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        """The connection to oneself, in one transaction."""
        try:
            with self._lock, self._connection as connection:
                yield connection
        except sqlite3.Error as error:
            raise CatalogueError(f"The catalogue can't be used ({error}).") from None


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_LOCK_SECONDS, check_same_thread=False)
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise CatalogueError(f"The catalogue {path} was written by a newer version of rtc-drift.")
        told = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if told != "ok":
            raise _broken(told)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        if version < VERSION:
            connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
    except BaseException:
        connection.close()
        raise
    return connection


def _broken(told: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(told)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _is_broken(error: sqlite3.DatabaseError) -> bool:
    """Not merely locked, unwritable or on a full disk."""
    return getattr(error, "sqlite_errorcode", None) in _BROKEN


def _move_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.broken-{number}")).exists():
        number += 1
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return aside


def _under(root: Path) -> tuple[bytes, bytes]:
    """The range of the paths below a folder: from `root/` up to `root0`, for `0` follows `/`."""
    folder = os.fsencode(root).rstrip(b"/")
    return folder + b"/", folder + b"0"


def _path(stored: bytes) -> Path:
    return Path(os.fsdecode(stored))
