"""Catalogues of earlier versions: nothing of them is lost, whatever happens meanwhile."""

import json
import logging
import os
import signal
import sqlite3
import struct
import subprocess
import sys
from contextlib import closing
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from rtc_drift.analysis.model import Analysis
from rtc_drift.analysis.numbers import numbers_of
from rtc_drift.library import migrating
from rtc_drift.library.catalogue import Catalogue
from rtc_drift.library.database import CatalogueError, Database
from rtc_drift.library.schema import APPLICATION_ID, VERSION
from tests.support.analyses import beat_analysis, rounded
from tests.support.old_catalogue import TRACK, make_old, old_texts
from tests.support.server_process import REPOSITORY

ROOT = Path("/music")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "c.db"


def analysis(number: int) -> Analysis:
    """Make an analysis whose beats are as exact as earlier versions kept them."""
    moments, rng = 450, np.random.default_rng(number)
    return beat_analysis(
        120 + number / 7,
        first_beat=0.1234567,
        energy=number / 3,
        timbre=tuple(rng.normal(0, 20, 24).tolist()),
        heard_bass=tuple(np.round(rng.random(moments), 2).tolist()),
        short_term_lufs=tuple(np.round(rng.normal(-14, 3, 180), 3).tolist()),
    )


def id_of(number: int) -> str:
    return f"{0xF000000000000000 + number:016x}"


def make_analysed(path: Path, count: int) -> None:
    """Make a catalogue of version 3 with some analyses."""
    make_old(path, 3, [(id_of(number), 4, *old_texts(analysis(number))) for number in range(count)])


def files(path: Path) -> set[str]:
    """Return the names beside a catalogue."""
    return {file.name for file in path.parent.iterdir()} - {path.name, f"{path.name}.lock"}


def version_of(path: Path) -> tuple[int, ...]:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return tuple(connection.execute("PRAGMA user_version").fetchone())


@pytest.mark.parametrize("version", [1, 2, 3])
def test_catalogues_of_all_versions_are_read(path: Path, version: int) -> None:
    make_old(path, version)
    path.chmod(0o600)
    for _ in range(2):
        with closing(Catalogue.open(path)) as catalogue:
            assert [track.id for track in catalogue.tracks([ROOT]).values()] == [TRACK]
            assert catalogue.loved() == ({TRACK} if version > 1 else set())
            columns, failed = catalogue.analysed()
            assert (len(columns.ids), failed) == (0, {TRACK} if version > 2 else set())
            with catalogue.database.transaction() as connection:
                (sessions,) = connection.execute("SELECT count(*) FROM sessions").fetchone()
            assert sessions == (version > 1)
    header = path.read_bytes()[:100]
    assert struct.unpack_from(">i", header, 60) == (VERSION,), "in the file itself, for programs that only look there"
    assert struct.unpack_from(">i", header, 68) == (APPLICATION_ID,)
    assert path.stat().st_mode & 0o777 == 0o600
    assert files(path) == {"c.db.before-migration"}
    assert version_of(path.with_name("c.db.before-migration")) == (version,)


