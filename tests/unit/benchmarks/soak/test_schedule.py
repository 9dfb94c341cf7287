"""The schedule of a soak, and the rules by which its listeners join again."""

from itertools import pairwise
from random import Random

import pytest

from benchmarks.soak.rejoining import backoff_seconds, is_lost
from benchmarks.soak.run import ACTIONS
from benchmarks.soak.schedule import DEATHS, HANGS, LEAST_PAUSE, QUIET_SECONDS, schedule

LENGTHS = (180.0, 1200.0, 8 * 3600.0)


@pytest.mark.parametrize("seconds", LENGTHS)
def test_the_same_seed_gives_the_same_schedule(seconds: float) -> None:
    first, again, other = schedule(seconds, 5), schedule(seconds, 5), schedule(seconds, 6)
    assert list(first.lines()) == list(again.lines())
    assert list(first.lines()) != list(other.lines())


@pytest.mark.parametrize("seconds", LENGTHS)
def test_nothing_happens_at_the_quiet_points(seconds: float) -> None:
    planned = schedule(seconds, 1)
    assert planned.second_quiet == seconds - QUIET_SECONDS
    for quiet in (planned.first_quiet, planned.second_quiet):
        assert not [step for step in planned.steps if quiet <= step.at < quiet + QUIET_SECONDS]
    assert planned.steps[-1].at < planned.second_quiet


@pytest.mark.parametrize("seconds", LENGTHS)
def test_deaths_are_no_series(seconds: float) -> None:
    planned = schedule(seconds, 1)
    deaths = [step.at for step in planned.steps if step.action in ("kill engine", "stop engine")]
    assert all(after - before >= LEAST_PAUSE for before, after in pairwise(deaths))
    (control,) = [step for step in planned.steps if step.action == "kill control"]
    assert control.at < planned.first_quiet


def test_every_kind_of_step_comes_up_and_has_an_action() -> None:
    actions = {step.action for step in schedule(3600, 1).steps}
    assert actions == set(ACTIONS)
    assert {*DEATHS, *HANGS} < actions


def test_a_soak_has_a_least_length() -> None:
    with pytest.raises(ValueError, match="at least 3 minutes"):
        schedule(60, 1)


def test_a_connection_is_lost_as_the_page_sees_it() -> None:
    assert not is_lost(3.9, events_dropped=False)
    assert is_lost(4.1, events_dropped=False)
    assert not is_lost(1.4, events_dropped=True)
    assert is_lost(1.6, events_dropped=True)
    delays = [backoff_seconds(attempt, Random(1)) for attempt in range(9)]
    assert 0.4 <= delays[0] <= 0.6
    assert 4 <= delays[-1] <= 6
