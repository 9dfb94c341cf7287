"""Rows of the catalogue with anything in them: one that can't be read costs that track, and no other."""

import contextlib
import json
import shutil
import tempfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rtc_drift.analysis.model import VERSION, Section
from rtc_drift.library.catalogue import Catalogue, CatalogueError
from rtc_drift.library.stored import curves_to_store
from rtc_drift.library.stored_numbers import numbers_to_store
from rtc_drift.library.track import Track
from tests.fuzz.target import Target, require
from tests.support.analyses import make_analysis, stored_tempi
from tests.support.music import make_track

MUSIC = Path("/music")
TABLES = (("tracks", "id"), ("analyses", "track_id"), ("curves", "track_id"), ("files", "track_id"))
TRACK_COLUMNS = tuple(name for name in Track.model_fields if name != "path")
PRESENT = ("key", "camelot", "numbers", "data")
GOOD = make_track(1)
BAD_ID = f"{2:016x}"


class CatalogueRows(Target):
    """`library.catalogue`: an input is a JSON object with the columns of a track, and its analysis.

    That is its key, its Camelot code, and bytes in hexadecimal.
    """

    name = "catalogue"
    watched = (
        *("library/catalogue.py", "library/track.py", "analysis/curves.py"),
        *("library/stored.py", "library/stored_curves.py", "library/stored_numbers.py"),
    )
    tokens = (
        *(f'"{name}":'.encode() for name in (*TRACK_COLUMNS, *PRESENT)),
        *(b'"tempo_bpm":-1', b"1e308", b"null", b'"\\u0000"', b'"duration_seconds":0'),
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
        analysis = make_analysis(
            beats_seconds=(0.5, 1),
            downbeats_seconds=(0.5,),
            phrases_seconds=(0.5,),
            sections=(Section(starts_seconds=0.5, role="body", energy=0, drums=1),),
            momentary_lufs=(-14,),
            chroma=(1.0,) * 12,
        )
        whole = zlib.decompress(curves_to_store(analysis))
        present = {"key": "A minor", "camelot": "8A", "numbers": numbers_to_store(analysis).hex(), "data": whole.hex()}
        yield json.dumps(columns | present).encode()
        yield json.dumps(columns | dict.fromkeys(PRESENT)).encode()

    def run(self, data: bytes) -> None:
        """Put a row beside the good one, and read the catalogue."""
        try:
            row = json.loads(data)
        except (ValueError, RecursionError):
            return
        if not isinstance(row, dict):
            return
        if not self._insert(row):
            return
        tracks = {track.id: track for track in self._catalogue.tracks([MUSIC]).values()}
        require(tracks.get(GOOD.id) == GOOD, "a good track is gone")
        require(len(tracks) <= 2, "more tracks than rows")
        self._catalogue.unplayable([MUSIC])
        known, failed = stored_tempi(self._catalogue)
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
                for table, column in TABLES:
                    connection.execute(f"DELETE FROM {table} WHERE {column} IS NOT ?", (GOOD.id,))
                marks = ", ".join("?" for _ in values)
                connection.execute(f"INSERT INTO tracks ({', '.join(TRACK_COLUMNS)}) VALUES ({marks})", values)
                connection.execute("INSERT INTO files VALUES (?, 1, 1, ?, NULL)", (b"/music/2.flac", values[0]))
                key, camelot, numbers, whole = (row.get(name) for name in PRESENT)
                analysis = (BAD_ID, VERSION, key, camelot, _bytes(numbers))
                connection.execute("INSERT INTO analyses VALUES (?, ?, ?, ?, ?)", analysis)
                if whole is not None:
                    connection.execute("INSERT INTO curves VALUES (?, ?)", (BAD_ID, _packed(_bytes(whole))))
        except (CatalogueError, ValueError, OverflowError):
            return False
        return True


def _bytes(value: Any) -> Any:
    """Return the bytes that a text stands for, and anything else as it is."""
    try:
        return bytes.fromhex(value)
    except (TypeError, ValueError):
        return value


def _packed(value: Any) -> Any:
    return zlib.compress(value) if isinstance(value, bytes) else value
