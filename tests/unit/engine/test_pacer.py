"""The pacer: each batch has its time within the tick, and none waits if time is short."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.engine.pacer import SPREAD_NS, Pacer

TICK_NS = 20_000_000
ROWS = 256


@dataclass
class Clock:
    """A clock that advances by sleeping and working."""

    ns: float = 1e12
    slept_ns: list[float] = field(default_factory=list)

    def now_ns(self) -> int:
        return int(self.ns)

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.slept_ns.append(seconds * 1e9)
        self.ns += seconds * 1e9


def run(clock: Clock, pacer: Pacer, tick: int, costs_ns: list[float], rows: int = ROWS) -> list[float]:
    """Send batches of some costs; return when each began after the start of the tick (ns)."""
    began, clock.ns = [], max(clock.ns, 1e12 + tick * TICK_NS)
    start = clock.ns
    for cost in costs_ns:
        pacer.begin(tick)
        began.append(clock.ns - start)
        clock.ns += cost
        pacer.end(rows)
    return began


def paced(costs_ns: list[float], ticks: int = 2_000) -> tuple[Clock, Pacer]:
    """Return a clock and a pacer after some ticks with the same costs."""
    clock = Clock()
    pacer = Pacer(clock.now_ns, clock.sleep)
    for tick in range(ticks):
        run(clock, pacer, tick, costs_ns)
    return clock, pacer


def test_a_batch_is_not_early_after_quick_batches() -> None:
    clock, pacer = paced([2e6] * 4)
    usual = run(clock, pacer, 2_000, [2e6] * 4)
    quick = run(clock, pacer, 2_001, [0.5e6, 1e6, 0.5e6, 2e6])
    assert max(abs(a - b) for a, b in zip(usual, quick, strict=True)) < 0.1e6


def test_a_batch_is_not_late_after_a_slightly_slow_batch() -> None:
    clock, pacer = paced([2e6] * 4)
    for tick in range(2_000, 3_000):
        run(clock, pacer, tick, [2.3e6 if tick % 5 == 0 else 2e6] * 4)
    usual = run(clock, pacer, 3_001, [2e6] * 4)
    slow = run(clock, pacer, 3_002, [2.3e6, 2e6, 2.3e6, 2e6])
    assert max(abs(a - b) for a, b in zip(usual, slow, strict=True)) < 0.1e6


def test_the_first_batch_of_a_tick_never_waits() -> None:
    clock, pacer = paced([1e6])
    assert run(clock, pacer, 2_001, [1e6]) == [0]
    assert not clock.slept_ns


def test_with_too_many_listeners_no_batch_waits() -> None:
    clock, pacer = paced([4.5e6] * 4)
    clock.slept_ns.clear()
    run(clock, pacer, 2_001, [4.5e6] * 4)
    assert not clock.slept_ns


def test_fewer_batches_wait_no_longer_than_before() -> None:
    clock, pacer = paced([3e6] * 4)
    began = run(clock, pacer, 2_001, [3e6] * 2)
    assert began[1] <= 3.6e6


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 30_000_000), max_size=12), max_size=40))
def test_no_batch_waits_beyond_the_spread(ticks: list[list[int]]) -> None:
    clock = Clock()
    pacer = Pacer(clock.now_ns, clock.sleep)
    for tick, costs in enumerate(ticks):
        before = len(clock.slept_ns)
        run(clock, pacer, tick, [float(cost) for cost in costs], rows=1)
        assert sum(clock.slept_ns[before:]) <= SPREAD_NS * max(1, len(costs))
