"""Catalogues as the programs of earlier versions made them."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

SCRIPTS = (
    """
    CREATE TABLE files (
        path BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, track_id TEXT, reason TEXT,
        CHECK ((track_id IS NULL) <> (reason IS NULL))
    ) WITHOUT ROWID;
    CREATE INDEX files_track_id ON files (track_id);
    CREATE TABLE tracks (
        id TEXT PRIMARY KEY, title TEXT NOT NULL, artist TEXT NOT NULL, album TEXT NOT NULL, genre TEXT NOT NULL,
        year INTEGER, track_number INTEGER, has_cover INTEGER NOT NULL, duration_seconds REAL NOT NULL,
        integrated_lufs REAL NOT NULL, true_peak_dbtp REAL NOT NULL,
        first_sound_seconds REAL NOT NULL, last_sound_seconds REAL NOT NULL
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE loved (track_id TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE sessions (
        id TEXT PRIMARY KEY, following TEXT, name TEXT NOT NULL, created TEXT NOT NULL, last_access TEXT NOT NULL,
        lock TEXT, state TEXT, history TEXT
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE analyses (
        track_id TEXT PRIMARY KEY, version INTEGER NOT NULL, summary TEXT, curves TEXT
    ) WITHOUT ROWID;
    """,
)
"""What made each version from the one before."""
TRACK = "00112233445566aa"
ROWS = (
    f"""
    INSERT INTO tracks VALUES ('{TRACK}', 'One', '', '', '', NULL, NULL, 0, 60.0, -14.0, -1.0, 0.0, 60.0);
    INSERT INTO files VALUES (CAST('/music/one.mp3' AS BLOB), 1, 2, '{TRACK}', NULL);
    """,
    f"""
    INSERT INTO loved VALUES ('{TRACK}');
    INSERT INTO sessions VALUES ('attic', NULL, 'attic', '', '', NULL, '', '');
    """,
    f"INSERT INTO analyses VALUES ('{TRACK}', 4, NULL, NULL);",
)
"""Rows that the program of each version wrote."""


def make_old(path: Path, version: int, analyses: Iterable[tuple[object, ...]] = ()) -> None:
    """Make a catalogue of version 1 to 3, with more rows of analyses."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        for script, rows in list(zip(SCRIPTS, ROWS, strict=True))[:version]:
            connection.executescript(script + rows)
        with connection:
            for row in analyses:
                connection.execute("INSERT INTO analyses VALUES (?, ?, ?, ?)", row)
        connection.execute(f"PRAGMA user_version = {version}")
