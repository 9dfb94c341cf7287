"""Changes of a queue: small where they can be, and never wrong."""

from hypothesis import given
from hypothesis import strategies as st

from rtc_drift.station.queue_changes import QueueChange, change_between

QUEUES = st.lists(st.sampled_from("abc"), max_size=6)


def test_one_track_more_or_less_is_such_a_change() -> None:
    assert change_between("ab", "ab") is None
    assert change_between("", "a") == QueueChange("added", 0, "a")
    assert change_between("ab", "abc") == QueueChange("added", 2, "c")
    assert change_between("bc", "abc") == QueueChange("added", 0, "a")
    assert change_between("abc", "ac") == QueueChange("removed", 1, "b")
    for before, after in (("ab", "ba"), ("abc", ""), ("ab", "cde"), ("", "ab")):
        assert change_between(before, after) == QueueChange("replaced"), (before, after)


@given(QUEUES, QUEUES, st.integers(0, 6), st.sampled_from("abc"))
def test_a_change_leads_from_one_queue_to_the_other(
    before: list[str], other: list[str], position: int, track: str
) -> None:
    for after in (other, [*before[:position], track, *before[position:]], before[:position] + before[position + 1 :]):
        change = change_between(before, after)
        match change:
            case None:
                assert before == after
            case QueueChange("added", int(at), str(added)):
                assert [*before[:at], added, *before[at:]] == after
            case QueueChange("removed", int(at), removed):
                assert before[at] == removed
                assert before[:at] + before[at + 1 :] == after
            case _:
                assert change == QueueChange("replaced")
                assert abs(len(before) - len(after)) != 1 or after is other
