"""The journey of a session: tracks played, the way back, and the queue."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rtc_drift.selection import journey as ways
from rtc_drift.selection import queue as queues
from rtc_drift.selection.journey import PLAYED, QUEUE, History, Journey, Start


def everything(_: str) -> bool:
    return True


def along(*track_ids: str) -> Journey:
    journey = Journey(1)
    for track_id in track_ids:
        journey = ways.with_played(journey, track_id)
    return journey


@given(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=12), st.data())
def test_the_way_back_is_the_way_there(path: list[str], data: st.DataObject) -> None:
    """Any number of steps back, then forward: the trail is a stack of tracks."""
    journey, stack = along(*path), list(path)
    for _ in range(data.draw(st.integers(0, 8))):
        back = ways.previous(journey, everything)
        assert back == (stack[-2] if len(stack) > 1 else None)
        if back is None:
            break
        journey = ways.with_played(journey, back, back=True)
        del stack[-1]
        assert journey.history.trail == tuple(stack)
    journey = ways.with_played(journey, "z")
    assert journey.history.trail == (*stack, "z")
    assert journey.history.played[: len(path)] == tuple(path), (
        "tracks count as played although they were left by going back"
    )


def test_removed_tracks_are_skipped_on_the_way_back() -> None:
    journey = along("a", "b", "c", "d")
    assert ways.previous(journey, lambda track_id: track_id != "c") == "b"
    assert ways.with_played(journey, "b", back=True).history.trail == ("a", "b")
    assert ways.previous(journey, lambda _: False) is None
    assert ways.previous(Journey(1), everything) is None


def test_going_back_from_the_first_track_repeats_it() -> None:
    journey = ways.with_played(along("a"), "a", back=True)
    assert journey.history == History(played=("a", "a"), trail=("a",))


def test_a_track_from_the_queue_leaves_it_once() -> None:
    journey = Journey(1, queue=("a", "b", "a"))
    assert ways.with_played(journey, "a", queued=True).queue == ("b", "a")
    assert ways.with_played(journey, "a").queue == ("a", "b", "a"), "it was not taken from the queue"
    assert ways.with_played(journey, "c", queued=True).queue == ("a", "b", "a")


def test_a_reset_clears_direction_and_played_tracks() -> None:
    journey = Journey(1, draws=7, queue=("a",), direction="calmer", history=along("a", "b").history)
    assert ways.reset(journey) == Journey(1, draws=7, queue=("a",), history=History(trail=("a", "b")))


def test_a_start_is_kept_once() -> None:
    journey = ways.with_start(Journey(1, history=History(starts=(Start("a", None, None),))), Start("a", 5, 1))
    assert journey.history.starts == (Start("a", 5, 1),), "the track that played when an older version stopped"
    assert ways.with_start(journey, Start("a", 5, 9)) is journey
    again = ways.with_start(journey, Start("a", 6, 9))
    assert again.history.starts == (Start("a", 5, 1), Start("a", 6, 9))


def test_a_queue_without_sound_entry_ids_gets_new_ones() -> None:
    old = Journey(1, queue=("a", "a"))
    new = queues.numbered(old)
    assert [(it.entry_id, it.track_id) for it in queues.entries(new)] == [(1, "a"), (2, "a")]
    assert queues.numbered(new) is new
    for ids in ((1,), (1, 1), (1, 99)):
        assert queues.numbered(replace(new, entry_ids=ids)).entry_ids == (3, 4), ids
    left = ways.with_played(new, "a", queued=True)
    assert (left.queue, left.entry_ids) == (("a",), (2,))
    more = queues.with_tracks(left, ["b"] * 500, 0)
    assert (len(more.queue), len(set(more.entry_ids)), more.entry_ids[-1]) == (QUEUE, QUEUE, 2)


def test_the_history_is_bounded() -> None:
    journey = along(*(str(number) for number in range(PLAYED + 5)))
    for remembered in (journey.history.played, journey.history.trail):
        assert (len(remembered), remembered[0], remembered[-1]) == (PLAYED, "5", str(PLAYED + 4))
