"""What is saved of a programme, and what becomes of it in the next life of the server."""

import random
from pathlib import Path

import pytest

from rtc_drift.conductor import Snapshot
from rtc_drift.library.database import Database
from rtc_drift.saving import SavedStation, history_text, state_text
from rtc_drift.store import SessionRecord, SessionStore
from tests.studio import Studio, tracks


def saved(studio: Studio) -> SavedStation:
    conductor = studio.conductor
    return SavedStation(state_text(conductor.snapshot()), history_text(conductor.journey.history))


def next_life(studio: Studio, *, without: str | None = None, moved: bool = False) -> Studio:
    """A studio that goes on from what the other one has saved."""
    there = [track for track in studio.library.playable() if track.id != without]
    if moved:
        there = [track.model_copy(update={"path": Path("/elsewhere") / track.path.name}) for track in there]
    other = Studio(*there, running=False)
    state = saved(studio)
    other.timeline.time = state.media_time
    other.conductor.restore(state.snapshot(other.library.get), state.history)
    other.conductor.advance()
    return other


@pytest.mark.parametrize("seed", range(12))
def test_any_moment_of_a_programme_comes_back(seed: int) -> None:
    rng = random.Random(seed)
    studio = Studio(*tracks(12), seed=seed)
    for _ in range(rng.randrange(1, 12)):
        studio.go(rng.uniform(0.1, 70))
        command = rng.choice(("next", "pause", "resume", "seek", "queue", "previous", "steer", "nothing"))
        steering = studio.steering
        if command == "next":
            steering.next_track()
        elif command == "seek":
            steering.seek(rng.uniform(0, 59))
        elif command == "queue":
            steering.enqueue(rng.choice(studio.library.playable()).id)
        elif command == "steer":
            steering.steer(rng.choice(("brighter", None)))
        elif command != "nothing":
            getattr(steering, command)()
    studio.go(rng.uniform(0, 2))
    other = next_life(studio)
    assert other.conductor.programme == studio.conductor.programme
    assert other.conductor.journey == studio.conductor.journey
    assert (other.title(), other.position()) == (studio.title(), studio.position())
    assert other.conductor.queue() == studio.conductor.queue()
    announced = [event.track.title for event in other.of("track_started")]
    assert announced[-1] == studio.title(), "who comes first thing is told what is on"
    for each in (studio, other):
        each.timeline.running = True
        each.go(300)
    assert other.title() == studio.title(), "and they go the same way"


def test_tracks_that_have_moved_are_played_where_they_are() -> None:
    studio = Studio(*tracks(5))
    studio.go(10)
    other = next_life(studio, moved=True)
    assert {play.path.split("/")[1] for play in other.timeline.told[-1]} == {"elsewhere"}


def test_without_the_track_that_was_heard_it_begins_anew_and_keeps_the_rest() -> None:
    studio = Studio(*tracks(5))
    studio.go(10)
    gone = studio.conductor.now_playing()
    assert gone is not None
    queued = next(track for track in studio.library.playable() if track != gone.track)
    studio.steering.enqueue(queued.id)
    other = next_life(studio, without=gone.track.id)
    assert other.title() == queued.title
    assert other.position() == 0
    assert gone.track.id in other.conductor.journey.history.heard


def test_without_a_planned_track_another_is_planned() -> None:
    studio = Studio(*tracks(5))
    studio.go(10)
    planned = studio.conductor.planned()
    assert planned is not None
    other = next_life(studio, without=planned.track.id)
    assert (other.title(), other.position()) == (studio.title(), studio.position())
    instead = other.conductor.planned()
    assert instead is not None
    assert instead.track != planned.track


@pytest.mark.parametrize("state", ["", "{", "[]", '{"media_time": 1}', "null"])
def test_what_is_no_state_is_refused(state: str) -> None:
    with pytest.raises(ValueError, match="validation error"):
        SavedStation(state, "{}")


def test_paths_stay_out_of_it() -> None:
    studio = Studio(*tracks(2))
    studio.go(5)
    snapshot: Snapshot = studio.conductor.snapshot()
    assert "/music/" not in state_text(snapshot)


def record(name: str, **changes: str | None) -> SessionRecord:
    fields: dict[str, str | None] = {"following": None, "lock": None, "state": "{}", "history": '{"heard": []}'}
    fields |= changes
    return SessionRecord(id=name, name=name, created="2026-01-01", last_access="2026-01-01", **fields)


def test_the_store_keeps_what_it_was_told_last(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "catalogue.sqlite")
    store = SessionStore(database)
    store.save([record("kitchen"), record("attic"), record("follower_a", following="kitchen", state=None)], gone=[])
    store.save([record("kitchen", state='{"x": 1}', history=None)], gone=["attic", "nobody"])
    database.close()
    database = Database.open(tmp_path / "catalogue.sqlite")
    found = {each.id: each for each in SessionStore(database).load()}
    assert set(found) == {"kitchen", "follower_a"}
    assert found["kitchen"] == record("kitchen", state='{"x": 1}'), "its history stays as it was"
    store = SessionStore(database)
    store.save([record("kitchen", lock="other", history="{}")], gone=["kitchen"])
    assert {each.id: each for each in store.load()}["kitchen"] == record("kitchen", lock="other", history="{}")
    database.close()
