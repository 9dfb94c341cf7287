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


async def test_a_reader_can_take_all_items_at_once() -> None:
    broadcast: Broadcast[int] = Broadcast(4)
    with broadcast.reader(4) as reader:
        for number in range(3):
            broadcast.publish(number)
        assert await reader.next_ones() == [0, 1, 2]
        broadcast.publish(3)
        assert await reader.next_ones() == [3]
        for number in range(5):
            broadcast.publish(number)
        with pytest.raises(LaggedError):
            await reader.next_ones()


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


def test_missed_items_are_returned_as_far_as_they_are_kept() -> None:
    broadcast: Broadcast[int] = Broadcast(3)
    for number in range(5):
        broadcast.publish(number)
    assert broadcast.published == 5
    assert broadcast.since(5) == []
    assert broadcast.since(2) == [2, 3, 4]
    assert broadcast.since(1) is None
    assert broadcast.since(6) is None
    with broadcast.reader(3):
        broadcast.forget()
        assert broadcast.since(2) == [2, 3, 4], "there is a reader"
    broadcast.forget()
    assert broadcast.since(4) is None
