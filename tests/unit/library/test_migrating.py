"""Catalogues of earlier versions: nothing of them is lost, whatever happens meanwhile."""

import logging
import os
import signal
import sqlite3
import struct
import subprocess
import sys
import zlib
from contextlib import closing
from pathlib import Path

import pytest

from rtc_drift.library import migrating
from rtc_drift.library.catalogue import Catalogue
from rtc_drift.library.database import CatalogueError, Database
from rtc_drift.library.schema import APPLICATION_ID, VERSION
from rtc_drift.library.unanalysed import Unanalysed
from tests.support.analyses import beat_analysis, rounded
from tests.support.music import make_track
from tests.support.old_catalogue import TRACK, make_old
from tests.support.server_process import REPOSITORY

ROOT = Path("/music")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "c.db"


def id_of(number: int) -> str:
    return f"{0xF000000000000000 + number:016x}"


def make_analysed(path: Path, count: int) -> None:
    """Make a catalogue of version 3 with some analyses."""
    make_old(path, 3, [(id_of(number), 4, "{}", "{}") for number in range(count)])


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
            assert (len(columns.ids), failed) == (0, set()), "analyses of another version are made again"
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
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_analyses_of_the_version_before_are_made_again(path: Path) -> None:
    with closing(Catalogue.open(path)) as catalogue:
        track = make_track(1)
        catalogue.record(track.path, 1, 1, track)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO analyses VALUES (?, 4, NULL, NULL, zeroblob(49 * 8))", (track.id,))
        curves = zlib.compress(struct.pack("<6I6B", 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0) + b"\x02")
        connection.execute("INSERT INTO curves VALUES (?, ?)", (track.id, curves))
    with closing(Catalogue.open(path)) as catalogue:
        columns, failed = catalogue.analysed()
        assert (len(columns.ids), failed, catalogue.analysis(track.id)) == (0, set(), None)
        assert Unanalysed(catalogue, [track.path.parent]).count() == (1, 1)
        assert catalogue.unreadable == 0, "nothing is wrong with them"
        catalogue.record_analysis(track.id, beat_analysis(120))
        assert catalogue.analysis(track.id) == rounded(beat_analysis(120))


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
    migrating._copy = die
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
    make_old(path, 3)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany("INSERT INTO loved VALUES (?)", [(id_of(number),) for number in range(20_000)])
    rows = dump(path)
    result = subprocess.run([sys.executable, "-c", FULL, str(path)], cwd=REPOSITORY, check=True, capture_output=True)
    printed = result.stdout.decode()
    assert printed.startswith(f"The catalogue {path} can't be migrated to this version, and is left as it was (")
    assert printed.count("\n") == 1
    assert files(path) == set()
    assert dump(path) == rows
    with closing(Catalogue.open(path)) as catalogue:
        assert len(catalogue.loved()) == 20_001


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
        assert [track.id for track in catalogue.tracks([ROOT]).values()] == [TRACK]


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
        assert [track.id for track in catalogue.tracks([ROOT]).values()] == [TRACK]


def test_a_damaged_old_catalogue_is_moved_aside(path: Path) -> None:
    make_analysed(path, 50)
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'loved'").fetchone()
    with path.open("r+b") as file:
        file.seek(4096 * (page - 1))
        file.write(b"\xff" * 4096)
    with closing(Catalogue.open(path)) as catalogue:
        assert catalogue.loved() == set()
    assert files(path) == {"c.db.broken-1"}
