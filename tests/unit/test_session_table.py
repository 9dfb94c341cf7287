"""The session table, on real SQLite files."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rtc_drift.library.database import CatalogueError, Database
from rtc_drift.session_store import SessionTable
from rtc_drift.station.snapshot import SessionRecord


def record(name: str, **changes: str | None) -> SessionRecord:
    fields: dict[str, str | None] = {"following": None, "lock": None, "state": "{}", "history": '{"heard": []}'}
    fields |= changes
    return SessionRecord(id=name, name=name, created="2026-01-01", last_access="2026-01-01", **fields)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalogue.sqlite"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    opened = Database.open(path)
    yield opened
    opened.close()


def by_id(database: Database) -> dict[str, SessionRecord]:
    return {each.id: each for each in SessionTable(database).load()}


def test_saved_sessions_are_there_after_a_restart(path: Path, database: Database) -> None:
    records = [
        record("kitchen", lock="5e88", history=None),
        record("attic", state='{"title": "Übermut – “живой”"}'),
        record("follower_a", following="kitchen", state=None),
    ]
    SessionTable(database).save(records, gone=[])
    database.close()
    again = Database.open(path)
    assert by_id(again) == {each.id: each for each in records}
    again.close()


def test_saving_replaces_a_session_but_keeps_the_history_if_none_is_given(database: Database) -> None:
    store = SessionTable(database)
    store.save([record("kitchen", history="long"), record("attic")], gone=[])
    changed = replace(record("kitchen", lock="5e88", state="{1}", history=None), name="K", last_access="2026-02-02")
    store.save([changed], gone=[])
    assert by_id(database) == {"kitchen": replace(changed, history="long"), "attic": record("attic")}
    store.save([replace(changed, history="longer")], gone=[])
    assert by_id(database)["kitchen"].history == "longer"


def test_a_removed_session_is_forgotten_and_may_be_created_again(database: Database) -> None:
    store = SessionTable(database)
    store.save([record("kitchen", history="old"), record("attic")], gone=[])
    store.save([], gone=["attic", "nobody"])
    assert set(by_id(database)) == {"kitchen"}
    store.save([record("kitchen", history=None)], gone=["kitchen"])
    assert by_id(database)["kitchen"].history is None, "it is another session of that name"


def test_sessions_are_loaded_in_order_of_creation(database: Database) -> None:
    records = [replace(record(name), created=f"2026-01-0{day}") for name, day in (("b", 3), ("c", 1), ("a", 2))]
    SessionTable(database).save(records, gone=[])
    assert [each.id for each in SessionTable(database).load()] == ["c", "a", "b"]


def test_saving_is_atomic(database: Database) -> None:
    store = SessionTable(database)
    store.save([record("kitchen")], gone=[])
    impossible = replace(record("attic"), created=None)  # type: ignore[arg-type]
    with pytest.raises(CatalogueError):
        store.save([record("kitchen", state="{1}"), impossible], gone=["kitchen"])
    assert by_id(database) == {"kitchen": record("kitchen")}


def test_a_damaged_database_is_replaced_by_an_empty_one(path: Path, database: Database) -> None:
    SessionTable(database).save([record("kitchen")], gone=[])
    database.close()
    pages = bytearray(path.read_bytes())
    pages[4096:] = b"\xff" * (len(pages) - 4096)
    path.write_bytes(pages)
    again = Database.open(path)
    assert by_id(again) == {}
    SessionTable(again).save([record("attic")], gone=[])
    assert set(by_id(again)) == {"attic"}
    again.close()


def test_a_missing_table_or_closed_database_raises_one_sentence(path: Path, database: Database) -> None:
    store = SessionTable(database)
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE sessions")
    connection.close()
    for _ in range(2):
        with pytest.raises(CatalogueError, match=r"can't be used .*\.$"):
            store.load()
        with pytest.raises(CatalogueError, match=r"can't be used .*\.$"):
            store.save([record("kitchen")], gone=[])
        database.close()
