"""Rows of the catalogue with anything in them: one that can't be read costs that track, and no other."""

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rtc_drift.analysis.model import VERSION
from rtc_drift.library.catalogue import Catalogue, CatalogueError
from rtc_drift.library.track import Track
from tests.fuzz.target import Target, require
from tests.support.analyses import make_analysis
from tests.support.music import make_track

MUSIC = Path("/music")
TRACK, FILE = "tracks", "files"
TRACK_COLUMNS = tuple(name for name in Track.model_fields if name != "path")
GOOD = make_track(1)
BAD_ID = f"{2:016x}"


class CatalogueRows(Target):
    """`library.catalogue`: an input is a JSON object with the columns of a track, and its analysis as two texts."""

    name = "catalogue"
    watched = ("library/catalogue.py", "library/track.py")
    tokens = (
        *(f'"{name}":'.encode() for name in (*TRACK_COLUMNS, "summary", "curves")),
        *(b'"tempo_bpm":-1', b"1e308", b"null", b'"\\u0000"', b'\\"beatsSeconds\\":[1]', b'"duration_seconds":0'),
    )
    max_bytes = 8192
    cpu_seconds = 0.1

    def open(self) -> None:
        """Open a catalogue with one good track."""
        self._folder = Path(tempfile.mkdtemp(prefix="rows"))
        self._catalogue = Catalogue.open(self._folder / "catalogue.sqlite")
        self._catalogue.record(GOOD.path, 1, 1, GOOD)
        self._catalogue.record_analysis(GOOD.id, make_analysis())

    def close(self) -> None:
        """Close and remove the catalogue."""
        self._catalogue.close()
        shutil.rmtree(self._folder)

    def seeds(self) -> Iterable[bytes]:
        """Return a good row."""
        columns = make_track(2).model_dump(exclude={"path"})
        curves = {"beats_seconds": [0.5, 1], "downbeats_seconds": [0.5], "momentary_lufs": [-14]}
        summary = make_analysis().model_dump_json(exclude=set(curves))
        yield json.dumps(columns | {"summary": summary, "curves": json.dumps(curves)}).encode()
        yield json.dumps(columns | {"summary": None, "curves": None}).encode()

    def run(self, data: bytes) -> None:
        """Put a row beside the good one, and read the catalogue."""
        try:
            row = json.loads(data)
        except (ValueError, RecursionError):
            return
        if not isinstance(row, dict) or not self._insert(row):
            return
        tracks = {track.id: track for track in self._catalogue.tracks([MUSIC]).values()}
        require(tracks.get(GOOD.id) == GOOD, "a good track is gone")
        require(len(tracks) <= 2, "more tracks than rows")
        self._catalogue.unplayable([MUSIC])
        known, failed = self._catalogue.analyses()
        require(GOOD.id in known and GOOD.id not in failed, "the analysis of a good track is gone")
        require(self._catalogue.analysis(GOOD.id) is not None, "the analysis of a good track is gone")
        with contextlib.suppress(CatalogueError):
            self._catalogue.analysis(BAD_ID)

    def _insert(self, row: dict[str, Any]) -> bool:
        """Write a row as it is. Return False if SQLite refuses it."""
        values = [row.get(name) for name in TRACK_COLUMNS]
        values[0] = values[0] if isinstance(values[0], str) else BAD_ID
        try:
            with self._catalogue.database.transaction() as connection:
                for table, column in (("tracks", "id"), ("analyses", "track_id"), ("files", "track_id")):
                    connection.execute(f"DELETE FROM {table} WHERE {column} IS NOT ?", (GOOD.id,))
                marks = ", ".join("?" for _ in values)
                connection.execute(f"INSERT INTO tracks ({', '.join(TRACK_COLUMNS)}) VALUES ({marks})", values)
                connection.execute("INSERT INTO files VALUES (?, 1, 1, ?, NULL)", (b"/music/2.flac", values[0]))
                analysis = (BAD_ID, VERSION, row.get("summary"), row.get("curves"))
                connection.execute("INSERT INTO analyses VALUES (?, ?, ?, ?)", analysis)
        except (CatalogueError, ValueError, OverflowError):
            return False
        return True
