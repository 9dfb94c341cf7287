"""The event hub: events are numbered, encoded once, bounded and replayed."""

import asyncio
import json
import re

import pytest

from rtc_drift.station.event_hub import EventHub, EventReader, SlowReaderError
from rtc_drift.station.events import Event, Heartbeat, SessionEnded


def heartbeat(number: int) -> Event:
    return Heartbeat(session_id="master", media_time=number, running=True)


def times(frames: bytes | None) -> list[int]:
    """Return the media times of all events in some frames."""
    assert frames is not None
    return [json.loads(line[6:])["mediaTime"] for line in frames.decode().splitlines() if line.startswith("data: ")]


def ids(frames: bytes) -> list[str]:
    return re.findall("^id: (.*)$", frames.decode(), re.MULTILINE)


def filled(capacity: int, count: int) -> EventHub:
    hub = EventHub("life", capacity)
    for number in range(1, count + 1):
        hub.publish(heartbeat(number))
    return hub


def missed(hub: EventHub, last: str) -> list[int]:
    frames = hub.missed(last)
    assert frames is not None
    return times(b"".join(frames))


def test_missed_events_are_replayed() -> None:
    hub = filled(4, 6)
    assert hub.last_id == "life-6"
    assert missed(hub, "life-4") == [5, 6]
    assert missed(hub, "life-2") == [3, 4, 5, 6]
    assert missed(hub, "life-6") == []


@pytest.mark.parametrize("last", ["", "life-1", "life-7", "life-x", "other-3", "life", "life-²", "life-" + "9" * 5_000])
def test_an_unknown_id_gives_nothing_to_replay(last: str) -> None:
    assert filled(4, 6).missed(last) is None


async def test_a_slow_reader_is_cut_off_and_can_return() -> None:
    hub = EventHub("life", 3)
    with hub.reader() as slow, hub.reader() as quick:
        for number in range(1, 4):
            hub.publish(heartbeat(number))
            assert times(await quick.next()) == [number]
        received = await slow.next()
        assert times(received) == [1, 2, 3], "as many as the bound, at once"
        for number in range(4, 8):
            hub.publish(heartbeat(number))
            await quick.next()
        with pytest.raises(SlowReaderError):
            await slow.next()
        assert (hub.readers, hub.cut_off) == (2, 1)
    assert hub.readers == 0
    assert missed(hub, "life-4") == [5, 6, 7]
    assert received is not None
    assert ids(received) == ["life-1", "life-2", "life-3"]


async def test_readers_start_at_the_live_edge_and_share_the_same_bytes() -> None:
    hub = filled(8, 2)
    with hub.reader() as one, hub.reader() as two:
        hub.publish(heartbeat(3))
        first, second = await one.next(), await two.next()
        assert first == second
        assert times(first) == [3]
    assert hub.missed("life-2") == [first]


async def read_to_the_end(reader: EventReader) -> list[bytes]:
    frames = []
    while (more := await reader.next()) is not None:
        frames.append(more)
    return frames


async def test_the_end_comes_after_all_events() -> None:
    hub = EventHub("life")
    with hub.reader() as reader:
        reading = asyncio.create_task(read_to_the_end(reader))
        await asyncio.sleep(0)
        hub.publish(heartbeat(1))
        hub.publish(SessionEnded(session_id="kitchen", media_time=2, reason="It was deleted."))
        hub.end()
        assert times(b"".join(await reading)) == [1, 2]


async def test_one_reader_can_be_ended_with_an_event_of_its_own() -> None:
    hub = EventHub("life")
    with hub.reader() as follower, hub.reader() as leader:
        reading = asyncio.create_task(read_to_the_end(follower))
        await asyncio.sleep(0)
        follower.end(SessionEnded(session_id="follower_abcd1234", media_time=7, reason="It was deleted."))
        assert times(b"".join(await reading)) == [7]
        hub.publish(heartbeat(8))
        assert times(await leader.next()) == [8]
