"""Passages are bent onto each other bar by bar, within bounds, and both where their tempi are far apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.media import SAMPLE_RATE
from rtc_drift.mixing.bending import are_equal, bar_lines, bend
from rtc_drift.stretching.warp import FASTEST, SLOWEST


def lines(first: float, bar: float, bars: int, sway: float = 0.0) -> np.typing.NDArray[np.float64]:
    """Return bar lines from `first` on, whose distance sways by a share of a bar."""
    lengths = bar * (1 + sway * np.sin(np.arange(bars)))
    return first + np.concatenate(((0.0,), np.cumsum(lengths)))


@settings(max_examples=80, deadline=None)
@given(st.sampled_from((4, 8, 16)), st.floats(1.0, 3.0), st.floats(0.945, 1.058), st.floats(0, 0.002), st.floats(0, 30))
def test_bar_lines_of_both_fall_on_each_other(bars: int, bar: float, ratio: float, sway: float, first: float) -> None:
    outs, ins = lines(100, bar, bars, sway), lines(first, bar * ratio, bars)
    bent = bend(outs, ins)
    at = bar_lines(outs, ins) * SAMPLE_RATE
    assert bent.length * SAMPLE_RATE == pytest.approx(at[-1])
    if bent.lead is not None:
        heard = [bent.lead.position_at(it) for it in at]
        assert heard == pytest.approx(ins * SAMPLE_RATE, abs=2)
    else:
        assert np.abs((at / SAMPLE_RATE) - (ins - ins[0])).max() <= 0.0041
    if bent.lead_out is not None:
        heard = [bent.lead_out.position_at(it) for it in at]
        assert heard == pytest.approx(outs * SAMPLE_RATE, abs=2)
    else:
        assert at == pytest.approx((outs - outs[0]) * SAMPLE_RATE)


@pytest.mark.parametrize("ratio", [0.945, 0.97, 1.03, 1.058])
def test_the_tempo_moves_evenly_from_one_to_the_other(ratio: float) -> None:
    outs, ins = lines(100, 2.0, 8), lines(5, 2.0 * ratio, 8)
    bent = bend(outs, ins)
    assert bent.lead is not None and bent.lead_out is not None
    bars = np.diff(bar_lines(outs, ins))
    steps = np.diff(np.log(bars))
    assert steps == pytest.approx(np.log(ratio) / 8)
    for own in (2.0, 2.0 * ratio):
        speeds = own / bars
        assert (speeds >= SLOWEST).all() and (speeds <= FASTEST).all() and np.abs(np.diff(speeds)).max() <= 0.015
    assert bars[0] == pytest.approx(2.0, rel=0.005) and bars[-1] == pytest.approx(2.0 * ratio, rel=0.005)
    assert bent.outgoing_ratio == pytest.approx(1 / np.sqrt(ratio), rel=0.01)
    assert bent.ratio == pytest.approx(np.sqrt(ratio), rel=0.01)


def test_near_tempi_bend_the_incoming_track_alone() -> None:
    bent = bend(lines(100, 2.0, 8), lines(5, 2.03, 8))
    assert bent.lead is not None and bent.lead_out is None
    assert bent.ratio == pytest.approx(1.015) and bent.outgoing_ratio == 1
    assert bent.lead.length / SAMPLE_RATE == pytest.approx(16 + 8 * 2.03, abs=0.2), "eight bars to glide back"


def test_equal_bars_are_played_as_they_are() -> None:
    bent = bend(lines(100, 2.0, 8), lines(5, 2.0004, 8))
    assert bent.lead is None and bent.lead_out is None and bent.ratio == 1
    assert not are_equal(lines(100, 2.0, 8)[None], lines(5, 2.001, 8)[None])[0]