def test_every_row_is_there_afterwards(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    count = 300
    make_analysed(path, count)
    with closing(sqlite3.connect(path)) as connection:
        rows = {
            table: connection.execute(f"SELECT * FROM {table}").fetchall()
            for table in ("files", "tracks", "loved", "sessions")
        }
    with closing(Catalogue.open(path)) as catalogue, catalogue.database.transaction() as connection:
        connection.text_factory = str
        for table, before in rows.items():
            assert connection.execute(f"SELECT * FROM {table}").fetchall() == before
    with closing(Catalogue.open(path)) as catalogue:
        columns, failed = catalogue.analysed()
        assert {f"{number:016x}" for number in columns.ids} == {id_of(number) for number in range(count)}
        assert failed == {TRACK}
        numbers = dict(zip(columns.ids.tolist(), columns.numbers, strict=True))
        for number in range(0, count, 29):
            assert catalogue.analysis(id_of(number)) == rounded(analysis(number))
            expected = numbers_of(analysis(number)).astype(np.float32)
            assert (numbers[int(id_of(number), 16)] == expected).all()
        assert catalogue.unreadable == 0
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_large_catalogue_is_announced(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_old(path, 3, [(id_of(number), 4, None, None) for number in range(1_200)])
    clock = count(0, 1)
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with caplog.at_level(logging.INFO, "rtc_drift.library.migrating"):
        Database.open(path).close()
    lines = [record.message for record in caplog.records]
    assert lines[0] == "The catalogue's 1,201 analyses are converted to this version, which takes a moment."
    assert lines[1] == "352 of 1,201 analyses are converted."
    assert len(lines) < 10, "not for each page"


def unreadable_rows() -> list[tuple[object, ...]]:
    summary, curves = old_texts(analysis(1))
    bad_summaries = [
        *("", '{"half":', "[" * 10_000, b"\x00\xff", 7, curves, "x" * 100_000),
        *(json.dumps(json.loads(summary) | {name: 1e300}) for name in ("integrated_lufs", "tempo_bpm")),
        json.dumps(json.loads(summary) | {"camelot": "99Z"}),
    ]
    changes: list[dict[str, object]] = [
        {"beats_seconds": None},
        {"beats_seconds": ["1.5"]},
        {"beats_seconds": [True]},
        {"beats_seconds": [[1.0]]},
        {"beats_seconds": [1, 10**400]},
        {"beats_seconds": [0.5, 0.4]},
        {"beats_seconds": [0.5, 0.500001], "downbeats_seconds": [], "attacks_seconds": []},
        {"beats_seconds": [float("nan")]},
        {"beats_seconds": [0.5, 1e9]},
        {"downbeats_seconds": [0.3, 0.6]},
        {"attacks_seconds": [1.0] * 10_000},
        {"momentary_lufs": [1e300] * 450},
        {"heard_bass": [1.5] * 450},
        {"more": []},
    ]
    bad_curves = [None, 7.5, b"\x00\xff", "[]", "[" * 10_000, *(json.dumps(json.loads(curves) | it) for it in changes)]
    rows = [(bad, curves) for bad in bad_summaries] + [(summary, bad) for bad in bad_curves]
    bad_ids = ["", "x" * 16, "A" * 16, b"\xff" * 16, "0" * 17, id_of(0).encode()]
    return [(id_of(100 + number), 4, *row) for number, row in enumerate(rows)] + [
        (bad, 4, summary, curves) for bad in bad_ids
    ]


def test_rows_that_cannot_be_read_cost_no_other(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_analysed(path, 3)
    bad = unreadable_rows()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany("INSERT INTO analyses VALUES (?, ?, ?, ?)", bad)
        of_others = [(id_of(number), 3, *old_texts(analysis(1))) for number in (7, 8)]
        connection.executemany("INSERT INTO analyses VALUES (?, ?, ?, ?)", of_others)
    with closing(Catalogue.open(path)) as catalogue:
        columns, failed = catalogue.analysed()
        assert {f"{number:016x}" for number in columns.ids} == {id_of(0), id_of(1), id_of(2)}
        assert failed == {TRACK}
        assert catalogue.unreadable == 0
        assert catalogue.analysis(id_of(2)) == rounded(analysis(2))
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == [
        f"The catalogue had {len(bad)} rows that can't be read. Their tracks are probed or analysed again."
    ]


KILLED_AT = ("_fill", "_check", "_keep", "after the copy", "after the change")
KILLED = """
import os, signal, sys
from pathlib import Path
from rtc_drift.library import migrating
from rtc_drift.library.database import Database

moment = sys.argv[2]

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

if moment == "_fill":
    migrating._convert_page = die
elif moment == "after the copy":
    Path.replace, replace = (lambda *paths: die() if paths[0].name.endswith("ing") else replace(*paths)), Path.replace
elif moment == "after the change":
    migrating._sync = lambda path: path.is_dir() and die()
else:
    setattr(migrating, moment, die)
Database.open(Path(sys.argv[1]))
"""


@pytest.mark.parametrize("moment", KILLED_AT)
def test_a_kill_leaves_the_old_catalogue_or_the_new_one(path: Path, moment: str) -> None:
    make_analysed(path, 3)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path), moment], cwd=REPOSITORY, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert version_of(path) == ((VERSION,) if moment == "after the change" else (3,))
    with closing(Catalogue.open(path)) as catalogue:
        assert len(catalogue.analysed()[0].ids) == 3
        assert catalogue.analysis(id_of(2)) == rounded(analysis(2))
        assert [track.id for track in catalogue.tracks([ROOT]).values()] == [TRACK]
        assert catalogue.loved() == {TRACK}
    assert files(path) == {"c.db.before-migration"}
    assert version_of(path.with_name("c.db.before-migration")) == (3,)


FULL = """
import resource, sys
from pathlib import Path
from rtc_drift.library.database import CatalogueError, Database

resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
try:
    Database.open(Path(sys.argv[1]))
except CatalogueError as error:
    print(error)
"""


def test_a_full_disk_leaves_the_catalogue_as_it_was(path: Path) -> None:
    make_analysed(path, 100)
    rows = dump(path)
    result = subprocess.run([sys.executable, "-c", FULL, str(path)], cwd=REPOSITORY, check=True, capture_output=True)
    printed = result.stdout.decode()
    assert printed.startswith(f"The catalogue {path} can't be migrated to this version, and is left as it was (")
    assert printed.count("\n") == 1
    assert files(path) == set()
    assert dump(path) == rows
    with closing(Catalogue.open(path)) as catalogue:
        assert len(catalogue.analysed()[0].ids) == 100


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_a_log_that_was_left_behind_is_not_taken_for_the_new_files(path: Path) -> None:
    make_analysed(path, 1)
    script = (
        "import os, sqlite3, sys; connection = sqlite3.connect(sys.argv[1]);"
        "connection.execute('DELETE FROM loved'); connection.commit(); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)
    assert path.with_name("c.db-wal").stat().st_size > 0
    with closing(Catalogue.open(path)) as catalogue:
        assert catalogue.loved() == set(), "what was in it counts"
        assert len(catalogue.analysed()[0].ids) == 1


def test_a_catalogue_that_another_program_has_open_is_left_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_analysed(path, 1)
    monkeypatch.setattr(migrating, "_PATIENCE_SECONDS", 0.01)
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT * FROM loved").fetchall() == [(TRACK,)]
        with pytest.raises(CatalogueError, match="is left as it was"):
            Database.open(path)
        other.execute("DELETE FROM loved")
        other.commit()
    with closing(Catalogue.open(path)) as catalogue:
        assert catalogue.loved() == set()


def test_without_a_copy_it_is_migrated_all_the_same(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_old(path, 1)
    path.with_name("c.db.before-migration").mkdir()  # so that nothing can be written there
    Database.open(path).close()
    assert "without keeping a copy" in caplog.text
    assert version_of(path) == (VERSION,)
    assert files(path) == {"c.db.before-migration"}


def test_without_links_the_old_file_is_copied(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    for _ in range(2):
        path.unlink(missing_ok=True)
        make_analysed(path, 1)
        Database.open(path).close()
        assert version_of(path.with_name("c.db.before-migration")) == (3,)


def test_names_that_are_not_utf8_are_no_hindrance(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9 'quoted'")
    folder.mkdir()
    make_analysed(folder / "c.db", 1)
    with closing(Catalogue.open(folder / "c.db")) as catalogue:
        assert len(catalogue.analysed()[0].ids) == 1


def test_a_damaged_old_catalogue_is_moved_aside(path: Path) -> None:
    make_analysed(path, 50)
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'analyses'").fetchone()
    with path.open("r+b") as file:
        file.seek(4096 * (page - 1))
        file.write(b"\xff" * 4096)
    with closing(Catalogue.open(path)) as catalogue:
        assert catalogue.loved() == set()
    assert files(path) == {"c.db.broken-1"}
