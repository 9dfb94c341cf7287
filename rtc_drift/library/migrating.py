"""Brings a catalogue of an earlier version to the present one, in a new file that takes the place of the old one.

A crash at any moment leaves the old catalogue or the new one, and either is whole.
"""

import logging
import os
import shutil
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

from rtc_drift.analysis.model import VERSION as ANALYSIS_VERSION
from rtc_drift.library.old_analyses import converted
from rtc_drift.library.schema import APPLICATION_ID, PAGE_BYTES, SCHEMA, SMALL_TABLES, VERSION
from rtc_drift.library.stored_numbers import is_id

logger = logging.getLogger(__name__)

NEW = ".migrating"
"""Suffix of the new file until it is complete."""
KEPT = ".before-migration"
"""Suffix of the old file afterwards."""
_MANY = 1_000
"""Number of analyses from which it takes longer than a moment."""
_PAGE_ROWS = 32
"""Analyses that are converted at once: less than a megabyte, which fits into the cache of a core."""
_LOG_SECONDS = 10.0
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
    """Make the tables in an empty file, and copy what an old catalogue has."""
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("PRAGMA journal_mode = OFF")  # a file that is not complete is thrown away
    connection.execute("PRAGMA synchronous = OFF")
    connection.executescript(f"{SCHEMA} PRAGMA user_version = {VERSION}; PRAGMA application_id = {APPLICATION_ID};")
    connection.text_factory = bytes
    connection.execute("ATTACH CAST(? AS TEXT) AS old", (os.fsencode(path),))
    connection.execute("BEGIN IMMEDIATE")  # nobody writes to the old one from now on
    tables = {name.decode() for (name,) in connection.execute("SELECT name FROM old.sqlite_schema")}
    lost = sum(_copy(connection, table) for table in SMALL_TABLES if table in tables)
    if "analyses" in tables:
        lost += _convert(connection)
    connection.execute("COMMIT")
    if lost:
        logger.warning("The catalogue had %d rows that can't be read. Their tracks are probed or analysed again.", lost)


def _copy(connection: sqlite3.Connection, table: str) -> int:
    """Copy the rows of a table that is the same in all versions. Return how many could not be copied."""
    (count,) = connection.execute(f"SELECT count(*) FROM old.{table}").fetchone()
    return int(count) - connection.execute(f"INSERT OR IGNORE INTO main.{table} SELECT * FROM old.{table}").rowcount


def _convert(connection: sqlite3.Connection) -> int:
    """Convert the analyses, but not those of other versions, which are made again. Return how many are unreadable."""
    source, version = "FROM old.analyses WHERE version = ?", (ANALYSIS_VERSION,)
    (count,) = connection.execute(f"SELECT count(*) {source}", version).fetchone()
    if count > _MANY:
        logger.info("The catalogue's %s analyses are converted to this version, which takes a moment.", f"{count:,}")
    rows = connection.execute(f"SELECT track_id, summary, curves {source} ORDER BY track_id", version)
    done = unreadable = 0
    logged = time.monotonic()
    while page := rows.fetchmany(_PAGE_ROWS):
        unreadable += len(page) - _convert_page(connection, page)
        done += len(page)
        if time.monotonic() - logged > _LOG_SECONDS:
            logged = time.monotonic()
            logger.info("%s of %s analyses are converted.", f"{done:,}", f"{count:,}")
    return unreadable


def _convert_page(connection: sqlite3.Connection, page: list[tuple[object, object, object]]) -> int:
    """Convert some analyses. Return how many could be read."""
    failed = [(row[0], ANALYSIS_VERSION, None, None, None) for row in page if row[1] is None and is_id(row[0])]
    whole = [row for row in page if row[1] is not None and is_id(row[0])]
    results = zip((row[0] for row in whole), converted([(row[1], row[2]) for row in whole]), strict=True)
    done = [(track_id, result) for track_id, result in results if result is not None]
    analyses = [*failed, *((track_id, ANALYSIS_VERSION, *result[:3]) for track_id, result in done)]
    curves = [(track_id, result[3]) for track_id, result in done]
    # Ids that differ in nothing but their type are one.
    connection.executemany("INSERT OR IGNORE INTO main.curves VALUES (CAST(? AS TEXT), ?)", curves)
    return connection.executemany(
        "INSERT OR IGNORE INTO main.analyses VALUES (CAST(? AS TEXT), ?, ?, ?, ?)", analyses
    ).rowcount


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
