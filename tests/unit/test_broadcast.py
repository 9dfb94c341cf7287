"""The broadcast: one writer and many readers, bounded, at the live edge, without waiting for each other."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_drift.broadcast import Broadcast, BroadcastEndedError, LaggedError


async def test_a_reader_starts_at_the_live_edge_and_waits() -> None:
    broadcast: Broadcast[int] = Broadcast(8)
    broadcast.publish(1)
    with broadcast.reader(4) as reader:
        waiting = asyncio.create_task(reader.next())
        await asyncio.sleep(0)
        assert not waiting.done()
        broadcast.publish(2)
        assert await waiting == 2


async def test_a_lagging_reader_continues_with_the_newest() -> None:
    broadcast: Broadcast[int] = Broadcast(8)
    with broadcast.reader(4) as reader:
        for number in range(4):
            broadcast.publish(number)
        assert [await reader.next() for _ in range(4)] == [0, 1, 2, 3]
        for number in range(100):
            broadcast.publish(number)
        assert await reader.next() == 99
        assert reader.skipped == 99


async def test_a_lagging_reader_in_order_raises() -> None:
    broadcast: Broadcast[int] = Broadcast(8)
    with broadcast.reader(8) as reader:
        for number in range(8):
            broadcast.publish(number)
        assert await reader.next_in_order() == 0
        broadcast.publish(8)
        broadcast.publish(9)
        with pytest.raises(LaggedError):
            await reader.next_in_order()


async def test_a_cancelled_read_loses_nothing() -> None:
    broadcast: Broadcast[int] = Broadcast(8)
    with broadcast.reader(4) as first, broadcast.reader(4) as second:
        tasks = [asyncio.create_task(first.next()), asyncio.create_task(second.next())]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.sleep(0)
        broadcast.publish(7)
        assert await tasks[1] == 7
        assert await first.next() == 7


async def test_the_end_comes_after_what_was_published() -> None:
    broadcast: Broadcast[int] = Broadcast(8)
    with broadcast.reader(4) as reader:
        broadcast.publish(1)
        broadcast.end()
        assert await reader.next() == 1
        with pytest.raises(BroadcastEndedError):
            await reader.next()


def test_hurried_and_patient_readers_are_counted() -> None:
    counts: list[tuple[int, int]] = []
    broadcast: Broadcast[int] = Broadcast(8, lambda: counts.append((broadcast.readers, broadcast.hurried_readers)))
    hurried, patient = broadcast.reader(4), broadcast.reader(4, patient=True)
    hurried.close()
    hurried.close()
    patient.close()
    assert counts == [(1, 1), (2, 1), (1, 0), (0, 0)]


@given(st.lists(st.one_of(st.integers(1, 6), st.just(0)), max_size=40), st.integers(1, 6))
def test_readers_get_items_in_order_and_never_old_ones(steps: list[int], max_lag: int) -> None:
    async def run() -> None:
        broadcast: Broadcast[int] = Broadcast(16)
        published, seen = 0, -1
        with broadcast.reader(max_lag) as reader:
            for step in steps:
                for _ in range(step):
                    broadcast.publish(published)
                    published += 1
                if step == 0 and seen < published - 1:
                    number = await reader.next()
                    assert number > seen
                    assert published - number <= max_lag
                    seen = number
            assert seen + 1 <= published

    asyncio.run(run())


async def test_a_reader_can_take_what_is_there_without_waiting() -> None:
    broadcast: Broadcast[int] = Broadcast(4)
    with broadcast.reader(4) as reader:
        assert reader.take_if(lambda _: True) is None, "there is nothing yet"
        for number in range(3):
            broadcast.publish(number)
        assert reader.unread == 3
        assert [reader.take_if(lambda it: it < 2) for _ in range(3)] == [0, 1, None]
        assert await reader.next_in_order() == 2, "what was not wanted is still there"
        for number in range(5):
            broadcast.publish(number)
        with pytest.raises(LaggedError):
            reader.take_if(lambda _: True)


async def test_one_reader_can_be_ended_alone() -> None:
    broadcast: Broadcast[int] = Broadcast(4)
    with broadcast.reader(4) as one, broadcast.reader(4) as other:
        waiting = asyncio.create_task(one.next_in_order())
        await asyncio.sleep(0)
        one.end()
        one.end()
        with pytest.raises(BroadcastEndedError):
            await waiting
        broadcast.publish(1)
        assert await other.next() == 1
        assert await one.next() == 1, "it still gets what was published"
        with pytest.raises(BroadcastEndedError):
            await one.next()


async def test_a_reader_can_begin_after_any_item_that_is_kept() -> None:
    broadcast: Broadcast[int] = Broadcast(3)
    for number in range(5):
        broadcast.publish(number)
    assert broadcast.published == 5
    assert [broadcast.keeps(number) for number in (1, 2, 5, 6)] == [False, True, True, False]
    with broadcast.reader(3, after=2) as reader:
        broadcast.forget()
        assert broadcast.keeps(2), "there is a reader"
        assert [await reader.next_in_order() for _ in range(3)] == [2, 3, 4]
    broadcast.forget()
    assert [broadcast.keeps(number) for number in (4, 5)] == [False, True]


async def test_the_items_kept_are_bounded_by_size_too() -> None:
    broadcast: Broadcast[bytes] = Broadcast(100, max_size=10, size_of=len)
    with broadcast.reader(100) as reader:
        for size in (4, 4, 4, 2):
            broadcast.publish(bytes(size))
        assert [broadcast.keeps(number) for number in (0, 1)] == [False, True], "4 + 4 + 2 fit"
        with pytest.raises(LaggedError):
            await reader.next_in_order()
        broadcast.publish(bytes(50))
        assert [broadcast.keeps(number) for number in (3, 4)] == [False, True], "the last is always kept"
    broadcast.forget()
    for _ in range(3):
        broadcast.publish(bytes(3))
    assert broadcast.keeps(5), "what was forgotten no longer counts"
