"""Search as people type: an index that follows the library, in threads of its own."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from rtc_drift.library import search as search_module
from rtc_drift.library.search import MAX_AGE_SECONDS, MAX_WAITING, PAUSE_FACTOR, Search, SearchBusyError
from rtc_drift.library.text_index import TextIndex
from rtc_drift.library.track_table import TrackTable
from rtc_drift.library.track_texts import TrackTexts
from tests.support.music import make_track
from tests.support.waiting import until


class SearchedLibrary:
    """A library whose search is tested, on a clock that tests move."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.build_seconds = 0.0
        self.count = self.changes = 3
        self.builds = 0
        self.gate = threading.Event()
        """Building waits for it."""
        self.gate.set()
        self.failure: Exception | None = None
        self.search = Search(self.texts, lambda: self.changes, clock=lambda: self.now)
        monkeypatch.setattr("rtc_drift.library.search.TextIndex", self)

    def texts(self) -> TrackTexts:
        return TrackTable(make_track(number) for number in range(1, self.count + 1)).texts()

    def of(self, texts: TrackTexts, pause: Callable[[], None]) -> TextIndex:
        """Build an index in place of `TextIndex.of`."""
        assert threading.current_thread() is not threading.main_thread()
        self.builds += 1
        assert self.gate.wait(10)
        if self.failure is not None:
            raise self.failure
        self.now += self.build_seconds
        return TextIndex.of(texts, pause)

    def add(self, count: int = 1) -> None:
        self.count += count
        self.changes += count

    async def total(self, query: str = "track") -> int:
        return (await self.search.find(query, limit=5)).total


@pytest.fixture
async def small(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SearchedLibrary]:
    async with closed_later(SearchedLibrary(monkeypatch)) as library:
        yield library


@pytest.fixture
async def large(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SearchedLibrary]:
    monkeypatch.setattr("rtc_drift.library.search.SMALL", 0)
    async with closed_later(SearchedLibrary(monkeypatch)) as library:
        library.build_seconds = 1.0
        yield library


@asynccontextmanager
async def closed_later(library: SearchedLibrary) -> AsyncIterator[SearchedLibrary]:
    yield library
    library.gate.set()
    await library.search.close()
    await library.search.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_small_library_is_searched_as_it_is(small: SearchedLibrary) -> None:
    for _ in range(3):
        assert await small.total() == small.count
        assert await small.total("3") == 1
        small.add()
    assert small.builds == 3
    small.gate.clear()
    early = asyncio.create_task(small.total())
    await until(lambda: small.builds == 4, interval_seconds=0.001)
    small.add()  # the build on its way lacks it
    late = asyncio.create_task(small.total())
    await asyncio.sleep(0)
    small.gate.set()
    assert (await early, await late) == (6, 7)


async def test_the_previous_index_answers_while_a_large_one_is_built(large: SearchedLibrary) -> None:
    assert await large.total() == 3
    large.now += PAUSE_FACTOR
    large.add()
    large.gate.clear()
    for _ in range(3):
        assert await large.total() == 3
    large.gate.set()
    await until(lambda: large.now > PAUSE_FACTOR + 1, interval_seconds=0.001)
    await asyncio.sleep(0)
    await until(lambda: large.search._building.done(), interval_seconds=0.001)  # type: ignore[union-attr]
    assert await large.total() == 4
    assert large.builds == 2


async def test_building_takes_a_tenth_of_the_time(large: SearchedLibrary) -> None:
    assert await large.total() == 3
    large.add()
    large.now += PAUSE_FACTOR - 0.1
    assert await large.total() == 3
    assert large.builds == 1
    large.now += 0.2
    assert await large.total() == 3
    await until(lambda: large.builds == 2, interval_seconds=0.001)


async def test_changes_are_waited_for_if_the_index_is_old(large: SearchedLibrary) -> None:
    assert await large.total() == 3
    large.add()
    large.now += MAX_AGE_SECONDS
    assert await large.total() == 4


async def test_few_searches_may_wait_and_those_given_up_leave_their_place(small: SearchedLibrary) -> None:
    small.gate.clear()
    waiting = [asyncio.create_task(small.total()) for _ in range(MAX_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(SearchBusyError):
        await small.total()
    waiting.pop().cancel()
    await asyncio.sleep(0)
    waiting.append(asyncio.create_task(small.total()))
    await asyncio.sleep(0)
    small.gate.set()
    assert await asyncio.gather(*waiting) == [3] * MAX_WAITING
    assert small.builds == 1


async def test_an_index_that_cannot_be_built_leaves_the_previous_one(
    small: SearchedLibrary, caplog: pytest.LogCaptureFixture
) -> None:
    small.failure = MemoryError("no memory")
    with pytest.raises(MemoryError):
        await small.total()
    small.failure = None
    assert await small.total() == 3
    small.add()
    small.failure = MemoryError("no memory")
    assert await small.total() == 3
    assert "The search index can't be built" in caplog.text
    small.failure = None
    assert await small.total() == 4


async def test_searching_leaves_the_event_loop_free(small: SearchedLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    await small.total()
    threads = list[threading.Thread]()
    find = TextIndex.find

    def noted(index: TextIndex, *args: Any) -> Any:
        threads.append(threading.current_thread())
        return find(index, *args)

    monkeypatch.setattr(TextIndex, "find", noted)
    await small.total()
    assert threads
    assert threading.main_thread() not in threads


@pytest.mark.parametrize("query", ["beyonce", "BEYONCÉ", "sigur ros", "ζωη", "東京", "strasse"])
async def test_accents_and_capitals_make_no_difference(query: str) -> None:
    names = ("Beyoncé", "Sigur Rós – Ágætis byrjun", "Ζωή", "東京事変", "Straße")
    tracks = tuple(make_track(n).model_copy(update={"title": name}) for n, name in enumerate(names, 1))
    search = search_module.Search(lambda: TrackTable(tracks).texts(), lambda: 1)
    assert (await search.find(query, limit=5)).total == 1
    await search.close()
