"""The database's file: earlier, newer and foreign ones, several programs on one, checks, and damage."""

import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from rtc_drift.library.catalogue import Catalogue
from rtc_drift.library.database import CatalogueError, Database
from rtc_drift.library.file_lock import FileLock
from rtc_drift.library.schema import APPLICATION_ID, PAGE_BYTES, VERSION
from tests.support.old_catalogue import TRACK
from tests.support.server_process import REPOSITORY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "c.db"


def make_present(path: Path) -> None:
    Database.open(path).close()
    path.with_name("c.db.lock").unlink()


def kill_while_open(path: Path) -> None:
    """Write to a catalogue in a process that ends without closing it."""
    script = (
        "import os, sys; from pathlib import Path; from rtc_drift.library.catalogue import Catalogue\n"
        f"Catalogue.open(Path(sys.argv[1])).set_loved({TRACK!r}, True); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], cwd=REPOSITORY, check=True)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def checks(path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Open and close the catalogue. Return what was checked."""
    seen = list[str]()

    class Watched(sqlite3.Connection):
        def execute(self, statement: str, *arguments: object) -> sqlite3.Cursor:
            seen.append(statement)
            return super().execute(statement, *arguments)  # type: ignore[arg-type]

    connect = sqlite3.connect
    with monkeypatch.context() as patch:
        patch.setattr("sqlite3.connect", lambda *args, **kw: connect(*args, factory=Watched, **kw))
        Database.open(path).close()
    return [statement for statement in seen if "quick_check" in statement]


def test_a_new_file_tells_its_version_to_programs_that_only_look_at_its_header(path: Path) -> None:
    make_present(path)
    header = path.read_bytes()[:100]
    assert struct.unpack_from(">H", header, 16) == (PAGE_BYTES,)
    assert struct.unpack_from(">i", header, 60) == (VERSION,)
    assert struct.unpack_from(">i", header, 68) == (APPLICATION_ID,)


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")


def foreign_by_number(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA application_id = 77")


def foreign_by_tables(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE bookmarks (url TEXT); PRAGMA user_version = 2")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (newer, "was written by a newer version of rtc-drift"),
        (foreign_by_number, "is the database of another program"),
        (foreign_by_tables, "is the database of another program"),
    ],
)
def test_what_is_not_ours_is_refused_before_anything_is_written(
    path: Path, change: Callable[[Path], None], sentence: str
) -> None:
    make_present(path)
    change(path)
    if change is newer:
        kill_as_another_program(path)
    before = contents(path.parent)
    for _ in range(2):
        with pytest.raises(CatalogueError, match=sentence):
            Database.open(path)
    after = contents(path.parent)
    after.pop("c.db.lock", None)
    assert after == before


def kill_as_another_program(path: Path) -> None:
    """Leave a write-ahead log behind, which whoever opens the file would write into it."""
    script = (
        "import os, sqlite3, sys; connection = sqlite3.connect(sys.argv[1]);"
        "connection.execute('INSERT INTO loved VALUES (1)'); connection.commit(); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)
    assert path.with_name("c.db-wal").stat().st_size > 0


def test_a_folder_or_pipe_in_its_place_is_refused(path: Path) -> None:
    path.mkdir()
    with pytest.raises(CatalogueError, match="it is not a file"):
        Database.open(path)


def test_several_programs_use_one_catalogue(path: Path) -> None:
    with closing(Catalogue.open(path)) as first, closing(Catalogue.open(path)) as second:
        first.set_loved(TRACK, True)
        assert second.loved() == {TRACK}
        second.close()
        first.set_loved(TRACK, False)


def test_a_catalogue_in_use_is_neither_migrated_nor_moved_aside(path: Path) -> None:
    make_present(path)
    with closing(Database.open(path)):
        path.with_name("c.db.damaged").touch()
        Database.open(path).close()
        assert path.with_name("c.db.damaged").exists(), "it was not checked"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA user_version = 2")
        with pytest.raises(CatalogueError, match="older version, and another program uses it"):
            Database.open(path)


def test_opening_waits_while_another_program_checks(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = FileLock(path.with_name("c.db.lock"))
    assert other.try_alone()
    waits = list[float]()

    def wait(seconds: float) -> None:
        waits.append(seconds)
        other.close()

    monkeypatch.setattr("time.sleep", wait)
    Database.open(path).close()
    assert len(waits) == 1
    other = FileLock(path.with_name("c.db.lock"))
    assert other.try_alone()
    clock = iter(range(0, 10_000, 50))
    monkeypatch.setattr("time.sleep", waits.append)
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with pytest.raises(CatalogueError, match="is being checked by another program"):
        Database.open(path)
    other.close()


def test_the_whole_file_is_checked_after_an_unclean_stop_only(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Database.open(path).close()
    assert len(checks(path, monkeypatch)) == 4, "the small tables"
    assert not any("analyses" in check for check in checks(path, monkeypatch))
    kill_while_open(path)
    assert checks(path, monkeypatch) == ["PRAGMA quick_check(1)"]
    assert len(checks(path, monkeypatch)) == 4
    with closing(Catalogue.open(path)) as catalogue:
        assert catalogue.loved() == {TRACK}


def test_damage_found_while_it_is_used_is_looked_for_at_the_next_start(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(Catalogue.open(path)) as catalogue, catalogue.database.transaction() as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'analyses'").fetchone()
    with path.open("r+b") as file:
        file.seek(PAGE_BYTES * (page - 1))
        file.write(b"\xff" * PAGE_BYTES)
    with closing(Catalogue.open(path)) as catalogue:
        assert catalogue.loved() == set(), "what is not damaged is used"
        for _ in range(3):
            with pytest.raises(CatalogueError):
                catalogue.analysed()
    assert sum("is damaged" in record.message for record in caplog.records) == 1
    assert not list(path.parent.glob("*.broken-*"))
    with closing(Catalogue.open(path)) as catalogue:
        columns, failed = catalogue.analysed()
        assert (len(columns.ids), failed) == (0, set())
    assert [file.name for file in path.parent.glob("*.broken-*")] == ["c.db.broken-1"]
    assert not path.with_name("c.db.damaged").exists()


def test_a_catalogue_is_usable_where_files_cannot_be_locked(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", refuse)
    monkeypatch.setattr("rtc_drift.library.file_lock._warned", set())
    for _ in range(2):
        Database.open(path).close()
    assert sum("can't be locked" in record.message for record in caplog.records) == 1
