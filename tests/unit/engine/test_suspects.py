"""Blame: a file that ends the decoder twice is given up; one that was decoded when somebody killed it is not."""

from hypothesis import given
from hypothesis import strategies as st

from rtc_drift.engine.suspects import Suspects

PATHS = st.sampled_from(["a", "b", "c"])
DEATHS = st.lists(st.tuples(st.dictionaries(PATHS, st.integers(0, 3)), st.booleans()), max_size=20)


def test_a_file_that_crashes_the_decoder_twice_is_given_up() -> None:
    suspects = Suspects()
    assert suspects.died({"bad": 100, "good": 5}, crashed=True) == set()
    assert "bad" in suspects
    assert suspects.died({"bad": 900}, crashed=True) == {"bad"}
    assert "bad" not in suspects, "if it is played again after all, it begins anew"
    assert "good" in suspects


def test_a_kill_counts_only_until_the_file_is_decoded_further() -> None:
    suspects = Suspects()
    for decoded in (100, 200, 300):
        assert suspects.died({"good": decoded}, crashed=False) == set()
    assert suspects.died({"good": 300}, crashed=False) == {"good"}, "it takes all memory, most likely"


@given(DEATHS)
def test_nothing_is_given_up_that_was_not_there_twice(deaths: list[tuple[dict[str, int], bool]]) -> None:
    suspects, seen = Suspects(), dict[str, int]()
    for files, crashed in deaths:
        given_up = suspects.died(files, crashed=crashed)
        for path in files:
            seen[path] = seen.get(path, 0) + 1
        assert given_up <= {path for path in files if seen[path] >= 2}
        for path in given_up:
            seen[path] = 0


@given(DEATHS)
def test_two_crashes_are_enough(deaths: list[tuple[dict[str, int], bool]]) -> None:
    suspects = Suspects()
    for files, crashed in deaths:
        suspects.died(files, crashed=crashed)
    given_up = suspects.died({"x": 1}, crashed=True) | suspects.died({"x": 2}, crashed=True)
    assert given_up == {"x"}
