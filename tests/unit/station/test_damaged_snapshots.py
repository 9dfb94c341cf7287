"""Damaged snapshots: they are refused, or what comes back plays on, within bounds, and takes commands."""

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.codec import encode
from rtc_drift.selection.journey import QUEUE
from rtc_drift.station.on_air import NothingToPlayError, TooManyCommandsError
from rtc_drift.station.snapshot import MAX_SAMPLES, SavedStation, history_text, state_text
from tests.support.autodj_driver import AutoDjDriver
from tests.support.damage import damaged_json
from tests.support.music import make_tracks

TRACKS = make_tracks(8)


@cache
def saved(moment: str) -> tuple[str, str]:
    """Return state and history of a station: within a track, in a transition, or paused."""
    driver = AutoDjDriver(*TRACKS, seed=3)
    driver.run_for(5)
    driver.commands.enqueue(TRACKS[4].id)
    driver.commands.steer("faster")
    driver.run_for({"track": 20, "transition": 52, "paused": 20}[moment])
    if moment == "paused":
        driver.commands.pause()
        driver.run_for(2)
    return state_text(driver.autodj.snapshot()), history_text(driver.autodj.journey.history)


def restored(state: str, history: str) -> AutoDjDriver:
    """Restore a station as the server does. Raises ValueError."""
    station = SavedStation(state, history)
    driver = AutoDjDriver(*TRACKS, running=False)
    driver.timeline.time = station.media_time
    driver.autodj.restore(station.snapshot(driver.library.get), station.history)
    driver.autodj.advance()
    driver.timeline.running = True
    return driver


def check(driver: AutoDjDriver) -> None:
    """Check that a restored station plays, and can be commanded, saved and shown."""
    began = driver.now
    if driver.autodj.programme.paused_at is None:
        driver.run_for(15)
        entry = driver.playing()
        assert entry.play.start <= driver.now < entry.play.end, "somebody hears something"
        driver.run_for(200)
        assert driver.playing().play.start > began, "and something else later"
    for command in (
        driver.commands.pause,
        driver.commands.resume,
        driver.commands.next_track,
        driver.commands.previous,
    ):
        command()
        driver.run_for(3)
    driver.commands.seek(1.0)
    driver.run_for(200)
    entry = driver.playing()
    assert entry.play.end > driver.now
    assert SavedStation(state_text(driver.autodj.snapshot()), history_text(driver.autodj.journey.history))
    encode(m.SetPlays(1, driver.timeline.schedules[-1]))
    for event in driver.events:
        json.loads(event.model_dump_json())


@given(data=st.data(), moment=st.sampled_from(("track", "transition", "paused")))
@settings(max_examples=200, deadline=None)
def test_any_damaged_state_is_refused_or_plays_on(data: st.DataObject, moment: str) -> None:
    state, history = saved(moment)
    which = data.draw(st.sampled_from(("state", "history")))
    damaged = data.draw(damaged_json(state if which == "state" else history))
    try:
        driver = restored(damaged, history) if which == "state" else restored(state, damaged)
    except ValueError:
        return
    check(driver)


def changed(moment: str = "track", **changes: Any) -> str:
    """Return a state with some values changed; `play` and `journey` are changes of the first play and the journey."""
    state = json.loads(saved(moment)[0])
    state["entries"][0]["play"] |= changes.pop("play", {})
    state["journey"] |= changes.pop("journey", {})
    return json.dumps(state | changes)


@pytest.mark.parametrize(
    "state",
    [
        changed(media_time=-1),
        changed(media_time=MAX_SAMPLES + 1),
        changed(media_time=10**400),
        changed(entries=[], paused_at=5),
        changed(entries=json.loads(saved("track")[0])["entries"] * 50),
        changed(arrived=list(range(5_000))),
        changed(play={"gain": float("nan")}),
        changed(play={"gain": 1e6}),
        changed(play={"start": 10**15}),
        changed(play={"end": -5}),
        changed(play={"offset": -(10**300)}),
        changed(play={"id": 0}),
        changed(play={"fade_in": -1}),
        changed(play={"fade_out": {"start": 0, "length": 2**60}}),
        changed(play={"track_id": "x" * 1_000_000}),
        changed(next_play_id=1),
        changed(journey={"seed": 2**64}),
        changed(journey={"draws": -1}),
        changed(journey={"queue": ["x"] * (QUEUE + 1)}),
        "[" * 100_000 + "]" * 100_000,
        '{"media_time":' + "[" * 100_000,
        "9" * 100_000,
    ],
)
def test_values_out_of_range_are_refused(state: str) -> None:
    restored(changed(), saved("track")[1])
    with pytest.raises(ValueError, match=r"damaged|range|too many|validation error"):
        SavedStation(state, "{}")


def test_an_unknown_direction_and_unknown_fields_are_left_out() -> None:
    state = json.loads(changed(journey={"direction": "upwards"}, more={"a": [1]}))
    driver = restored(json.dumps(state), saved("track")[1])
    assert driver.autodj.journey.direction is None
    check(driver)


def test_a_play_that_would_sound_beyond_its_file_ends_with_it() -> None:
    driver = restored(changed(play={"end": MAX_SAMPLES}), saved("track")[1])
    check(driver)


def test_a_programme_that_would_be_silent_for_long_begins_anew() -> None:
    state = json.loads(saved("track")[0])
    state["entries"][-1]["play"] |= {"start": MAX_SAMPLES - 5, "end": MAX_SAMPLES}
    driver = restored(json.dumps(state), saved("track")[1])
    check(driver)
    assert driver.now < MAX_SAMPLES / 2


def test_the_greatest_state_is_far_from_the_bounds_and_read_soon() -> None:
    driver = AutoDjDriver(*make_tracks(300), seed=1)
    driver.run_for(5)
    for track in list(driver.library.playable().values())[:QUEUE]:
        driver.commands.enqueue(track.id)
    for _ in range(20):
        with_room = True
        try:
            driver.commands.next_track()
        except (TooManyCommandsError, NothingToPlayError):
            with_room = False
        driver.run_for(0.05 if with_room else 2)
    state = state_text(driver.autodj.snapshot())
    assert len(state) < 1 << 17
    SavedStation(state, "{}")
