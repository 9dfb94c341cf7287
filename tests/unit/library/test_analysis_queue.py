"""The queue of the analysis: each track once, in an order that does not follow the folders."""

from hypothesis import given
from hypothesis import strategies as st

from rtc_drift.library.analysis_queue import AnalysisQueue
from rtc_drift.library.track_table import TrackTable
from tests.support.music import make_track


def drain(queue: AnalysisQueue) -> list[int]:
    """Take all tracks out of a queue; return their numbers."""
    found = list[int]()
    while (track := queue.next()) is not None:
        found.append(int(track.id, 16))
    return found


@given(st.lists(st.tuples(st.sampled_from(("add", "remove", "take", "renew")), st.integers(0, 20)), max_size=60))
def test_every_track_that_is_there_comes_once(steps: list[tuple[str, int]]) -> None:
    table, done = TrackTable(), set[int]()
    queue = AnalysisQueue(lambda: table, lambda: done)
    for step, number in steps:
        if step == "add":
            table.add(make_track(number))
        elif step == "remove":
            table.pop(make_track(number).id, None)
        elif step == "renew":
            table = TrackTable(table.values())
        elif (track := queue.next()) is not None:
            assert int(track.id, 16) not in done and track.id in table
            done.add(int(track.id, 16))
    rest = drain(queue)
    assert set(rest) == {int(track_id, 16) for track_id in table} - done
    assert rest == sorted(rest)


def test_a_track_can_be_added_once_more() -> None:
    table, done = TrackTable([make_track(1), make_track(2)]), {1, 2}
    queue = AnalysisQueue(lambda: table, lambda: done)
    assert drain(queue) == []
    done.clear()
    queue.add(make_track(2).id)
    assert drain(queue) == [2]
