"""What a session remembers: what was heard, the way back, and what waits."""

from hypothesis import given
from hypothesis import strategies as st

from rtc_drift.selection import journey as ways
from rtc_drift.selection.journey import PLAYED, History, Journey


def everything(_: str) -> bool:
    return True


def along(*track_ids: str) -> Journey:
    journey = Journey(1)
    for track_id in track_ids:
        journey = ways.with_played(journey, track_id)
    return journey


@given(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=12), st.data())
def test_the_way_back_is_the_way_there(path: list[str], data: st.DataObject) -> None:
    """As many steps back as one likes, then on from there: as a stack of the tracks."""
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
    assert journey.history.played[: len(path)] == tuple(path), "what was gone back over was heard nevertheless"


def test_tracks_that_are_gone_are_passed_over_on_the_way_back() -> None:
    journey = along("a", "b", "c", "d")
    assert ways.previous(journey, lambda track_id: track_id != "c") == "b"
    assert ways.with_played(journey, "b", back=True).history.trail == ("a", "b")
    assert ways.previous(journey, lambda _: False) is None
    assert ways.previous(Journey(1), everything) is None


def test_going_back_to_where_nothing_was_before_stays_there() -> None:
    journey = ways.with_played(along("a"), "a", back=True)
    assert journey.history == History(played=("a", "a"), trail=("a",))


def test_the_first_of_its_kind_leaves_the_queue_if_it_came_from_there() -> None:
    journey = Journey(1, queue=("a", "b", "a"))
    assert ways.with_played(journey, "a", queued=True).queue == ("b", "a")
    assert ways.with_played(journey, "a").queue == ("a", "b", "a"), "it came another way"
    assert ways.with_played(journey, "c", queued=True).queue == ("a", "b", "a")


def test_a_reset_forgets_where_it_was_heading_and_what_was_heard() -> None:
    journey = Journey(1, draws=7, queue=("a",), direction="calmer", history=along("a", "b").history)
    assert ways.reset(journey) == Journey(1, draws=7, queue=("a",), history=History(trail=("a", "b")))


def test_what_is_remembered_is_bounded() -> None:
    journey = along(*(str(number) for number in range(PLAYED + 5)))
    for remembered in (journey.history.played, journey.history.trail):
        assert (len(remembered), remembered[0], remembered[-1]) == (PLAYED, "5", str(PLAYED + 4))
