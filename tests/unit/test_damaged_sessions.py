"""Damaged sessions in the table: each begins anew or is closed, and the others are exactly as they were."""

import json
import logging
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rtc_drift.library.database import Database
from rtc_drift.library.storage import Storage
from rtc_drift.session_store import SessionStore, SessionTable
from rtc_drift.sessions import Sessions
from tests.support.session_registry import make_sessions, run_due_tasks

KEY = "ab" * 32


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database.open(tmp_path / "catalogue.sqlite")) as opened:
        yield opened


def execute(database: Database, statement: str, *arguments: object) -> None:
    with database.transaction() as connection:
        connection.execute(statement, arguments)


async def started(database: Database) -> tuple[Sessions, SessionStore]:
    """Start a registry with the sessions in the table."""
    sessions = make_sessions()
    store = SessionStore(sessions, SessionTable(database), Storage())
    await store.load()
    sessions.start()
    await run_due_tasks()
    return sessions, store


async def fill(database: Database) -> str:
    """Save two sessions with queues, each with a follower, and the master. Return the id of the first's follower."""
    sessions, store = await started(database)
    for number, name in enumerate(("attic", "kitchen")):
        session = await sessions.create(name, starting_track=f"track {number + 2}")
        session.station.commands.enqueue(f"{number + 6:016x}")
        session.lock = KEY
    follower = sessions.follow("attic", "One").id
    sessions.follow("kitchen", "Two")
    sessions.master.station.commands.enqueue(f"{9:016x}")
    await run_due_tasks()
    await store.save()
    await sessions.close()
    return follower


def shown(sessions: Sessions, name: str) -> dict[str, Any]:
    """Return what is saved of a session."""
    found = sessions[name]
    state: dict[str, Any] = json.loads(found.state(allow_commands=True).model_dump_json(exclude={"followers"}))
    history = found.station.autodj.journey.history
    return state | {"dates": (found.created, found.last_access), "lock": found.lock, "history": history}


DAMAGE: dict[str, tuple[str, object]] = {
    "half": ("state", '{"media_time":'),
    "nothing": ("state", None),
    "numbers": ("state", 1.5),
    "bytes": ("state", b"\x00\xff"),
    "no text": ("state", "CAST(x'ff7b' AS TEXT)"),
    "deep": ("state", "[" * 200_000),
    "50 MB": ("state", "x" * 50_000_000),
    "no number": ("state", '{"media_time":NaN,"entries":[]}'),
    "history": ("history", '{"heard":[1]}'),
    "long history": ("history", json.dumps({"heard": ["x"] * 500_000})),
}


