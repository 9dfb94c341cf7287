"""A catalogue of version 3 (0.7), whose analyses are JSON, to measure what its migration costs."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.large.analyses import make_analyses
from benchmarks.large.figures import FiguresOf
from benchmarks.large.library import LargeLibrary
from benchmarks.large.programs import cost_of
from rtc_drift.library.catalogue import Catalogue

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
    summary TEXT,
    curves TEXT
) WITHOUT ROWID;
PRAGMA application_id = 0x72746364;
PRAGMA user_version = 3;
"""
COLUMNS = (
    *("id", "title", "artist", "album", "genre", "year", "track_number", "has_cover"),
    *("duration_seconds", "integrated_lufs", "true_peak_dbtp", "first_sound_seconds", "last_sound_seconds"),
)
_ANALYSIS_SEED = 4
_ANALYSIS_VERSION = 4
_CURVES = {
    *("beats_seconds", "downbeats_seconds", "attacks_seconds"),
    *("short_term_lufs", "momentary_lufs", "heard_bass"),
}
_NEW = {"phrases_seconds", "phrases_confidence", "sections", "chroma", "heard_highs"}
"""Fields that analyses did not have then."""
_OPEN = "import sys; from pathlib import Path; from rtc_drift.library.catalogue import Catalogue; " + (
    "Catalogue.open(Path(sys.argv[1])).close()"
)


async def measure_migration(library: LargeLibrary, folder: Path, figures: FiguresOf) -> None:
    """Open an old catalogue in a process of its own, check that all tracks are kept, and add the figures."""
    old = folder / f"version-3-{library.count}" / "catalogue.sqlite"
    old.parent.mkdir()
    make_old_catalogue(library, old)
    before, size = _counts(old), old.stat().st_size
    seconds, memory = await cost_of("-c", _OPEN, str(old))
    assert _counts(old) == before, f"{before} became {_counts(old)}"
    figures.add("catalogue of version 3", size / 1e6, "MB")
    figures.add("migration of it", seconds, "s")
    figures.add("migration of it: catalogue", old.stat().st_size / 1e6, "MB")
    figures.add("migration of it: memory", memory, "MB")


def make_old_catalogue(library: LargeLibrary, path: Path) -> None:
    """Write a catalogue of version 3 with the tracks of a library, and an analysis of each."""
    with contextlib.closing(Catalogue.open(library.catalogue)) as catalogue:
        tracks, loved = list(catalogue.tracks([library.music]).values()), catalogue.loved()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA)
        files = ((os.fsencode(it.path), it.path.stat().st_size, it.path.stat().st_mtime_ns, it.id) for it in tracks)
        connection.executemany("INSERT INTO files VALUES (?, ?, ?, ?, NULL)", files)
        rows = (tuple(getattr(it, name) for name in COLUMNS) for it in tracks)
        connection.executemany(f"INSERT INTO tracks VALUES ({', '.join('?' * len(COLUMNS))})", rows)
        connection.executemany("INSERT INTO loved VALUES (?)", ((track_id,) for track_id in sorted(loved)))
        connection.executemany("INSERT INTO analyses VALUES (?, ?, ?, ?)", _rows([it.id for it in tracks]))
        connection.commit()


def _rows(ids: list[str]) -> Iterator[tuple[str, int, str, str]]:
    """Yield the rows of analyses, in the order of their ids: so they are written at once."""
    curves = dict[int, str]()
    for track_id, it in zip(sorted(ids), make_analyses(len(ids), np.random.default_rng(_ANALYSIS_SEED)), strict=True):
        key = id(it.beats_seconds)  # there are few different ones
        if key not in curves:
            curves[key] = it.model_dump_json(include=_CURVES)
        yield track_id, _ANALYSIS_VERSION, it.model_dump_json(exclude=_CURVES | _NEW), curves[key]


def _counts(path: Path) -> dict[str, int]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        tables = ("files", "tracks", "loved")
        return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}
