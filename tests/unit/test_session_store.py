"""The session store: what is saved when, and failures of the database."""

import asyncio
import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from rtc_drift.library.database import CatalogueError, Database
from rtc_drift.library.storage import Storage
from rtc_drift.session_store import LOG_AGAIN_SECONDS, SessionStore, SessionTable
from rtc_drift.sessions import Sessions
from rtc_drift.station.snapshot import SessionRecord
from tests.support.fakes import FakeLibrary
from tests.support.session_registry import make_sessions, run_due_tasks


class RecordingTable(SessionTable):
    """The real table, which also records what is saved, and may be made to fail."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.written: list[dict[str, SessionRecord]] = []
        self.broken = False

    def load(self) -> list[SessionRecord]:
        if self.broken:
            raise CatalogueError("The disk is on fire.")
        return super().load()

    def save(self, records: Sequence[SessionRecord], gone: Iterable[str]) -> None:
        if self.broken:
            raise CatalogueError("The disk is on fire.")
        super().save(records, gone)
        self.written.append({record.id: record for record in records})


class LoadingLibrary(FakeLibrary):
    """A library that never has playable tracks."""

    async def wait_until_playable(self) -> None:
        await asyncio.Event().wait()


@pytest.fixture
def table(tmp_path: Path) -> Iterator[RecordingTable]:
    database = Database.open(tmp_path / "catalogue.sqlite")
    yield RecordingTable(database)
    database.close()


async def started(table: RecordingTable, library: FakeLibrary | None = None) -> tuple[Sessions, SessionStore]:
    """Start a registry with the sessions in the table."""
    sessions = make_sessions(library=library)
    store = SessionStore(sessions, table, Storage())
    await store.load()
    sessions.start()
    await run_due_tasks()
    return sessions, store


async def test_only_changed_sessions_and_histories_are_saved(table: RecordingTable) -> None:
    sessions, store = await started(table)
    for name in ("kitchen", "attic"):
        await sessions.create(name, starting_track="track 3")
    follower = sessions.follow("kitchen").id
    await run_due_tasks()
    await store.save()
    assert set(table.written[-1]) == {"master", "kitchen", "attic", follower}
    assert table.written[-1]["kitchen"].history is not None
    assert table.written[-1][follower].state is None
    for _ in range(3):
        await store.save()
    assert len(table.written) == 1, "nothing has happened"
    sessions["kitchen"].station.commands.enqueue(f"{5:016x}")
    await run_due_tasks()
    await store.save()
    assert set(table.written[-1]) == {"kitchen"}
    assert table.written[-1]["kitchen"].history is None
    sessions["kitchen"].station.commands.next_track()
    await store.save()
    history = table.written[-1]["kitchen"].history
    assert history is not None
    assert f"{5:016x}" in history
    await sessions.close()


async def test_a_deleted_session_is_forgotten_even_if_its_name_is_reused(table: RecordingTable) -> None:
    sessions, store = await started(table)
    await sessions.create("kitchen", starting_track="track 3")
    sessions.follow("kitchen")
    await store.save()
    await sessions.delete("kitchen")
    await store.save()
    assert [each.id for each in table.load()] == ["master"]
    await sessions.create("kitchen", starting_track="track 4")
    await store.save()
    await sessions.delete("kitchen")
    await sessions.create("kitchen", starting_track="track 5")
    await store.save()
    (kitchen,) = (each for each in table.load() if each.id == "kitchen")
    assert kitchen.history == '{"heard":["0000000000000005"],"trail":["0000000000000005"],"starts":[]}'
    await sessions.close()


async def test_a_failure_is_logged_once_counted_and_retried(
    table: RecordingTable, caplog: pytest.LogCaptureFixture
) -> None:
    sessions, store = await started(table)
    await sessions.create("kitchen", starting_track="track 3")
    await store.save()
    await sessions.create("attic")
    await sessions.delete("kitchen")
    table.broken = True
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            await store.save()
    assert store.failures == 3
    assert len(caplog.records) == 1
    assert "The disk is on fire." in caplog.text
    table.broken = False
    for _ in range(3):
        await store.save()
        await sessions.create(f"room-{store.failures}-{len(sessions)}")
    assert {each.id for each in table.load()} >= {"master", "attic"}
    assert [record.message for record in caplog.records][1:] == ["The sessions are saved again."]
    await sessions.close()


async def test_a_disk_that_fails_now_and_then_fills_no_log(
    table: RecordingTable, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions, store = await started(table)
    time = asyncio.get_running_loop().time
    jump = 0.0
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: time() + jump)
    for number in range(20):
        table.broken = number % 2 == 0
        sessions.master.station.commands.enqueue(f"{5:016x}")
        await store.save()
    assert store.failures == 10
    assert len(caplog.records) == 2
    jump, table.broken = LOG_AGAIN_SECONDS + 1, True
    sessions.master.station.commands.enqueue(f"{5:016x}")
    await store.save()
    assert len(caplog.records) == 3
    await sessions.close()


async def test_unreadable_sessions_leave_the_master(table: RecordingTable) -> None:
    table.broken = True
    sessions, store = await started(table)
    assert set(sessions) == {"master"}
    assert store.failures == 1
    await sessions.close()


async def test_sessions_not_restored_yet_are_not_overwritten(table: RecordingTable) -> None:
    sessions, store = await started(table)
    await sessions.create("kitchen", starting_track="track 3")
    await store.save()
    before = table.load()
    await sessions.close()
    sessions, store = await started(table, LoadingLibrary())
    assert set(sessions) == {"master", "kitchen"}
    await store.save()
    assert table.load() == before, "the library is still loading"
    await sessions.close()


async def test_closing_saves_once_more(table: RecordingTable) -> None:
    sessions, store = await started(table)
    store.start()
    await sessions.create("kitchen")
    await store.close()
    assert {each.id for each in table.load()} == {"master", "kitchen"}
    assert store.is_saved
    await sessions.create("attic")
    await store.close()
    assert len(table.written) == 1, "it is closed already"
    await sessions.close()


async def test_closing_does_not_wait_long_for_a_disk_that_hangs(
    table: RecordingTable, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtc_drift.session_store.LAST_SAVE_SECONDS", 0.05)
    monkeypatch.setattr("rtc_drift.library.storage.CLOSE_SECONDS", 0.05)
    sessions, store = await started(table)
    storage, answers = store._storage, threading.Event()
    assert store.is_saved, "nothing has begun"
    store.start()
    assert not store.is_saved
    hung = storage.start(answers.wait)
    await sessions.create("kitchen")
    await store.close()
    assert not store.is_saved
    assert (store.failures, "does not answer" in caplog.text) == (1, True)
    await storage.close()
    assert not hung.done()
    answers.set()
    await sessions.close()
