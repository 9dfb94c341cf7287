"""The figures of a soak: which gaps are excused, and what breaks a bound."""

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.figures import Figure
from benchmarks.soak.reception import new_record
from benchmarks.soak.report import Record
from benchmarks.soak.sampler import QuietPoint, least
from benchmarks.soak.world import Event

BEGAN = 1_000.0
CALM = dict.fromkeys(("engine", "decoder"), 0)


def record(**changes: Any) -> Record:
    """Return the record of a soak of ten minutes in which nothing happened."""
    seconds = [new_record(int(BEGAN) + number) | {"packets": 50, "late": {0: 50}} for number in range(600)]
    samples = [
        {"at": BEGAN + 5 * number, "role": role, "pid": pid, "memory_mb": 100.0, "descriptors": 20, "threads": 3}
        for number in range(120)
        for pid, role in enumerate(("control", "engine", "decoder"), start=1)
    ]
    quiet = QuietPoint(
        BEGAN + 300, {"control memory": 90.0, "control tasks": 30, "control descriptors": 40, "engine threads": 1}
    )
    nothing = Record(
        began=BEGAN,
        ended=BEGAN + 600,
        last_half=(BEGAN + 300, BEGAN + 600),
        observed=seconds,
        status={"dropped": 0, "undecryptable": 0, "strangers": 0},
        events=[],
        restarts=[(role, count, count) for role, count in CALM.items()],
        slow_ticks={},
        samples=samples,
        quiet=[quiet, quiet],
        answers={(200, ""): 10, (503, "listener_limit"): 2},
        unanswered=[],
        slowest_answer_seconds=0.1,
        log=[(BEGAN, "INFO all is well")],
        failed_steps=0,
        stop_seconds=0.5,
    )
    return replace(nothing, **changes)


def broken(of: Record) -> list[str]:
    """Return the names of the figures whose bounds were not kept."""
    return [figure.name for figure in of.figures() if not figure.reached]


def figure(of: Record, name: str) -> Figure:
    return next(it for it in of.figures() if it.name == name)


def with_gap(at: int, ms: float) -> list[dict[str, Any]]:
    seconds = [dict(it) for it in record().observed]
    seconds[at] |= {"gap_ms": ms, "missing_ms": ms, "lost": round(ms / 20)}
    return seconds


def test_a_soak_without_incident_keeps_all_bounds() -> None:
    assert broken(record()) == []
    assert figure(record(), "answers 503 and 504 with a code").value == 2


def test_a_gap_without_a_reason_breaks_the_bound() -> None:
    gap = record(observed=with_gap(100, 60))
    gaps = ["longest gap, by arrivals", "longest gap, by missing media"]
    assert broken(gap) == [*gaps, "longest gap while the machine did not stall", "packets lost"]
    assert broken(record(observed=with_gap(100, 20))) == ["packets lost"]
    stalled = record(observed=[*with_gap(100, 60), {"stalled": int(BEGAN) + 99, "ms": 55.0}])
    assert broken(stalled) == [*gaps, "packets lost"]


@pytest.mark.parametrize(("ms", "breaks"), [(240, []), (300, ["engine killed: gap, worst"])])
def test_the_gap_of_a_killed_engine_has_a_bound_of_its_own(ms: float, breaks: list[str]) -> None:
    killed = record(observed=with_gap(101, ms), events=[Event("engine killed", BEGAN + 100.5, BEGAN + 100.8)])
    assert broken(killed) == breaks
    assert figure(killed, "engine killed: gap, worst").value == ms
    assert figure(killed, "packets lost").value == 0


@pytest.mark.parametrize("what", ["decoder killed", "decoder hung", "worker killed"])
def test_nobody_may_hear_any_other_death(what: str) -> None:
    killed = record(observed=with_gap(101, 60), events=[Event(what, BEGAN + 100.5)])
    assert f"{what}: gap, worst" in broken(killed)
    assert "longest gap, by arrivals" in broken(killed)


def test_a_death_beside_one_that_is_heard_is_not_blamed() -> None:
    events = [Event("engine killed", BEGAN + 100.5), Event("worker killed", BEGAN + 99.0)]
    assert broken(record(observed=with_gap(101, 200), events=events)) == []


def test_a_restart_of_control_is_excused_until_all_are_back() -> None:
    joins = [{"event": "joined", "at": BEGAN + 106, "seconds": 0.2, "again": True}]
    lost = [{"event": "lost", "at": BEGAN + 103}]
    event = Event("control killed", BEGAN + 100, BEGAN + 103)
    restarted = record(observed=[*with_gap(105, 5_000), *joins, *lost], events=[event])
    assert broken(restarted) == []
    assert figure(restarted, "control killed: everybody is back after").value == 6
    assert "listeners who stayed and lost their connection" in broken(record(observed=[*record().observed, *lost]))


def test_joins_may_fail_where_the_room_has_ended() -> None:
    def failed(reason: str) -> Record:
        event = {"event": "failed", "at": BEGAN + 5, "reasons": [reason], "again": False}
        return record(observed=[*record().observed, event])

    assert broken(failed("the server answered 404")) == []
    assert broken(failed("not connected in time")) == ["joins that failed"]


def test_restarts_must_be_as_many_as_deaths() -> None:
    assert broken(record(restarts=[("engine", 2, 3)])) == ["engine: restarts counted, 2 caused"]
    assert broken(record(restarts=[("decoder", 2, 1)])) == ["decoder: restarts counted, 2 caused"]


def test_memory_that_grows_breaks_the_bound() -> None:
    growing = [
        dict(it) | ({"memory_mb": 100 + (it["at"] - BEGAN) / 600} if it["role"] == "control" else {})
        for it in record().samples
    ]
    slope = "memory of control, slope in the last half: surely at least"
    assert broken(record(samples=growing)) == [], "too short to judge"
    assert figure(record(samples=growing), slope).value == pytest.approx(6)
    hours = [dict(it) | {"at": BEGAN + (it["at"] - BEGAN) * 20} for it in growing]
    night = record(samples=hours, last_half=(BEGAN + 6_000, BEGAN + 12_000))
    assert broken(night) == []
    faster = [dict(it) | {"memory_mb": 100 + 20 * (it["memory_mb"] - 100)} for it in hours]
    assert broken(replace(night, samples=faster)) == [slope]


def test_memory_must_be_much_the_same_at_the_quiet_points() -> None:
    first, second = record().quiet
    more = QuietPoint(second.at, second.figures | {"control memory": first.figures["control memory"] + 41})
    assert broken(record(quiet=[first, more])) == ["memory of control, growth in the last half"]


def test_descriptors_and_tasks_must_not_grow() -> None:
    first, second = record().quiet
    more = QuietPoint(second.at, second.figures | {"control tasks": 40.0})
    assert broken(record(quiet=[first, more])) == ["control tasks at the quiet points, growth"]
    assert least([{"a": 3, "b": 1}, {"a": 2}]) == {"a": 2, "b": 1}


def test_failures_of_the_service_break_bounds() -> None:
    assert broken(record(answers={(500, "internal_error"): 1})) == ["answers 5xx"]
    assert broken(record(answers={(503, ""): 1})) == ["answers 5xx"]
    assert broken(record(unanswered=[(BEGAN, "GET /", "TimeoutError: ")])) == ["requests unanswered"]
    assert broken(record(log=[(BEGAN, "Traceback (most recent call last):")])) == ["tracebacks"]
    storm = [(BEGAN + number / 10, "WARNING again") for number in range(300)]
    assert broken(record(log=storm)) == ["log lines in the fullest minute, besides leavers"]
