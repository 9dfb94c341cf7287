"""The SQLite file in the data folder. Opening it checks it, migrates it, and moves a damaged one aside.

Text comes out of it as bytes: a value that is not UTF-8 must not keep the others from being read.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rtc_drift.library.file_lock import FileLock
from rtc_drift.library.migrating import NEW, migrate
from rtc_drift.library.schema import (
    APPLICATION_ID,
    PAGE_BYTES,
    SCHEMA,
    SMALL_TABLES,
    VERSION,
    refusal_of_file,
    refusal_of_tables,
)

logger = logging.getLogger(__name__)

_LOCK_SECONDS = 5.0
_CHECK_SECONDS = 120.0
"""Longest time to wait for another program that checks or migrates the catalogue."""
_POLL_SECONDS = 0.05
_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class CatalogueError(Exception):
    """The catalogue can't be read or written; the message is one sentence."""


class Database:
    """One SQLite connection, safe to use from several threads."""

    def __init__(self, path: Path, connection: sqlite3.Connection, users: FileLock) -> None:
        self._path = path
        self._connection = connection
        self._users = users
        """The lock that all programs share which have the file open."""
        self._lock = threading.Lock()
        self._is_damaged = False

    @classmethod
    def open(cls, path: Path) -> "Database":
        """Open or create the database. A damaged file is moved aside and replaced by a new one.

        Checking, migrating and moving aside are left to a program that has the file for itself. Raises CatalogueError
        if it can't be opened, or if it was written by another program or a newer version of this one.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if (refusal := refusal_of_file(path)) is not None:
                raise CatalogueError(refusal)
            users = FileLock(_beside(path, ".lock"))
            try:
                is_alone = _lock(users, path)
                connection = _open_or_replace(path) if is_alone else _connect(path, is_alone=False)
                _share(users, path)
                return cls(path, connection, users)
            except BaseException:
                users.close()
                raise
        except (OSError, sqlite3.Error) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise CatalogueError(f"The catalogue {path} can't be opened ({reason}).") from None

    def close(self) -> None:
        """Close the connection. Safe to call again; `transaction` raises `CatalogueError` afterwards."""
        with self._lock:
            self._connection.close()
            self._users.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give exclusive use of the connection for one transaction. Raises CatalogueError if SQLite fails."""
        try:
            with self._lock, self._connection as connection:
                yield connection
        except sqlite3.Error as error:
            if _is_broken(error):
                self._note_damage()
            raise CatalogueError(f"The catalogue can't be used ({error}).") from None

    def _note_damage(self) -> None:
        if not self._is_damaged:
            self._is_damaged = True
            logger.error("The catalogue %s is damaged. The next start checks and may replace it.", self._path)
            with suppress(OSError):
                _beside(self._path, ".damaged").touch()


def _lock(users: FileLock, path: Path) -> bool:
    """Take the lock of the programs that use the file. Return True if there is no other."""
    until = time.monotonic() + _CHECK_SECONDS
    while True:
        if users.try_alone():
            return True
        if users.try_shared():
            return False
        if time.monotonic() > until:
            raise CatalogueError(f"The catalogue {path} is being checked by another program.")
        time.sleep(_POLL_SECONDS)


def _share(users: FileLock, path: Path) -> None:
    until = time.monotonic() + _CHECK_SECONDS
    while not users.try_shared():  # between two locks there is none: another program may have begun to check
        if time.monotonic() > until:
            raise CatalogueError(f"The catalogue {path} is being checked by another program.")
        time.sleep(_POLL_SECONDS)


def _open_or_replace(path: Path) -> sqlite3.Connection:
    try:
        return _connect(path, is_alone=True)
    except sqlite3.DatabaseError as error:
        if not _is_broken(error):
            raise
        aside = _move_aside(path)
    logger.warning("The catalogue %s was damaged: it is now %s, and a new one is used.", path, aside.name)
    return _connect(path, is_alone=True)


def _connect(path: Path, *, is_alone: bool) -> sqlite3.Connection:
    # SQLite removes this file when the last connection is closed: it stays if a process was killed or lost its power.
    is_unclean = _size(_beside(path, "-wal")) > 0 or _beside(path, ".damaged").exists()
    if is_alone:
        _beside(path, NEW).unlink(missing_ok=True)  # of a migration that was killed
    connection = sqlite3.connect(path, timeout=_LOCK_SECONDS, check_same_thread=False)
    try:
        version = _number(connection, "user_version")
        application = _number(connection, "application_id")
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        if (refusal := refusal_of_tables(path, application, version, tables)) is not None:
            raise CatalogueError(refusal)
        if version < VERSION and not is_alone:
            raise CatalogueError(f"The catalogue {path} is of an older version, and another program uses it.")
        if is_alone:
            _check(connection, path, tables, is_unclean=is_unclean)
        if 0 < version < VERSION:
            connection.close()
            _migrate(path)
            return _connect(path, is_alone=True)
        if version == 0:
            connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        if version == 0:
            _create(connection)
        if application != APPLICATION_ID and is_alone:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.text_factory = bytes
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection, path: Path, tables: set[str], *, is_unclean: bool) -> None:
    """Look for damaged pages: in the whole file if it was not closed properly, else in the small tables."""
    if is_unclean:
        logger.info("The catalogue %s was not closed properly: it is checked first.", path)
        checks = ["quick_check(1)"]
    else:
        checks = [f"quick_check('{table}')" for table in SMALL_TABLES if table in tables]
    for check in checks:
        problem = connection.execute(f"PRAGMA {check}").fetchone()[0]
        if problem != "ok":
            raise _corruption_error(problem)
    _beside(path, ".damaged").unlink(missing_ok=True)


def _create(connection: sqlite3.Connection) -> None:
    """Make the tables in an empty file."""
    connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
    # Into the file itself, where an older program finds the version without opening the database.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _migrate(path: Path) -> None:
    try:
        migrate(path)
    except (OSError, sqlite3.Error) as error:
        if _is_broken(error):
            raise
        raise CatalogueError(
            f"The catalogue {path} can't be migrated to this version, and is left as it was ({error})."
        ) from None


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def _corruption_error(message: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(message)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _is_broken(error: Exception) -> bool:
    """Return True if the file is damaged, not merely locked, unwritable or on a full disk."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _BROKEN  # the rest tells more of the same kind


def _move_aside(path: Path) -> Path:
    number = 1
    while (aside := _beside(path, f".broken-{number}")).exists():
        number += 1
    path.rename(aside)
    for suffix in ("-wal", "-shm", ".damaged"):
        _beside(path, suffix).unlink(missing_ok=True)
    return aside


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
