"""Attacks near beats are found to some milliseconds, and none without an attack."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rtc_drift.analysis.attacks import AttackMeter, AttackTrace

RATE = 24_000
BEATS = np.arange(1.0, 15.0, 0.5)


def chord(seconds: float = 16.0, level: float = 0.2) -> NDArray[np.float32]:
    """Make a chord that rings on and swells softly with each beat."""
    time = np.arange(round(seconds * RATE)) / RATE
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 2 * time)
    tones = [np.sin(2 * np.pi * hertz * time) for hertz in (110, 220, 277.2, 329.6, 440)]
    return np.asarray(level * swell * np.sum(tones, axis=0) / 5, np.float32)


def with_noises(seconds: NDArray[np.float64], level: float = 0.3) -> NDArray[np.float32]:
    """Make the chord with short noises at these times."""
    random, wave = np.random.default_rng(3), chord()
    for second in seconds:
        first = round(second * RATE)
        count = min(RATE // 10, len(wave) - first)
        wave[first : first + count] += level * random.standard_normal(count) * np.exp(-np.arange(count) / RATE / 0.02)
    return wave


def attacks(wave: NDArray[np.float32], blocks: tuple[int, ...] = ()) -> AttackTrace:
    meter, at = AttackMeter(RATE), 0
    for size in blocks:
        meter.add(wave[at : at + size])
        at += size
    meter.add(wave[at:])
    return meter.finish()


@pytest.mark.parametrize("late", [-0.03, -0.011, 0.0, 0.007, 0.025])
def test_an_attack_is_found_to_two_milliseconds(late: float) -> None:
    found = attacks(with_noises(BEATS + late)).near(BEATS)
    assert np.abs(found - BEATS - late).max() <= 0.0025


@pytest.mark.parametrize("level", [0.003, 0.1, 1.0])
def test_the_level_makes_no_difference(level: float) -> None:
    bed = 0.1 * np.random.default_rng(1).standard_normal(len(chord())).astype(np.float32)
    found = attacks(np.float32(level) * (with_noises(BEATS, level=0.4) + bed)).near(BEATS)
    assert np.abs(found - BEATS).max() <= 0.004


@pytest.mark.parametrize("late", [-0.044, 0.044])
def test_attacks_farther_than_40_ms_belong_to_no_beat(late: float) -> None:
    assert np.isnan(attacks(with_noises(BEATS + late)).near(BEATS)).all()


def test_a_swell_is_no_attack() -> None:
    assert np.isnan(attacks(chord()).near(BEATS)).all()


def test_attacks_between_beats_belong_to_no_beat() -> None:
    assert np.isnan(attacks(with_noises(BEATS + 0.2)).near(BEATS)).all()


def test_soft_drums_under_a_chord_are_found() -> None:
    found = attacks(with_noises(BEATS, level=0.04)).near(BEATS)
    assert np.isfinite(found).mean() > 0.9
    assert np.nanmax(np.abs(found - BEATS)) <= 0.004


def test_there_are_no_attacks_at_the_ends_and_in_silence() -> None:
    wave = with_noises(np.array((0.02, 15.9)))
    assert np.isnan(attacks(wave).near(np.array((0.0, 0.02, 15.99, 16.0, 20.0)))).all()
    wave = with_noises(np.array((0.065, 15.95)))
    assert attacks(wave).near(np.array((0.065, 15.95))) == pytest.approx((0.065, 15.95), abs=0.0025)
    assert np.isnan(attacks(np.zeros(RATE, np.float32)).near(np.array((0.5,)))).all()
    assert np.isnan(attacks(np.zeros(0, np.float32)).near(np.array((0.5,)))).all()
    assert len(attacks(wave).near(np.zeros(0))) == 0


@cache
def wave_and_attacks() -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return four seconds of audio and the attacks found in it as a whole."""
    wave = with_noises(BEATS[:4])[: 4 * RATE]
    return wave, attacks(wave).near(BEATS[:5])


@given(st.lists(st.integers(0, 9_000), max_size=20))
def test_blocks_of_any_length_give_the_same_attacks(blocks: list[int]) -> None:
    wave, whole = wave_and_attacks()
    assert np.array_equal(attacks(wave, tuple(blocks)).near(BEATS[:5]), whole, equal_nan=True)
