"""Gaps, lateness and slopes from what a soak has recorded."""

from random import Random
from typing import Any

import pytest

from benchmarks.soak import measures as m
from benchmarks.soak.reception import new_record


def second(number: int, **values: Any) -> dict[str, Any]:
    return new_record(number) | values


def test_windows_take_the_seconds_that_they_touch() -> None:
    seconds = [second(number) for number in range(10)]
    window = m.Window(3.5, 5.0)
    assert [it["second"] for it in m.inside(seconds, window)] == [3, 4, 5]
    assert [it["second"] for it in m.outside(seconds, [window, m.Window(8.9, 8.95)])] == [0, 1, 2, 6, 7, 9]


def test_events_in_a_window_are_excused() -> None:
    events = [{"at": at} for at in (1.0, 2.0, 4.0)]
    assert m.happened_outside(events, [m.Window(1.5, 3.0)]) == [{"at": 1.0}, {"at": 4.0}]


def test_the_longest_gap_counts_those_who_wait_still() -> None:
    seconds = [second(1, gap_ms=5.0, missing_ms=20.0), second(2, quiet_ms=1500, visitors_gap_ms=70.0)]
    assert m.longest_gap(seconds) == m.Gap(1500, 20.0)
    assert m.longest_gap(seconds).worst_ms == 1500
    assert m.longest_gap(seconds[:1]).worst_ms == 20
    assert m.longest_gap(seconds, "visitors_") == m.Gap(70.0, 0.0)
    assert m.longest_gap([]) == m.Gap(0, 0)


def test_lateness_over_many_seconds() -> None:
    edges = m.LATE_EDGES_MS.tolist()
    twenty = edges.index(20.0)
    # Keys are text once they were in a file.
    seconds = [second(1, late={0: 90, 3: 8}), second(2, late={str(twenty): 1, str(twenty + 1): 1, str(len(edges)): 1})]
    counts = m.late_counts(seconds)
    assert sum(counts) == 101
    assert m.late_percentile_ms(counts, 50) == pytest.approx(0.1)
    assert m.late_percentile_ms(counts, 97) == pytest.approx(0.4)
    assert m.late_percentile_ms(counts, 100) == 100
    assert m.later_than(counts, 20) == 2
    assert m.later_than(counts, 60) == 1
    assert m.late_percentile_ms(m.late_counts([]), 99) == 0


def test_a_steady_slope_is_sure() -> None:
    times = [5.0 * number for number in range(200)]
    slope = m.slope(times, [100 + time * 3 / 3600 for time in times])
    assert slope is not None
    assert slope.per_hour == pytest.approx(3)
    assert slope.surely_at_least == pytest.approx(3, abs=1e-6)


def test_noise_is_no_growth() -> None:
    random, times = Random(1), [5.0 * number for number in range(200)]
    slope = m.slope(times, [100 + random.gauss(0, 0.5) for _ in times])
    assert slope is not None
    assert slope.standard_error > 0.1
    assert slope.surely_at_least < 1


def test_a_new_process_has_a_level_of_its_own() -> None:
    times = [float(number) for number in range(0, 1200, 5)]
    lives = [number // 400 for number in range(0, 1200, 5)]
    values = [100 * (life + 1) + time * 2 / 3600 for time, life in zip(times, lives, strict=True)]
    slope = m.slope(times, values, lives)
    assert slope is not None
    assert slope.per_hour == pytest.approx(2)
    alone = m.slope(times, values)
    assert alone is not None and alone.per_hour > 500


def test_too_few_samples_say_nothing() -> None:
    assert m.slope([], []) is None
    assert m.slope([1, 2], [3, 4]) is None
    assert m.slope([1, 1, 1], [3, 4, 5]) is None


def test_the_fullest_minute() -> None:
    assert m.most_in_a_minute([]) == 0
    assert m.most_in_a_minute([0, 30, 59.9, 60, 90, 200]) == 3
