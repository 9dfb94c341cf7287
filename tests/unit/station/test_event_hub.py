"""The event hub: events are numbered, encoded once, bounded and replayed."""

import asyncio
import json
import re

import pytest

from rtc_drift.station.event_hub import JOINED_BYTES, EventHub, EventReader, SlowReaderError, frame
from rtc_drift.station.events import Event, Heartbeat, SessionEnded
from tests.support.events import kept_frames


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


async def replayed(hub: EventHub, last: str) -> list[int]:
    """Return the media times of the events after an id, which must be kept."""
    hub.end()
    with hub.reader(last) as reader:
        assert reader.is_resumed
        return times(b"".join(await read_to_the_end(reader)))


@pytest.mark.parametrize(("last", "events"), [("life-4", [5, 6]), ("life-2", [3, 4, 5, 6]), ("life-6", [])])
async def test_missed_events_are_replayed(last: str, events: list[int]) -> None:
    hub = filled(4, 6)
    assert hub.last_id == "life-6"
    assert await replayed(hub, last) == events


@pytest.mark.parametrize("last", ["", "life-1", "life-7", "life-x", "other-3", "life", "life-²", "life-" + "9" * 5_000])
async def test_an_unknown_id_gives_nothing_to_replay(last: str) -> None:
    hub = filled(4, 6)
    with hub.reader(last) as reader:
        assert not reader.is_resumed
        hub.publish(heartbeat(7))
        assert times(await reader.next()) == [7]


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
        assert hub.readers == 2
    assert hub.readers == 0
    assert received is not None
    assert ids(received) == ["life-1", "life-2", "life-3"]
    assert await replayed(hub, "life-4") == [5, 6, 7]


async def test_a_reader_behind_the_bytes_that_are_kept_is_cut_off() -> None:
    hub = EventHub("life", capacity_bytes=3 * len(frame(heartbeat(1), "life-1")))
    with hub.reader() as reader:
        for number in range(1, 5):
            hub.publish(heartbeat(number))
        with pytest.raises(SlowReaderError):
            await reader.next()


async def test_a_replay_comes_in_pieces_and_large_events_are_not_copied() -> None:
    hub = EventHub("life")
    large = SessionEnded(session_id="kitchen", media_time=1, reason="x" * 3 * JOINED_BYTES)
    for number in range(400):
        hub.publish(heartbeat(number))
    hub.publish(large)
    hub.end()
    with hub.reader("life-0") as reader:
        pieces = await read_to_the_end(reader)
        assert not reader.is_behind
    assert all(len(piece) <= JOINED_BYTES for piece in pieces[:-1])
    assert len(times(b"".join(pieces))) == 401
    assert pieces[-1] is kept_frames(hub)[-1]


async def test_readers_start_at_the_live_edge_and_share_the_same_bytes() -> None:
    hub = filled(8, 2)
    with hub.reader() as one, hub.reader() as two:
        hub.publish(heartbeat(3))
        first, second = await one.next(), await two.next()
        assert first is second
        assert times(first) == [3]


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
