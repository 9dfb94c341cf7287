"""The files that the catalogue knows, in the order of their paths, a page at a time."""

import os
from pathlib import Path
from typing import NamedTuple

from rtc_drift.library.database import Database


class RecordedFile(NamedTuple):
    """A file with its size and modification time when it was probed, by which a changed one is recognised."""

    name: bytes
    """Path as the system spells it."""
    size: object
    mtime_ns: object
    is_sound: bool
    """False if the track of the file is missing, since the catalogue was damaged."""


def recorded_files(database: Database, first: bytes, until: bytes, limit: int) -> list[RecordedFile]:
    """Return the first files whose paths are at least `first` and less than `until`. Raises CatalogueError."""
    with database.transaction() as connection:
        rows = connection.execute(
            "SELECT path, size, mtime_ns, reason NOT NULL OR EXISTS (SELECT 1 FROM tracks WHERE id = track_id) "
            "FROM files WHERE path >= ? AND path < ? ORDER BY path LIMIT ?",
            (first, until, limit),
        )
        return [RecordedFile(name, size, mtime_ns, bool(is_sound)) for name, size, mtime_ns, is_sound in rows]


def range_below(folder: Path) -> tuple[bytes, bytes]:
    """Return the range of the paths below a folder: from `folder/` up to `folder0`, since `0` follows `/` in ASCII."""
    name = os.fsencode(folder).rstrip(b"/")
    return name + b"/", name + b"0"


def successor(name: bytes) -> bytes:
    """Return the least path that follows another in the order of the catalogue."""
    return name + b"\0"
