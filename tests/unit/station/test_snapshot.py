"""Snapshots of a programme, and how it continues after a restart of the server."""

import json
import random
from pathlib import Path

import pytest

from rtc_drift.selection.journey import Start
from rtc_drift.station.snapshot import SavedStation, Snapshot, history_text, state_text
from tests.support.autodj_driver import AutoDjDriver
from tests.support.music import make_tracks


def saved(driver: AutoDjDriver) -> SavedStation:
    autodj = driver.autodj
    return SavedStation(state_text(autodj.snapshot()), history_text(autodj.journey.history))


def restored(driver: AutoDjDriver, *, without: str | None = None, moved: bool = False) -> AutoDjDriver:
    """Restore a driver from the snapshot of another one."""
    present = [track for track in driver.library.playable().values() if track.id != without]
    if moved:
        present = [track.model_copy(update={"path": Path("/elsewhere") / track.path.name}) for track in present]
    other = AutoDjDriver(*present, running=False)
    state = saved(driver)
    other.timeline.time = state.media_time
    other.autodj.restore(state.snapshot(other.library.get), state.history)
    other.autodj.advance()
    return other


@pytest.mark.parametrize("seed", range(12))
def test_a_programme_is_restored_at_any_moment(seed: int) -> None:
    rng = random.Random(seed)
    driver = AutoDjDriver(*make_tracks(12), seed=seed)
    for _ in range(rng.randrange(1, 12)):
        driver.run_for(rng.uniform(0.1, 70))
        command = rng.choice(("next", "pause", "resume", "seek", "queue", "previous", "steer", "nothing"))
        commands = driver.commands
        if command == "next":
            commands.next_track()
        elif command == "seek":
            commands.seek(rng.uniform(0, 59))
        elif command == "queue":
            commands.enqueue(rng.choice(list(driver.library.playable())))
        elif command == "steer":
            commands.steer(rng.choice(("brighter", None)))
        elif command != "nothing":
            getattr(commands, command)()
    driver.run_for(rng.uniform(0, 2))
    other = restored(driver)
    assert other.autodj.programme == driver.autodj.programme
    assert other.autodj.journey == driver.autodj.journey
    assert (other.title(), other.position()) == (driver.title(), driver.position())
    assert other.queued() == driver.queued()
    announced = [event.track.title for event in other.events_of("track_started")]
    assert announced[-1] == driver.title(), "the track on the air is published first"
    for each in (driver, other):
        each.timeline.running = True
        each.run_for(300)
    assert other.title() == driver.title(), "both continue alike"


def test_a_state_of_version_0_8_is_restored() -> None:
    """It has a bass that changes hands where there are three bands now."""
    driver = AutoDjDriver(*make_tracks(12))
    out, into, queued = list(driver.library.playable())[:3]
    bass = {"start": 2737920, "length": 19200}
    entries = [
        _entry_of_0_8(1, out, 11520, 2891520, fade_out={"start": 2603520, "length": 288000}, bass_out=bass),
        _entry_of_0_8(3, into, 2603520, 5483520, bass_in=bass),
    ]
    journey = {"seed": 0, "draws": 3, "queue": [queued], "direction": None, "history": {"played": [], "trail": []}}
    state = {"media_time": 2803200, "entries": entries, "next_play_id": 5, "paused_at": None, "journey": journey}
    history = {"heard": [out, into], "trail": [out, into]}
    old = SavedStation(json.dumps({**state, "arrived": [1, 3]}), json.dumps(history))
    driver.timeline.time = old.media_time
    driver.autodj.restore(old.snapshot(driver.library.get), old.history)
    driver.autodj.advance()
    assert (driver.playing().track.id, driver.position()) == (into, (2803200 - 2603520) / 48_000)
    assert driver.autodj.journey.queue == (queued,) or driver.planned().track.id == queued
    assert driver.autodj.journey.history.played == (out, into)


def _entry_of_0_8(play_id: int, track_id: str, start: int, end: int, **fades: object) -> dict[str, object]:
    play = {"id": play_id, "track_id": track_id, "path": "", "start": start, "offset": 0, "end": end, "gain": 1.0}
    play |= {"fade_in": 0, "fade_out": None, "hush": None, "lead": None, "bass_in": None, "bass_out": None} | fades
    transition = {"kind": "crossfade", "leave_at": 2592000, "enter_at": 0, "duration": 288000, "style": "blend"}
    transition |= {"delay": 0, "hold": 0, "fade_in": None, "bass": {"offset": 134400, "length": 19200}, "bars": 0}
    transition |= {"ratio": 1.0, "glide": 0, "sways": 0.0, "reasons": []}
    tail = {"reason": "Random choice.", "queued": False, "sound_ends": None, "why": None}
    return {"play": play, "transition": transition, **tail}


def test_moved_tracks_play_from_their_new_path() -> None:
    driver = AutoDjDriver(*make_tracks(5))
    driver.run_for(10)
    other = restored(driver, moved=True)
    assert {play.path.split("/")[1] for play in other.timeline.schedules[-1]} == {"elsewhere"}


def test_without_the_playing_track_the_programme_starts_with_the_queue() -> None:
    driver = AutoDjDriver(*make_tracks(5))
    driver.run_for(10)
    gone = driver.playing()
    queued = next(track for track in driver.library.playable().values() if track != gone.track)
    driver.commands.enqueue(queued.id)
    other = restored(driver, without=gone.track.id)
    assert other.title() == queued.title
    assert other.position() == 0
    assert gone.track.id in other.autodj.journey.history.played


