"""The catalogue: what is known about each file, and which tracks are loved."""

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
    """What tells a changed file from an unchanged one."""

    size: int
    mtime_ns: int


class Catalogue:
    """Synchronous and safe to use from several threads. Every method raises `CatalogueError` when SQLite fails."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    def open(cls, path: Path) -> "Catalogue":
        """Open or create the database with it. Raises CatalogueError."""
        return cls(Database.open(path))

    def close(self) -> None:
        """May be called again; afterwards everything else raises `CatalogueError`."""
        self.database.close()

    def known(self, root: Path) -> dict[Path, FileState]:
        """The files under a folder as they were when they were examined."""
        with self.database.using() as connection:
            rows = connection.execute(
                "SELECT path, size, mtime_ns FROM files WHERE path >= ? AND path < ?", _under(root)
            )
            return {_path(path): FileState(size, mtime_ns) for path, size, mtime_ns in rows}

    def record(self, path: Path, size: int, mtime_ns: int, result: Track | Unplayable) -> None:
        """Remember what examining a file gave."""
        track_id, reason = (result.id, None) if isinstance(result, Track) else (None, result.reason)
        with self.database.using() as connection:
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
        with self.database.using() as connection:
            connection.execute(
                "UPDATE files SET track_id = NULL, reason = ? WHERE path = ?", (reason, os.fsencode(path))
            )

    def forget(self, paths: Iterable[Path]) -> None:
        """Files that are gone, and the tracks that no file holds any more."""
        with self.database.using() as connection:
            connection.executemany("DELETE FROM files WHERE path = ?", [(os.fsencode(path),) for path in paths])
            connection.execute(
                "DELETE FROM tracks WHERE NOT EXISTS (SELECT 1 FROM files WHERE files.track_id = tracks.id)"
            )

    def tracks(self, roots: Sequence[Path]) -> list[Track]:
        """Each track that lies under one of the folders, once, in the order of the paths."""
        found: dict[str, Track] = {}
        with self.database.using() as connection:
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
        with self.database.using() as connection:
            for root in roots:
                rows = connection.execute(
                    "SELECT path, reason FROM files WHERE path >= ? AND path < ? AND reason NOT NULL ORDER BY path",
                    _under(root),
                )
                for path, reason in rows:
                    found[_path(path)] = Unplayable(path=_path(path), reason=reason)
        return list(found.values())

    def record_analysis(self, track_id: str, analysis: Analysis | None) -> None:
        """Remember how a content sounds, or (None) that it can't be analysed."""
        summary = curves = None
        if analysis is not None:
            summary = analysis.model_dump_json(exclude=set(CURVES))
            curves = json.dumps({name: getattr(analysis, name) for name in CURVES}, separators=(",", ":"))
        with self.database.using() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO analyses VALUES (?, ?, ?, ?)", (track_id, VERSION, summary, curves)
            )

    def analyses(self) -> tuple[dict[str, Analysis], set[str]]:
        """How contents sound, without the curves, and which can't be analysed; but for what an older version heard."""
        found, failed = dict[str, Analysis](), set[str]()
        with self.database.using() as connection:
            rows = connection.execute("SELECT track_id, summary FROM analyses WHERE version = ?", (VERSION,))
            for track_id, summary in rows:
                if summary is None:
                    failed.add(track_id)
                else:
                    found[track_id] = Analysis.model_validate_json(summary)
        return found, failed

    def analysis(self, track_id: str) -> Analysis | None:
        """How one content sounds, with its beats and curves."""
        with self.database.using() as connection:
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
        """The ids of the loved tracks, those of files that are gone included."""
        with self.database.using() as connection:
            return {track_id for (track_id,) in connection.execute("SELECT track_id FROM loved")}

    def love(self, track_id: str, value: bool) -> None:
        """Remember that a track is loved, or is not any more."""
        statement = "INSERT OR IGNORE INTO loved VALUES (?)" if value else "DELETE FROM loved WHERE track_id = ?"
        with self.database.using() as connection:
            connection.execute(statement, (track_id,))


def _under(root: Path) -> tuple[bytes, bytes]:
    """The range of the paths below a folder: from `root/` up to `root0`, for `0` follows `/`."""
    folder = os.fsencode(root).rstrip(b"/")
    return folder + b"/", folder + b"0"


def _path(stored: bytes) -> Path:
    return Path(os.fsdecode(stored))