@pytest.mark.parametrize("kind", DAMAGE)
async def test_a_damaged_state_costs_that_session_alone(
    database: Database, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    follower = await fill(database)
    sessions, _ = await started(database)
    kitchen, master = shown(sessions, "kitchen"), shown(sessions, "master")
    await sessions.close()
    column, value = DAMAGE[kind]
    written = value if isinstance(value, str) and value.startswith("CAST") else "?"
    execute(
        database, f"UPDATE sessions SET {column} = {written} WHERE id = 'attic'", *([value] if written == "?" else [])
    )
    with caplog.at_level(logging.WARNING):
        sessions, store = await started(database)
    assert (shown(sessions, "kitchen"), shown(sessions, "master")) == (kitchen, master)
    attic = sessions["attic"]
    assert (attic.lock, attic.type, attic.station.autodj.journey.queue) == (KEY, "named", ()), "it is still locked"
    assert attic.station.autodj.now_playing() is not None
    assert (sessions[follower].following, sessions[follower].name) == ("attic", "One")
    assert len(sessions) == 5
    assert store.failures == 1
    assert [record.message for record in caplog.records] == [
        "Of 5 saved sessions, 1 are damaged: they begin anew, or are closed if they may have had a key."
    ]
    await store.save()
    await sessions.close()
    sessions, store = await started(database)
    assert store.failures == 0, "it was saved anew"
    await sessions.close()


@pytest.mark.parametrize(
    ("statement", "left"),
    [
        ("UPDATE sessions SET lock = 'half' WHERE id = 'attic'", {"master", "kitchen"}),
        ("UPDATE sessions SET lock = CAST(x'ff' AS TEXT) WHERE id = 'attic'", {"master", "kitchen"}),
        ("UPDATE sessions SET lock = hex(zeroblob(100000)) WHERE id = 'attic'", {"master", "kitchen"}),
        ("UPDATE sessions SET id = 'ATTIC' WHERE id = 'attic'", {"master", "kitchen"}),
        ("UPDATE sessions SET id = 'api' WHERE id = 'attic'", {"master", "kitchen"}),
        ("UPDATE sessions SET id = CAST(x'ff' AS TEXT) WHERE id = 'attic'", {"master", "kitchen"}),
        ("UPDATE sessions SET id = hex(zeroblob(1000000)) WHERE id = 'attic'", {"master", "kitchen"}),
        ("DELETE FROM sessions WHERE id = 'attic'", {"master", "kitchen"}),
        ("UPDATE sessions SET following = 'kitchen' WHERE id = 'attic'", {"master", "kitchen"}),
        ("UPDATE sessions SET following = id WHERE following = 'attic'", {"master", "kitchen", "attic"}),
        ("UPDATE sessions SET following = 'nobody' WHERE following = 'attic'", {"master", "kitchen", "attic"}),
        ("UPDATE sessions SET following = x'00' WHERE following = 'attic'", {"master", "kitchen", "attic"}),
        ("UPDATE sessions SET id = 'follower_' WHERE following = 'attic'", {"master", "kitchen", "attic"}),
        ("INSERT INTO sessions SELECT 'MASTER', NULL, 'x', '', '', NULL, state, '' FROM sessions LIMIT 1", None),
        ("UPDATE sessions SET following = 'attic' WHERE id = 'master'", None),
        ("UPDATE sessions SET created = 'then', last_access = x'ff'", None),
        ("UPDATE sessions SET created = '9999-12-31T23:59:59-12:00', last_access = '0001-01-01T00:00:00+14:00'", None),
        ("UPDATE sessions SET created = '2999-01-01T00:00:00', last_access = '1970-01-01T00:00:00+00:00'", None),
        ("UPDATE sessions SET name = hex(zeroblob(100000))", None),
    ],
)
async def test_damaged_records_cost_no_other_session(database: Database, statement: str, left: set[str] | None) -> None:
    await fill(database)
    sessions, _ = await started(database)
    before = {name: shown(sessions, name) for name in ("kitchen", "attic")}
    everybody = set(sessions)
    await sessions.close()
    execute(database, statement)
    sessions, store = await started(database)
    leaders = {session.id for session in sessions.values() if session.following is None}
    assert leaders == (left or {"master", "kitchen", "attic"})
    assert left is not None or set(sessions) == everybody
    for name, was in before.items():
        if name in sessions and "created" not in statement:
            assert shown(sessions, name) == was
    for session in sessions.values():
        assert session.created.tzinfo is session.last_access.tzinfo is UTC
        json.dumps([session.created.isoformat(), session.state(allow_commands=False).model_dump(mode="json")])
        assert session.may_command(None) == (session.id == "master")
        assert len(session.name) <= 100
    await store.save()
    assert {record.id for record in SessionTable(database).load()} == set(sessions), "what is left out is forgotten"
    await sessions.close()
    sessions, store = await started(database)
    assert store.failures == 0
    await sessions.close()


async def test_dates_in_the_future_stay_until_they_are_the_past(database: Database) -> None:
    await fill(database)
    execute(database, "UPDATE sessions SET created = '2999-01-01T00:00:00+00:00' WHERE id = 'attic'")
    sessions, store = await started(database)
    assert sessions["attic"].created == datetime(2999, 1, 1, tzinfo=UTC), "it may be now that the clock is wrong"
    await sessions.sweep()
    assert "attic" in sessions, "nobody counts by the time of the day how long it was unused"
    await store.save()
    await sessions.close()
