"""What is saved of a programme, and what becomes of it in the next life of the server."""

import random
from pathlib import Path

import pytest

from rtc_drift.station.snapshot import SavedStation, Snapshot, history_text, state_text
from tests.studio import Studio, tracks


def saved(studio: Studio) -> SavedStation:
    conductor = studio.autodj
    return SavedStation(state_text(conductor.snapshot()), history_text(conductor.journey.history))


def next_life(studio: Studio, *, without: str | None = None, moved: bool = False) -> Studio:
    """A studio that goes on from what the other one has saved."""
    there = [track for track in studio.library.playable() if track.id != without]
    if moved:
        there = [track.model_copy(update={"path": Path("/elsewhere") / track.path.name}) for track in there]
    other = Studio(*there, running=False)
    state = saved(studio)
    other.timeline.time = state.media_time
    other.autodj.restore(state.snapshot(other.library.get), state.history)
    other.autodj.advance()
    return other


@pytest.mark.parametrize("seed", range(12))
def test_any_moment_of_a_programme_comes_back(seed: int) -> None:
    rng = random.Random(seed)
    studio = Studio(*tracks(12), seed=seed)
    for _ in range(rng.randrange(1, 12)):
        studio.go(rng.uniform(0.1, 70))
        command = rng.choice(("next", "pause", "resume", "seek", "queue", "previous", "steer", "nothing"))
        commands = studio.commands
        if command == "next":
            commands.next_track()
        elif command == "seek":
            commands.seek(rng.uniform(0, 59))
        elif command == "queue":
            commands.enqueue(rng.choice(studio.library.playable()).id)
        elif command == "steer":
            commands.steer(rng.choice(("brighter", None)))
        elif command != "nothing":
            getattr(commands, command)()
    studio.go(rng.uniform(0, 2))
    other = next_life(studio)
    assert other.autodj.programme == studio.autodj.programme
    assert other.autodj.journey == studio.autodj.journey
    assert (other.title(), other.position()) == (studio.title(), studio.position())
    assert other.autodj.queue() == studio.autodj.queue()
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
    gone = studio.autodj.now_playing()
    assert gone is not None
    queued = next(track for track in studio.library.playable() if track != gone.track)
    studio.commands.enqueue(queued.id)
    other = next_life(studio, without=gone.track.id)
    assert other.title() == queued.title
    assert other.position() == 0
    assert gone.track.id in other.autodj.journey.history.played


def test_without_a_planned_track_another_is_planned() -> None:
    studio = Studio(*tracks(5))
    studio.go(10)
    planned = studio.autodj.planned()
    assert planned is not None
    other = next_life(studio, without=planned.track.id)
    assert (other.title(), other.position()) == (studio.title(), studio.position())
    instead = other.autodj.planned()
    assert instead is not None
    assert instead.track != planned.track


@pytest.mark.parametrize("state", ["", "{", "[]", '{"media_time": 1}', "null"])
def test_what_is_no_state_is_refused(state: str) -> None:
    with pytest.raises(ValueError, match="validation error"):
        SavedStation(state, "{}")


def test_paths_stay_out_of_it() -> None:
    studio = Studio(*tracks(2))
    studio.go(5)
    snapshot: Snapshot = studio.autodj.snapshot()
    assert "/music/" not in state_text(snapshot)


def test_in_the_middle_of_a_transition_both_tracks_come_back() -> None:
    studio = Studio(*tracks(5))
    studio.go(57)
    out, into, _ = studio.autodj.programme.entries
    assert out.play.end > studio.now, "both sound"
    other = next_life(studio)
    assert other.timeline.told[-1] == studio.timeline.told[-1]
    assert [event.track.title for event in other.of("track_started")] == [out.track.title, into.track.title]
    (transition,) = other.of("transition_started")
    assert (transition.from_track, transition.to) == (out.track.id, into.track.id)


def test_the_track_that_is_on_its_way_out_may_be_gone() -> None:
    studio = Studio(*tracks(5))
    studio.go(57)
    gone, current, _ = studio.autodj.programme.entries
    other = next_life(studio, without=gone.track.id)
    assert (other.title(), other.position()) == (current.track.title, studio.position())
    other.timeline.running = True
    other.go(70)
    assert len(other.of("track_started")) == 2, "another one was planned after it"


def test_what_is_paused_is_paused_there_and_goes_on_there() -> None:
    studio = Studio(*tracks(5))
    studio.go(20)
    studio.commands.pause()
    studio.go(30)
    title, position = studio.title(), studio.position()
    other = next_life(studio)
    other.timeline.running = True
    other.go(5)
    assert (other.title(), other.position(), other.autodj.planned()) == (title, position, None)
    other.commands.resume()
    other.go(1)
    assert other.title() == title
    assert 0.5 < other.position() - position < 1
    assert other.autodj.planned() is not None


def test_a_queue_comes_back_without_what_is_gone() -> None:
    studio = Studio(*tracks(5))
    studio.go(5)
    one, two, three, *_ = [track for track in studio.library.playable() if track.title != studio.title()]
    for track in (one, two, three):
        studio.commands.enqueue(track.id)
    other = next_life(studio, without=two.id)
    other.timeline.running = True
    other.go(120)
    assert [event.track.title for event in other.of("track_started")[1:3]] == [one.title, three.title]


def test_nothing_is_counted_as_heard_twice() -> None:
    studio = Studio(*tracks(5))
    studio.go(10)
    studio.commands.next_track()  # it is on its way, and counts already
    history = studio.autodj.journey.history
    other = next_life(studio)
    other.timeline.running = True
    other.go(5)
    assert other.autodj.journey.history == history
    assert len(history.played) == 2


@pytest.mark.parametrize("history", ["", "[]", '{"heard": [1]}', '{"trail": "x"}'])
def test_a_history_that_is_none_is_refused(history: str) -> None:
    with pytest.raises(ValueError, match="validation error"):
        SavedStation(state_text(Studio(*tracks(2)).autodj.snapshot()), history)


def test_before_there_is_anything_it_can_be_saved_too() -> None:
    studio = Studio(running=False)
    other = next_life(studio)
    assert other.autodj.programme == studio.autodj.programme
    assert other.events == []
