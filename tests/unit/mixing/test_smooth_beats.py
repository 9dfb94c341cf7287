"""Smooth beats follow a tempo that breathes, and not single attacks that are early, late or missing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.mixing.smooth_beats import SmoothBeats


def breathing(count: int, period: float, sway: float) -> np.typing.NDArray[np.float64]:
    """Return beats whose distance sways by a share of the period, within 64 beats."""
    return np.cumsum(period * (1 + sway * np.sin(2 * np.pi * np.arange(count) / 64)))


@settings(max_examples=50, deadline=None)
@given(st.floats(0.3, 1.0), st.floats(-0.02, 0.02), st.integers(0, 1000))
def test_a_breathing_tempo_is_followed(period: float, sway: float, seed: int) -> None:
    beats = breathing(300, period, sway)
    attacks = beats + np.random.default_rng(seed).normal(0, 0.002, len(beats))
    smooth = SmoothBeats.of(np.round(beats, 2), attacks)
    assert np.abs(smooth.times - beats)[12:-12].max() <= 0.006


def test_an_attack_of_another_instrument_moves_nothing() -> None:
    beats = np.arange(200.0) * 0.5
    attacks = beats.copy()
    attacks[50::9] -= 0.025
    smooth = SmoothBeats.of(beats, attacks)
    assert np.abs(smooth.times - beats).max() <= 0.002
    assert smooth.deviations[50] == pytest.approx(0.025, abs=0.002)


def test_beats_without_attack_count_little_and_deviate_as_they_were_counted() -> None:
    beats = np.arange(200.0) * 0.5 + 0.01  # counted late
    attacks = np.where(np.arange(200) % 3 == 0, np.arange(200.0) * 0.5, np.nan)
    smooth = SmoothBeats.of(beats, attacks)
    assert np.abs(smooth.times - np.arange(200.0) * 0.5).max() <= 0.004
    assert smooth.has_attack.sum() == 67
    assert smooth.deviations[~smooth.has_attack] == pytest.approx(0.01, abs=0.004)
    assert smooth.deviations[smooth.has_attack].max() <= 0.004


def test_without_any_attack_the_counted_beats_are_kept() -> None:
    beats = np.arange(100.0) * 0.4
    smooth = SmoothBeats.of(beats, np.full(100, np.nan))
    assert smooth.times == pytest.approx(beats, abs=1e-6)
