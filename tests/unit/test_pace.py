"""The pace: each batch has its place in the tick, and nobody waits where there is no time to."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.engine.pacer import SPREAD_NS, Pacer

TICK_NS = 20_000_000
ROWS = 256


@dataclass
class Clock:
    """Time that passes when somebody sleeps or works."""

    ns: float = 1e12
    slept_ns: list[float] = field(default_factory=list)

    def now_ns(self) -> int:
        return int(self.ns)

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.slept_ns.append(seconds * 1e9)
        self.ns += seconds * 1e9


def run(clock: Clock, pace: Pacer, tick: int, costs_ns: list[float], rows: int = ROWS) -> list[float]:
    """Send batches that cost so much; gives when each began after the tick had (ns)."""
    began, clock.ns = [], max(clock.ns, 1e12 + tick * TICK_NS)
    start = clock.ns
    for cost in costs_ns:
        pace.begin(tick)
        began.append(clock.ns - start)
        clock.ns += cost
        pace.end(rows)
    return began


def paced(costs_ns: list[float], ticks: int = 2_000) -> tuple[Clock, Pacer]:
    """After so many ticks with the same costs."""
    clock = Clock()
    pace = Pacer(clock.now_ns, clock.sleep)
    for tick in range(ticks):
        run(clock, pace, tick, costs_ns)
    return clock, pace


def test_a_batch_is_not_early_when_those_before_it_were_quick() -> None:
    clock, pace = paced([2e6] * 4)
    usual = run(clock, pace, 2_000, [2e6] * 4)
    quick = run(clock, pace, 2_001, [0.5e6, 1e6, 0.5e6, 2e6])
    assert max(abs(a - b) for a, b in zip(usual, quick, strict=True)) < 0.1e6


def test_a_batch_is_not_late_when_one_before_it_was_a_little_slow() -> None:
    clock, pace = paced([2e6] * 4)
    for tick in range(2_000, 3_000):
        run(clock, pace, tick, [2.3e6 if tick % 5 == 0 else 2e6] * 4)
    usual = run(clock, pace, 3_001, [2e6] * 4)
    slow = run(clock, pace, 3_002, [2.3e6, 2e6, 2.3e6, 2e6])
    assert max(abs(a - b) for a, b in zip(usual, slow, strict=True)) < 0.1e6


def test_a_single_batch_and_the_first_of_a_tick_never_wait() -> None:
    clock, pace = paced([1e6])
    assert run(clock, pace, 2_001, [1e6]) == [0]
    assert not clock.slept_ns


def test_more_listeners_than_fit_are_served_as_fast_as_it_goes() -> None:
    clock, pace = paced([4.5e6] * 4)
    clock.slept_ns.clear()
    run(clock, pace, 2_001, [4.5e6] * 4)
    assert not clock.slept_ns


def test_when_most_have_left_those_who_are_still_there_wait_no_longer_than_before() -> None:
    clock, pace = paced([3e6] * 4)
    began = run(clock, pace, 2_001, [3e6] * 2)
    assert began[1] <= 3.6e6


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 30_000_000), max_size=12), max_size=40))
def test_nobody_is_ever_made_to_wait_beyond_the_spread(ticks: list[list[int]]) -> None:
    clock = Clock()
    pace = Pacer(clock.now_ns, clock.sleep)
    for tick, costs in enumerate(ticks):
        before = len(clock.slept_ns)
        run(clock, pace, tick, [float(cost) for cost in costs], rows=1)
        assert sum(clock.slept_ns[before:]) <= SPREAD_NS * max(1, len(costs))