def test_a_missing_planned_track_is_replaced() -> None:
    driver = AutoDjDriver(*make_tracks(5))
    driver.run_for(10)
    planned = driver.planned()
    other = restored(driver, without=planned.track.id)
    assert (other.title(), other.position()) == (driver.title(), driver.position())
    instead = other.planned()
    assert instead.track != planned.track


@pytest.mark.parametrize("state", ["", "{", "[]", '{"media_time": 1}', "null"])
def test_invalid_states_are_refused(state: str) -> None:
    with pytest.raises(ValueError, match="validation error"):
        SavedStation(state, "{}")


def test_snapshots_hold_no_paths() -> None:
    driver = AutoDjDriver(*make_tracks(2))
    driver.run_for(5)
    snapshot: Snapshot = driver.autodj.snapshot()
    assert "/music/" not in state_text(snapshot)


def test_a_transition_is_restored_with_both_tracks() -> None:
    driver = AutoDjDriver(*make_tracks(5))
    driver.run_for(57)
    out, into, _ = driver.autodj.programme.entries
    assert out.play.end > driver.now, "both tracks play"
    other = restored(driver)
    assert other.timeline.schedules[-1] == driver.timeline.schedules[-1]
    assert [event.track.title for event in other.events_of("track_started")] == [out.track.title, into.track.title]
    (transition,) = other.events_of("transition_started")
    assert (transition.from_track, transition.to) == (out.track.id, into.track.id)


def test_the_outgoing_track_may_be_missing() -> None:
    driver = AutoDjDriver(*make_tracks(5))
    driver.run_for(57)
    gone, current, _ = driver.autodj.programme.entries
    other = restored(driver, without=gone.track.id)
    assert (other.title(), other.position()) == (current.track.title, driver.position())
    other.timeline.running = True
    other.run_for(70)
    assert len(other.events_of("track_started")) == 2, "another track was planned after it"


def test_a_paused_programme_is_restored_paused() -> None:
    driver = AutoDjDriver(*make_tracks(5))
    driver.run_for(20)
    driver.commands.pause()
    driver.run_for(30)
    title, position = driver.title(), driver.position()
    other = restored(driver)
    other.timeline.running = True
    other.run_for(5)
    assert (other.title(), other.position(), other.autodj.planned()) == (title, position, None)
    other.commands.resume()
    other.run_for(1)
    assert other.title() == title
    assert 0.5 < other.position() - position < 1
    assert other.autodj.planned() is not None


def test_a_queue_is_restored_without_missing_tracks() -> None:
    driver = AutoDjDriver(*make_tracks(5))
    driver.run_for(5)
    one, two, three, *_ = [track for track in driver.library.playable().values() if track.title != driver.title()]
    for track in (one, two, three):
        driver.commands.enqueue(track.id)
    other = restored(driver, without=two.id)
    other.timeline.running = True
    other.run_for(120)
    assert [event.track.title for event in other.events_of("track_started")[1:3]] == [one.title, three.title]


def test_no_track_is_counted_as_played_twice() -> None:
    driver = AutoDjDriver(*make_tracks(5))
    driver.run_for(10)
    driver.commands.next_track()  # it counts as played already
    history = driver.autodj.journey.history
    other = restored(driver)
    other.timeline.running = True
    other.run_for(5)
    restored_history = other.autodj.journey.history
    assert (restored_history.played, restored_history.trail) == (history.played, history.trail)
    assert len(history.played) == 2


def test_starts_are_kept_once_each_and_those_of_version_0_8_have_no_time() -> None:
    driver = AutoDjDriver(*make_tracks(5))
    driver.run_for(10)
    driver.commands.next_track()
    driver.run_for(10)
    driver.commands.seek(5)
    driver.run_for(10)
    starts = driver.autodj.journey.history.starts
    titles = [driver.library.tracks[start.track_id].title for start in starts]
    assert titles == driver.played_titles()
    assert [start.media_time for start in starts] == [it.starts_at for it in driver.events_of("track_started")]
    assert all(start.at is not None for start in starts)
    driver.commands.reset_drift()
    other = restored(driver)
    other.autodj.advance()
    assert other.autodj.journey.history.starts == starts, "they outlive a reset, and the latest is not counted twice"
    of_0_8 = SavedStation(state_text(driver.autodj.snapshot()), '{"heard": ["a", "b"], "trail": []}').history
    assert of_0_8.starts == (Start("a", None, None), Start("b", None, None))
    absurd = SavedStation(state_text(driver.autodj.snapshot()), f'{{"starts": [["a", 1, {10**15}]]}}').history
    assert absurd.starts == ()


@pytest.mark.parametrize("history", ["", "[]", '{"heard": [1]}', '{"trail": "x"}'])
def test_invalid_histories_are_refused(history: str) -> None:
    with pytest.raises(ValueError, match="validation error"):
        SavedStation(state_text(AutoDjDriver(*make_tracks(2)).autodj.snapshot()), history)


def test_an_empty_programme_can_be_saved() -> None:
    driver = AutoDjDriver(running=False)
    other = restored(driver)
    assert other.autodj.programme == driver.autodj.programme
    assert other.events == []
