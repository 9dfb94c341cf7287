"""The events hub: numbered, bounded, replayed."""

import json

import pytest

from rtc_drift.events import EventHub, Heartbeat, ListenersChanged, SlowReaderError, TransitionStarted


def heartbeat(number: int) -> Heartbeat:
    return Heartbeat(session_id="master", media_time=number)


def times(missed: object) -> list[int]:
    assert isinstance(missed, list)
    return [event.media_time for _, event in missed]


def test_what_was_missed_is_replayed_from_the_ring() -> None:
    hub = EventHub("life", ring=4)
    for number in range(1, 7):
        hub.publish(heartbeat(number))
    assert hub.last_id == "life-6"
    assert times(hub.missed("life-4")) == [5, 6]
    assert times(hub.missed("life-2")) == [3, 4, 5, 6]
    assert times(hub.missed("life-6")) == []


@pytest.mark.parametrize("last", ["", "life-1", "life-7", "life-x", "other-3", "life", "life-²", "life-" + "9" * 5_000])
def test_an_id_that_is_gone_or_foreign_asks_for_a_fresh_hello(last: str) -> None:
    hub = EventHub("life", ring=4)
    for number in range(1, 7):
        hub.publish(heartbeat(number))
    assert hub.missed(last) is None


async def test_a_slow_reader_is_cut_off_after_its_bound_and_can_come_back() -> None:
    hub = EventHub("life", reader_bound=3)
    with hub.reader() as slow, hub.reader() as quick:
        for number in range(1, 6):
            hub.publish(heartbeat(number))
            assert (await quick.next())[1].media_time == number
        received = [await slow.next() for _ in range(3)]
        with pytest.raises(SlowReaderError):
            await slow.next()
        assert (hub.readers, hub.cut_off) == (1, 1)
    assert times(hub.missed(received[-1][0])) == [4, 5]


def test_events_are_camel_case_with_type_session_and_times() -> None:
    event = TransitionStarted(
        session_id="master", media_time=960, from_track="a", to="b", kind="crossfade", duration_samples=48_000
    )
    body = json.loads(event.model_dump_json(by_alias=True))
    assert body.pop("at").endswith("Z")
    assert body == {
        "type": "transition_started",
        "sessionId": "master",
        "mediaTime": 960,
        "from": "a",
        "to": "b",
        "kind": "crossfade",
        "durationSamples": 48_000,
    }
    assert ListenersChanged(session_id="master", media_time=1, count=2).type == "listeners"
