"""Events as JSON."""

import json

from rtc_drift.station.events import ListenersChanged, TransitionStarted


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
    assert ListenersChanged(session_id="master", media_time=1, count=2, followers=0, running=True).type == "listeners"
