"""Changes of a queue: small where they can be, and never wrong."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from rtc_drift.selection.queue import Queued
from rtc_drift.station.queue_changes import QueueChange, change_between

QUEUES = st.lists(st.sampled_from("abc"), max_size=6)


def queue(letters: Sequence[str]) -> list[Queued]:
    return [Queued(ord(letter), letter) for letter in letters]


def test_one_entry_more_or_less_or_elsewhere_is_such_a_change() -> None:
    a, b, c = queue("abc")
    assert change_between(queue("ab"), queue("ab")) is None
    assert change_between(queue(""), queue("a")) == QueueChange("added", 0, a)
    assert change_between(queue("ab"), queue("abc")) == QueueChange("added", 2, c)
    assert change_between(queue("bc"), queue("abc")) == QueueChange("added", 0, a)
    assert change_between(queue("abc"), queue("ac")) == QueueChange("removed", 1, b)
    assert change_between(queue("abcd"), queue("bcad")) == QueueChange("moved", 2, a, 0)
    assert change_between(queue("abcd"), queue("cabd")) == QueueChange("moved", 0, c, 2)
    for before, after in (("abcd", "badc"), ("abc", ""), ("ab", "cde"), ("", "ab")):
        assert change_between(queue(before), queue(after)) == QueueChange("replaced"), (before, after)


@given(QUEUES, QUEUES, st.integers(0, 6), st.integers(0, 6), st.sampled_from("abc"))
def test_a_change_leads_from_one_queue_to_the_other(
    old: list[str], other: list[str], position: int, place: int, letter: str
) -> None:
    before, (entry,) = queue(old), queue(letter)
    rest = before[:position] + before[position + 1 :]
    moved = [*rest[:place], *before[position : position + 1], *rest[place:]]
    for after in (queue(other), [*before[:position], entry, *before[position:]], rest, moved):
        change = change_between(before, after)
        match change:
            case None:
                assert before == after
            case QueueChange("added", int(at), Queued() as added):
                assert [*before[:at], added, *before[at:]] == after
            case QueueChange("removed", int(at), removed):
                assert before[at] == removed
                assert before[:at] + before[at + 1 :] == after
            case QueueChange("moved", int(to), Queued() as it, int(at)):
                assert before[at] == it
                left = before[:at] + before[at + 1 :]
                assert [*left[:to], it, *left[to:]] == after
            case _:
                assert change == QueueChange("replaced")
                assert after == queue(other), "each single change is told as one"
