"""The tick schedule: never drifts, never bursts, leaves out what is too late."""

from hypothesis import given
from hypothesis import strategies as st

from rtc_drift.engine.protocol.clock import CATCH_UP_SPACING_NS, MAX_BEHIND_TICKS, TICK_NS, TickClock

EPOCH = 123_456_789


def test_ticks_are_due_every_20_ms_of_an_absolute_schedule() -> None:
    schedule = TickClock(EPOCH)
    assert TICK_NS == 20_000_000
    # Started 3 ms late, the next one is due when it always was.
    assert schedule.following(50, schedule.due_ns(50) + 3_000_000) == (51, EPOCH + 51 * TICK_NS)


def test_a_short_delay_is_made_good_without_a_burst() -> None:
    schedule = TickClock(EPOCH)
    tick, now = 100, schedule.due_ns(105)  # held up for five ticks
    spacings = []
    while now >= schedule.due_ns(tick + 1):
        tick, start = schedule.following(tick, now)
        spacings.append(start - now)
        now = start
    assert set(spacings) == {CATCH_UP_SPACING_NS}
    assert schedule.following(tick, now) == (tick + 1, max(schedule.due_ns(tick + 1), now + CATCH_UP_SPACING_NS))


@given(st.lists(st.integers(0, 2 * 10**9), max_size=30))
def test_it_is_never_far_behind_and_never_ahead(delays: list[int]) -> None:
    schedule = TickClock(EPOCH)
    tick, now = 0, schedule.due_ns(0)
    for delay in delays:
        started = now + delay
        following, now = schedule.following(tick, started)
        assert following > tick
        assert now >= schedule.due_ns(following)
        assert now >= started + CATCH_UP_SPACING_NS
        assert schedule.tick_at(now) - following <= MAX_BEHIND_TICKS
        tick = following
