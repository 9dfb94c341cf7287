"""The catalogue: files, tracks, analyses and loved tracks in the database."""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from rtc_drift.analysis.model import CURVES, VERSION, Analysis
from rtc_drift.library.database import CatalogueError, Database
from rtc_drift.library.track import Track, Unplayable

__all__ = ["Catalogue", "CatalogueError", "FileState"]

_COLUMNS = tuple(name for name in Track.model_fields if name != "path")


class FileState(NamedTuple):
    """Size and modification time, by which a changed file is recognised."""

    size: int
    mtime_ns: int


class Catalogue:
    """The catalogue. Synchronous and thread-safe. Every method raises `CatalogueError` if SQLite fails."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    def open(cls, path: Path) -> "Catalogue":
        """Open or create the database and return its catalogue. Raises CatalogueError."""
        return cls(Database.open(path))

    def close(self) -> None:
        """Close the database. Safe to call again; all other methods raise `CatalogueError` afterwards."""
        self.database.close()

    def file_states(self, root: Path) -> dict[Path, FileState]:
        """Return the recorded files below a folder, with their states when they were probed."""
        with self.database.transaction() as connection:
            rows = connection.execute(
                "SELECT path, size, mtime_ns FROM files WHERE path >= ? AND path < ?", _range_below(root)
            )
            return {_path(path): FileState(size, mtime_ns) for path, size, mtime_ns in rows}

    def record(self, path: Path, size: int, mtime_ns: int, result: Track | Unplayable) -> None:
        """Record the result of probing a file."""
        track_id, reason = (result.id, None) if isinstance(result, Track) else (None, result.reason)
        with self.database.transaction() as connection:
            if isinstance(result, Track):
                placeholders = ", ".join(f":{name}" for name in _COLUMNS)
                connection.execute(
                    f"INSERT OR REPLACE INTO tracks ({', '.join(_COLUMNS)}) VALUES ({placeholders})",
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

    def forget(self, paths: Iterable[Path]) -> None:
        """Delete files, and the tracks that no other file has."""
        with self.database.transaction() as connection:
            connection.executemany("DELETE FROM files WHERE path = ?", [(os.fsencode(path),) for path in paths])
            connection.execute(
                "DELETE FROM tracks WHERE NOT EXISTS (SELECT 1 FROM files WHERE files.track_id = tracks.id)"
            )

    def tracks(self, roots: Sequence[Path]) -> list[Track]:
        """Return each track below the folders once, in the order of the paths."""
        found: dict[str, Track] = {}
        with self.database.transaction() as connection:
            for root in roots:
                rows = connection.execute(
                    f"SELECT path, {', '.join(_COLUMNS)} FROM files JOIN tracks ON tracks.id = files.track_id "
                    "WHERE path >= ? AND path < ? ORDER BY path",
                    _range_below(root),
                )
                for path, *values in rows:
                    if values[0] not in found:
                        fields = dict(zip(_COLUMNS, values, strict=True))
                        found[values[0]] = Track.model_validate({"path": _path(path), **fields})
        return list(found.values())

    def unplayable(self, roots: Sequence[Path]) -> list[Unplayable]:
        """Return the unplayable files below the folders, in the order of the paths."""
        found: dict[Path, Unplayable] = {}
        with self.database.transaction() as connection:
            for root in roots:
                rows = connection.execute(
                    "SELECT path, reason FROM files WHERE path >= ? AND path < ? AND reason NOT NULL ORDER BY path",
                    _range_below(root),
                )
                for path, reason in rows:
                    found[_path(path)] = Unplayable(path=_path(path), reason=reason)
        return list(found.values())

    def record_analysis(self, track_id: str, analysis: Analysis | None) -> None:
        """Record the analysis of a track, or None if it can't be analysed."""
        summary = curves = None
        if analysis is not None:
            summary = analysis.model_dump_json(exclude=set(CURVES))
            curves = json.dumps({name: getattr(analysis, name) for name in CURVES}, separators=(",", ":"))
        with self.database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO analyses VALUES (?, ?, ?, ?)", (track_id, VERSION, summary, curves)
            )

    def analyses(self) -> tuple[dict[str, Analysis], set[str]]:
        """Return analyses by track id, without curves, and the ids of tracks that can't be analysed.

        Analyses of other versions are ignored.
        """
        found, failed = dict[str, Analysis](), set[str]()
        with self.database.transaction() as connection:
            rows = connection.execute("SELECT track_id, summary FROM analyses WHERE version = ?", (VERSION,))
            for track_id, summary in rows:
                if summary is None:
                    failed.add(track_id)
                else:
                    found[track_id] = Analysis.model_validate_json(summary)
        return found, failed

    def analysis(self, track_id: str) -> Analysis | None:
        """Return the analysis of a track with beats and curves, or None."""
        with self.database.transaction() as connection:
            row = connection.execute(
                "SELECT summary, curves FROM analyses WHERE track_id = ? AND version = ? AND summary NOT NULL",
                (track_id, VERSION),
            ).fetchone()
        return (
            None
            if row is None
            else Analysis.model_validate_json(row[0]).model_copy(
                update={name: tuple(values) for name, values in json.loads(row[1]).items()}
            )
        )

    def loved(self) -> set[str]:
        """Return the ids of the loved tracks, including tracks whose files are gone."""
        with self.database.transaction() as connection:
            return {track_id for (track_id,) in connection.execute("SELECT track_id FROM loved")}

    def set_loved(self, track_id: str, value: bool) -> None:
        """Record that a track is loved, or that it no longer is."""
        statement = "INSERT OR IGNORE INTO loved VALUES (?)" if value else "DELETE FROM loved WHERE track_id = ?"
        with self.database.transaction() as connection:
            connection.execute(statement, (track_id,))


def _range_below(root: Path) -> tuple[bytes, bytes]:
    """Return the range of the paths below a folder: from `root/` up to `root0`, since `0` follows `/` in ASCII."""
    folder = os.fsencode(root).rstrip(b"/")
    return folder + b"/", folder + b"0"


def _path(stored: bytes) -> Path:
    return Path(os.fsdecode(stored))
