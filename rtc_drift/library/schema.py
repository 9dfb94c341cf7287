"""The tables of the catalogue's database, and whose database a file is."""

import stat
import struct
from collections.abc import Set
from pathlib import Path

APPLICATION_ID = 0x72746364
"""Number in the header of our SQLite files (`rtcd`). Files of versions before 0.7 have 0."""
VERSION = 4
"""Version of the tables. Files of 0.1 to 0.7 have 1 to 3."""
PAGE_BYTES = 16384
"""Size of a page of the database. Five tracks' curves fill one; of SQLite's usual 4096 bytes a third would be empty."""
# Paths are bytes: file names need not be valid UTF-8, and the files of a folder are a range of the primary key.
# Analyses are by content, and kept when the file is gone: it may come back at another path. One that failed has no
# numbers. Curves are read track by track, the numbers of all tracks at every start: so each has a table of its own.
SCHEMA = """
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
CREATE TABLE analyses (
    track_id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    key TEXT,
    camelot TEXT,
    numbers BLOB
) WITHOUT ROWID;
CREATE TABLE curves (
    track_id TEXT PRIMARY KEY,
    data BLOB NOT NULL
);
"""
SMALL_TABLES = ("files", "tracks", "loved", "sessions")
"""Tables that are read as a whole at every start, so that checking their pages costs little more."""
_OLDEST_TABLES = frozenset({"files", "tracks"})
"""Tables of every version."""
_MAGIC = b"SQLite format 3\0"
_HEADER_BYTES = 100
_VERSION_AT = 60
_APPLICATION_AT = 68


def refusal_of_file(path: Path) -> str | None:
    """Return why a file must be left alone, by its header alone, as one sentence; None if it may be opened.

    Nothing is written, which SQLite might do. Raises OSError if the file can't be read.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return f"The catalogue {path} can't be opened (it is not a file)."
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except FileNotFoundError:
        return None
    if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC):
        return None  # empty, or damaged
    (version,) = struct.unpack_from(">i", header, _VERSION_AT)
    (application,) = struct.unpack_from(">i", header, _APPLICATION_AT)
    return _refusal(path, application, version)


def refusal_of_tables(path: Path, application: int, version: int, tables: Set[str]) -> str | None:
    """Return why an open database must be left alone, as one sentence; None if it may be used."""
    is_foreign = bool(tables) if version == 0 else not tables >= _OLDEST_TABLES
    if application != APPLICATION_ID and is_foreign:
        return _foreign(path)
    return _refusal(path, application, version)


def _refusal(path: Path, application: int, version: int) -> str | None:
    if application not in (0, APPLICATION_ID):
        return _foreign(path)
    if version > VERSION:
        return f"The catalogue {path} was written by a newer version of rtc-drift."
    return None


def _foreign(path: Path) -> str:
    return f"{path} is the database of another program."
