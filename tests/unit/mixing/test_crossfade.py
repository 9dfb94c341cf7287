"""Plain transitions between tracks of which only the first and last sound are known."""

from hypothesis import given
from hypothesis import strategies as st

from rtc_drift.media import samples
from rtc_drift.mixing.crossfade import natural_transition
from tests.support.music import make_track

SECOND = samples(1)


def test_a_natural_transition_skips_silence_at_both_ends() -> None:
    outgoing = make_track(1, duration=100, last_sound=90)
    incoming = make_track(2, first_sound=3)
    plan = natural_transition(outgoing, incoming, 0)
    assert (plan.leave_at + plan.duration, plan.enter_at) == (90 * SECOND, 3 * SECOND)


@given(
    st.floats(1, 10_000),
    st.floats(1, 10_000),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_any_transition_lies_inside_both_files(
    first: float, second: float, last: float, start: float, entered: float
) -> None:
    outgoing = make_track(1, duration=first, last_sound=max(0.01, first * last))
    incoming = make_track(2, duration=second, first_sound=second * start * 0.99)
    entered_at = round(entered * outgoing.duration_samples)
    plan = natural_transition(outgoing, incoming, entered_at)
    assert plan.duration >= 0
    assert entered_at <= plan.leave_at
    assert plan.leave_at + plan.duration <= max(outgoing.duration_samples, entered_at + 1)
    assert plan.enter_at + plan.duration <= incoming.duration_samples + 1
