"""Keeping the sessions: what is written when, and what happens when it can't be."""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from rtc_drift.engine.protocol.clock import TickClock
from rtc_drift.library.database import CatalogueError, Database
from rtc_drift.session_store import SessionStore, SessionTable
from rtc_drift.sessions import Sessions
from rtc_drift.station.snapshot import SessionRecord
from rtc_drift.station.sources import Sources
from tests.unit.house import EngineDouble, Shelf


class Table(SessionTable):
    """The real one, which also remembers what it was told, and can be out of order."""

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


class LoadingShelf(Shelf):
    """A library that is never done loading."""

    async def wait_until_playable(self) -> None:
        await asyncio.Event().wait()


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    database = Database.open(tmp_path / "catalogue.sqlite")
    yield Table(database)
    database.close()


def make_sessions(shelf: Shelf | None = None) -> Sessions:
    library = shelf or Shelf()
    return Sessions(library, Sources(library), TickClock(0), EngineDouble().send)  # type: ignore[arg-type]


async def started(table: Table, shelf: Shelf | None = None) -> tuple[Sessions, SessionStore]:
    sessions = make_sessions(shelf)
    keeper = SessionStore(sessions, table)
    await keeper.load()
    sessions.start()
    await settle()
    return sessions, keeper


async def settle() -> None:
    """Let the stations' tasks do what is due."""
    for _ in range(4):
        await asyncio.sleep(0)


async def test_only_what_has_changed_is_written_and_its_history_only_when_that_has(table: Table) -> None:
    sessions, keeper = await started(table)
    for name in ("kitchen", "attic"):
        await sessions.create(name, starting_track="track 3")
    follower = sessions.follow("kitchen").id
    await settle()
    await keeper.save()
    assert set(table.written[-1]) == {"master", "kitchen", "attic", follower}
    assert table.written[-1]["kitchen"].history is not None
    assert table.written[-1][follower].state is None
    for _ in range(3):
        await keeper.save()
    assert len(table.written) == 1, "nothing has happened"
    sessions["kitchen"].station.commands.enqueue(f"{5:016x}")
    await settle()
    await keeper.save()
    assert set(table.written[-1]) == {"kitchen"}
    assert table.written[-1]["kitchen"].history is None
    sessions["kitchen"].station.commands.next_track()
    await keeper.save()
    history = table.written[-1]["kitchen"].history
    assert history is not None
    assert f"{5:016x}" in history
    await sessions.close()


async def test_what_is_deleted_is_forgotten_even_if_its_name_is_taken_again(table: Table) -> None:
    sessions, keeper = await started(table)
    await sessions.create("kitchen", starting_track="track 3")
    sessions.follow("kitchen")
    await keeper.save()
    await sessions.delete("kitchen")
    await keeper.save()
    assert [each.id for each in table.load()] == ["master"]
    await sessions.create("kitchen", starting_track="track 4")
    await keeper.save()
    await sessions.delete("kitchen")
    await sessions.create("kitchen", starting_track="track 5")
    await keeper.save()
    (kitchen,) = (each for each in table.load() if each.id == "kitchen")
    assert kitchen.history == '{"heard":["0000000000000005"],"trail":["0000000000000005"]}'
    await sessions.close()


async def test_when_it_fails_it_is_said_once_counted_and_tried_again(
    table: Table, caplog: pytest.LogCaptureFixture
) -> None:
    sessions, keeper = await started(table)
    await sessions.create("kitchen", starting_track="track 3")
    await keeper.save()
    await sessions.create("attic")
    await sessions.delete("kitchen")
    table.broken = True
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            await keeper.save()
    assert keeper.failures == 3
    assert len(caplog.records) == 1
    assert "The disk is on fire." in caplog.text
    table.broken = False
    await keeper.save()
    assert {each.id for each in table.load()} == {"master", "attic"}
    await sessions.close()


async def test_what_cannot_be_read_leaves_the_master(table: Table) -> None:
    table.broken = True
    sessions, keeper = await started(table)
    assert set(sessions) == {"master"}
    assert keeper.failures == 1
    await sessions.close()


async def test_what_is_not_gone_on_from_yet_is_not_written_over(table: Table) -> None:
    sessions, keeper = await started(table)
    await sessions.create("kitchen", starting_track="track 3")
    await keeper.save()
    before = table.load()
    await sessions.close()
    sessions, keeper = await started(table, LoadingShelf())
    assert set(sessions) == {"master", "kitchen"}
    await keeper.save()
    assert table.load() == before, "the library is still loading"
    await sessions.close()


async def test_it_saves_once_more_when_it_is_closed(table: Table) -> None:
    sessions, keeper = await started(table)
    keeper.start()
    await sessions.create("kitchen")
    await keeper.close()
    assert {each.id for each in table.load()} == {"master", "kitchen"}
    await sessions.create("attic")
    await keeper.close()
    assert len(table.written) == 1, "it is closed already"
    await sessions.close()
