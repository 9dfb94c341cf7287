"""The tick clock: it does not drift, does not burst, and skips late ticks."""

from hypothesis import given
from hypothesis import strategies as st

from rtc_drift.engine.protocol.clock import CATCH_UP_SPACING_NS, MAX_BEHIND_TICKS, TICK_NS, TickClock

EPOCH = 123_456_789


def test_ticks_are_due_every_20_ms_since_the_epoch() -> None:
    clock = TickClock(EPOCH)
    assert TICK_NS == 20_000_000
    # After a start 3 ms late, the next tick is due at its usual time.
    assert clock.following(50, clock.due_ns(50) + 3_000_000) == (51, EPOCH + 51 * TICK_NS)


def test_a_short_delay_is_caught_up_without_a_burst() -> None:
    clock = TickClock(EPOCH)
    tick, now = 100, clock.due_ns(105)  # held up for five ticks
    spacings = []
    while now >= clock.due_ns(tick + 1):
        tick, start = clock.following(tick, now)
        spacings.append(start - now)
        now = start
    assert set(spacings) == {CATCH_UP_SPACING_NS}
    assert clock.following(tick, now) == (tick + 1, max(clock.due_ns(tick + 1), now + CATCH_UP_SPACING_NS))


@given(st.lists(st.integers(0, 2 * 10**9), max_size=30))
def test_ticks_are_never_early_and_never_far_behind(delays: list[int]) -> None:
    clock = TickClock(EPOCH)
    tick, now = 0, clock.due_ns(0)
    for delay in delays:
        started = now + delay
        following, now = clock.following(tick, started)
        assert following > tick
        assert now >= clock.due_ns(following)
        assert now >= started + CATCH_UP_SPACING_NS
        assert clock.tick_at(now) - following <= MAX_BEHIND_TICKS
        tick = following
