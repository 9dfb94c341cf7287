"""The thread for the database, whose disk may hang."""

import threading

import pytest

from rtc_drift.library.catalogue import CatalogueError
from rtc_drift.library.storage import Storage
from tests.support.waiting import until


async def test_who_waits_for_a_disk_that_hangs_gets_an_error_and_calls_do_not_pile_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rtc_drift.library.storage.PATIENCE_SECONDS", 0.02)
    monkeypatch.setattr("rtc_drift.library.storage.CLOSE_SECONDS", 0.02)
    monkeypatch.setattr("rtc_drift.library.storage.MAX_UNFINISHED", 3)
    storage, answers = Storage(), threading.Event()
    hung = storage.start(answers.wait)
    for _ in range(2):
        with pytest.raises(CatalogueError, match="does not answer"):
            await storage.run_soon(abs, -1)
    with pytest.raises(CatalogueError, match="does not answer"):
        await storage.run(abs, -1)
    assert storage.is_busy
    await storage.close()
    answers.set()
    await hung
    await until(lambda: not storage.is_busy)
    with pytest.raises(CatalogueError, match="closed"):
        storage.start(abs, -1)


async def test_closing_waits_for_calls_before_it() -> None:
    storage, done = Storage(), list[int]()
    for number in range(3):
        storage.start(done.append, number)
    await storage.close(lambda: done.append(3))
    await storage.close()
    assert done == [0, 1, 2, 3]
    assert not storage.is_busy
