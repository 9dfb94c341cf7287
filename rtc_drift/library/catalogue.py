"""The catalogue: files, tracks, analyses and loved tracks in the database."""

import logging
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from rtc_drift.analysis.model import VERSION, Analysis
from rtc_drift.library import stored
from rtc_drift.library.analysed import AnalysedColumns
from rtc_drift.library.database import CatalogueError, Database
from rtc_drift.library.recorded_files import range_below
from rtc_drift.library.stored import TRACK_COLUMNS
from rtc_drift.library.stored_numbers import StoredNumbers, numbers_to_store
from rtc_drift.library.track import Track, Unplayable
from rtc_drift.library.track_page import read_page
from rtc_drift.library.track_table import TrackTable

__all__ = ["Catalogue", "CatalogueError"]

logger = logging.getLogger(__name__)

_TRACK_ID = re.compile("[0-9a-f]{16}")
_PAGE_TRACKS = 500
"""Tracks that are read at once, which holds the interpreter's lock for a few milliseconds."""
_PAGE_ANALYSES = 1024
"""Analyses that are read at once: half a megabyte, which fits into the cache of a core."""


class Catalogue:
    """The catalogue. Synchronous and thread-safe. Every method raises `CatalogueError` if SQLite fails.

    Rows that can't be read count as missing: their tracks are probed or analysed again, which replaces them.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.unreadable = 0
        """Number of rows that could not be read."""
        self._logged = set[str]()

    @classmethod
    def open(cls, path: Path) -> "Catalogue":
        """Open or create the database and return its catalogue. Raises CatalogueError."""
        return cls(Database.open(path))

    def close(self) -> None:
        """Close the database. Safe to call again; all other methods raise `CatalogueError` afterwards."""
        self.database.close()

    def record(self, path: Path, size: int, mtime_ns: int, result: Track | Unplayable) -> None:
        """Record the result of probing a file."""
        track_id, reason = (result.id, None) if isinstance(result, Track) else (None, result.reason)
        with self.database.transaction() as connection:
            if isinstance(result, Track):
                placeholders = ", ".join(f":{name}" for name in TRACK_COLUMNS)
                connection.execute(
                    f"INSERT OR REPLACE INTO tracks ({', '.join(TRACK_COLUMNS)}) VALUES ({placeholders})",
                    result.model_dump(exclude={"path"}),
                )
            connection.execute(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)",
                (os.fsencode(path), size, mtime_ns, track_id, reason),
            )

    def mark_unplayable(self, path: Path, reason: str) -> None:
        """Mark a recorded file as unplayable until it changes."""
        with self.database.transaction() as connection:
            connection.execute(
                "UPDATE files SET track_id = NULL, reason = ? WHERE path = ?", (reason, os.fsencode(path))
            )

    def forget(self, paths: Iterable[Path | bytes]) -> None:
        """Delete files, and the tracks that no other file has."""
        with self.database.transaction() as connection:
            connection.executemany("DELETE FROM files WHERE path = ?", [(os.fsencode(path),) for path in paths])
            connection.execute(
                "DELETE FROM tracks WHERE NOT EXISTS (SELECT 1 FROM files WHERE files.track_id = tracks.id)"
            )

    def tracks(self, roots: Sequence[Path]) -> TrackTable:
        """Return each track below the folders once, in the order of the paths. Forget the files of unreadable ones."""
        found, unreadable = TrackTable(), list[tuple[object, object]]()
        with self.database.transaction() as connection:
            for root in roots:
                rows = connection.execute(
                    f"SELECT path, {', '.join(TRACK_COLUMNS)} FROM files JOIN tracks ON tracks.id = files.track_id "
                    "WHERE path >= ? AND path < ? ORDER BY path",
                    range_below(root),
                )
                while page := rows.fetchmany(_PAGE_TRACKS):
                    tracks, others = read_page(page)
                    found.extend(tracks)
                    unreadable += [(path, track_id) for path, track_id, *_ in others]
        if unreadable:
            self._note_unreadable(len(unreadable), "tracks", "Their files are probed again.")
            with suppress(CatalogueError):  # a full disk, for example
                self._drop(unreadable)
        return found

    def unplayable(self, roots: Sequence[Path]) -> list[Unplayable]:
        """Return the unplayable files below the folders, in the order of the paths."""
        found: dict[Path, Unplayable] = {}
        with self.database.transaction() as connection:
            for root in roots:
                rows = connection.execute(
                    "SELECT path, reason FROM files WHERE path >= ? AND path < ? AND reason NOT NULL ORDER BY path",
                    range_below(root),
                )
                for path, reason in rows:
                    with suppress(ValueError):
                        file = stored.path_of(path)
                        found[file] = Unplayable(path=file, reason=stored.text_of(reason))
        return list(found.values())

    def record_analysis(self, track_id: str, analysis: Analysis | None) -> None:
        """Record the analysis of a track, or None if it can't be analysed."""
        row: tuple[object, ...] = (None, None, None)
        curves = None
        if analysis is not None:
            row = (analysis.key, analysis.camelot, numbers_to_store(analysis))
            with suppress(ValueError):  # without curves it can't be read, and is made again
                curves = stored.curves_to_store(analysis)
        with self.database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO analyses VALUES (?, ?, ?, ?, ?)", (track_id, VERSION, *row))
            connection.execute("DELETE FROM curves WHERE track_id = ?", (track_id,))
            if curves is not None:
                connection.execute("INSERT INTO curves VALUES (?, ?)", (track_id, curves))

    def analysed(self) -> tuple[AnalysedColumns, set[str]]:
        """Return the numbers of all analyses, and the ids of tracks that can't be analysed.

        Analyses of other versions, and those that can't be read, are left out. Nobody else has the arrays.
        """
        found = StoredNumbers()
        with self.database.transaction() as connection:
            rows = connection.execute(
                "SELECT track_id, key, camelot, numbers, EXISTS (SELECT 1 FROM curves "
                "WHERE curves.track_id = analyses.track_id) FROM analyses WHERE version = ?",
                (VERSION,),
            )
            while page := rows.fetchmany(_PAGE_ANALYSES):
                found.add(page)
        columns = found.columns()
        if found.unreadable:
            self._note_unreadable(found.unreadable, "analyses", "Their tracks are analysed again.")
        return columns, found.failed

    def analysis(self, track_id: str) -> Analysis | None:
        """Return the analysis of a track with beats and curves; None if there is none or it can't be read."""
        with self.database.transaction() as connection:
            row = connection.execute(
                "SELECT numbers, key, camelot, data FROM analyses LEFT JOIN curves USING (track_id) "
                "WHERE track_id = ? AND version = ? AND numbers NOT NULL",
                (track_id, VERSION),
            ).fetchone()
        try:
            return None if row is None else stored.analysis_of(*row)
        except ValueError:
            self._note_unreadable(1, "analyses", "Their tracks are analysed again.")
            return None

    def loved(self) -> set[str]:
        """Return the ids of the loved tracks, including tracks whose files are gone."""
        with self.database.transaction() as connection:
            ids = {track_id: stored.text_of(track_id) for (track_id,) in connection.execute("SELECT * FROM loved")}
        unreadable = [(raw,) for raw, track_id in ids.items() if not _TRACK_ID.fullmatch(track_id)]
        if unreadable:
            self._note_unreadable(len(unreadable), "loved tracks", "They are forgotten.")
            with suppress(CatalogueError), self.database.transaction() as connection:
                connection.executemany("DELETE FROM loved WHERE CAST(track_id AS BLOB) = CAST(? AS BLOB)", unreadable)
        return {track_id for raw, track_id in ids.items() if (raw,) not in unreadable}

    def set_loved(self, track_id: str, value: bool) -> None:
        """Record that a track is loved, or that it no longer is."""
        statement = "INSERT OR IGNORE INTO loved VALUES (?)" if value else "DELETE FROM loved WHERE track_id = ?"
        with self.database.transaction() as connection:
            connection.execute(statement, (track_id,))

    def _drop(self, rows: Sequence[tuple[object, object]]) -> None:
        """Delete tracks and their files, given as paths and ids as they are stored."""
        with self.database.transaction() as connection:
            for path, track_id in rows:
                connection.execute("DELETE FROM files WHERE path = ? OR track_id = CAST(? AS TEXT)", (path, track_id))
                connection.execute("DELETE FROM tracks WHERE id = CAST(? AS TEXT)", (track_id,))

    def _note_unreadable(self, count: int, kind: str, consequence: str) -> None:
        """Count rows that can't be read, and log it the first time for each kind."""
        self.unreadable += count
        if kind not in self._logged:
            self._logged.add(kind)
            logger.warning("The catalogue has %d %s that can't be read. %s", count, kind, consequence)
