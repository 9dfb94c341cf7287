"""Brings a catalogue of an earlier version to the present one, in a new file that takes the place of the old one.

A crash at any moment leaves the old catalogue or the new one, and either is whole.
"""

import logging
import os
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from rtc_drift.library.schema import APPLICATION_ID, PAGE_BYTES, SCHEMA, SMALL_TABLES, VERSION

logger = logging.getLogger(__name__)

NEW = ".migrating"
"""Suffix of the new file until it is complete."""
KEPT = ".before-migration"
"""Suffix of the old file afterwards."""
_PATIENCE_SECONDS = 5.0


def migrate(path: Path) -> None:
    """Replace a catalogue by one of the present version, and keep a copy beside it, in place of the last one.

    It must be closed, and nothing of an earlier try left. Raises sqlite3.Error or OSError; the catalogue is as it was
    then.
    """
    new = path.with_name(path.name + NEW)
    try:
        _detach_log(path)
        with closing(sqlite3.connect(new, timeout=_PATIENCE_SECONDS, isolation_level=None)) as connection:
            _fill(connection, path)
        _check(new)
        _sync(new)
        _keep(path, path.with_name(path.name + KEPT))
        shutil.copymode(path, new)
        new.replace(path)
        with suppress(OSError):  # not every file system can
            _sync(path.parent)
    finally:
        new.unlink(missing_ok=True)


def _detach_log(path: Path) -> None:
    """Write the log into the catalogue and remove it: it would be taken for the new one's."""
    with closing(sqlite3.connect(path, timeout=_PATIENCE_SECONDS)) as connection:
        if connection.execute("PRAGMA journal_mode = DELETE").fetchone() != ("delete",):
            raise sqlite3.OperationalError("another program uses it")


def _fill(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables in an empty file, and copy what an old catalogue has but its analyses, which are made again."""
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("PRAGMA journal_mode = OFF")  # a file that is not complete is thrown away
    connection.execute("PRAGMA synchronous = OFF")
    connection.executescript(f"{SCHEMA} PRAGMA user_version = {VERSION}; PRAGMA application_id = {APPLICATION_ID};")
    connection.text_factory = bytes
    connection.execute("ATTACH CAST(? AS TEXT) AS old", (os.fsencode(path),))
    connection.execute("BEGIN IMMEDIATE")  # nobody writes to the old one from now on
    tables = {name.decode() for (name,) in connection.execute("SELECT name FROM old.sqlite_schema")}
    lost = sum(_copy(connection, table) for table in SMALL_TABLES if table in tables)
    connection.execute("COMMIT")
    if lost:
        logger.warning("The catalogue had %d rows that can't be read. Their tracks are probed again.", lost)


def _copy(connection: sqlite3.Connection, table: str) -> int:
    """Copy the rows of a table that is the same in all versions. Return how many could not be copied."""
    (count,) = connection.execute(f"SELECT count(*) FROM old.{table}").fetchone()
    return int(count) - connection.execute(f"INSERT OR IGNORE INTO main.{table} SELECT * FROM old.{table}").rowcount


def _check(new: Path) -> None:
    with closing(sqlite3.connect(new)) as connection:
        problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problem != "ok":
        raise sqlite3.OperationalError(problem)


def _keep(path: Path, copy: Path) -> None:
    """Keep the old file under another name too, in place of the last one. Log it if that fails."""
    part = copy.with_name(copy.name + ".part")
    try:
        part.unlink(missing_ok=True)
        try:
            os.link(path, part)
        except OSError:  # the file system has no links
            shutil.copyfile(path, part)
            _sync(part)
        part.replace(copy)
        logger.info("The catalogue is migrated to this version; %s is what it was.", copy)
    except OSError as error:
        logger.warning("The catalogue %s is migrated without keeping a copy (%s).", path, error)
    finally:
        with suppress(OSError):  # it stays if both are the same file already
            part.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Have the system write a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
