"""The SQLite file in the data directory. Opening it checks it, migrates it, and moves a damaged one aside."""

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

logger = logging.getLogger(__name__)

_LOCK_SECONDS = 5.0
_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
# Paths are bytes: file names need not be valid UTF-8, and the files of a folder are a range of the primary key.
_FILES = """
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
_SESSIONS = """
CREATE TABLE loved (track_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    following TEXT,
    name TEXT NOT NULL,
    created TEXT NOT NULL,
    last_access TEXT NOT NULL,
    lock TEXT,
    state TEXT,
    history TEXT
) WITHOUT ROWID;
"""
# By content, and kept when the file is gone: it may come back at another path.
_ANALYSES = """
CREATE TABLE analyses (
    track_id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    summary TEXT,
    curves TEXT
) WITHOUT ROWID;
"""
_MIGRATIONS = (_FILES, _SESSIONS, _ANALYSES)
"""Scripts by index: each migrates a database from the version of its index to the next."""
VERSION = len(_MIGRATIONS)


class CatalogueError(Exception):
    """The catalogue can't be read or written; the message is one sentence."""


class Database:
    """One SQLite connection, safe to use from several threads."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> "Database":
        """Open or create the database. A damaged file is moved aside and replaced by a new one.

        Raises CatalogueError if it can't be opened or if a newer version of the program wrote it.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                return cls(_connect(path))
            except sqlite3.DatabaseError as error:
                if not _is_broken(error):
                    raise
                aside = _move_aside(path)
            logger.warning("The catalogue %s was damaged: it is now %s, and a new one is used.", path, aside.name)
            return cls(_connect(path))
        except (OSError, sqlite3.Error) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise CatalogueError(f"The catalogue {path} can't be opened ({reason}).") from None

    def close(self) -> None:
        """Close the connection. Safe to call again; `transaction` raises `CatalogueError` afterwards."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give exclusive use of the connection for one transaction. Raises CatalogueError if SQLite fails."""
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
        problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if problem != "ok":
            raise _corruption_error(problem)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        for number in range(version, VERSION):
            connection.executescript(f"BEGIN; {_MIGRATIONS[number]} PRAGMA user_version = {number + 1}; COMMIT;")
    except BaseException:
        connection.close()
        raise
    return connection


def _corruption_error(message: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(message)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _is_broken(error: sqlite3.DatabaseError) -> bool:
    """Return True if the file is damaged, not merely locked, unwritable or on a full disk."""
    return getattr(error, "sqlite_errorcode", None) in _BROKEN


def _move_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.broken-{number}")).exists():
        number += 1
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return aside
