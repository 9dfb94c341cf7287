"""Measures of pitch and bass: exact to the cent and to the decibel."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.demo import DEMO, render
from rtc_drift.media import SAMPLE_RATE, Audio, amplitude, samples
from tests.support.audio_files import sine
from tests.support.drum_patterns import Pattern, render_pattern
from tests.support.measures import bass_db, double_bass, pitch_cents
from tests.support.music import steady_music

START, END = samples(8), samples(16)
COUNT = samples(24)


def higher(audio: Audio, cents: float) -> Audio:
    """Resample audio so that it is higher by some cents, and faster."""
    fine = np.fft.irfft(np.fft.rfft(audio, axis=0), 4 * len(audio), axis=0) * 4
    places = np.arange(int(len(audio) / 2 ** (cents / 1200)) - 1) * 4 * 2 ** (cents / 1200)
    before = places.astype(np.int64)
    share = (places - before)[:, None]
    return (fine[before] * (1 - share) + fine[before + 1] * share).astype(np.float32)


def harmonic(hertz: float, seconds: float = 3.0) -> Audio:
    return sum(
        (sine(seconds, hertz=number * hertz, amplitude=0.3 / number) for number in range(2, 5)),
        sine(seconds, hertz=hertz, amplitude=0.3),
    )


@settings(max_examples=12, deadline=None)
@given(st.floats(80, 1_500), st.floats(-140, 140))
def test_the_pitch_of_a_tone_is_found_to_a_cent(hertz: float, cents: float) -> None:
    assert pitch_cents(harmonic(hertz * 2 ** (cents / 1200)), harmonic(hertz)) == pytest.approx(cents, abs=1)


@pytest.mark.parametrize("style", ["House", "Ambient"])
def test_the_pitch_of_music_is_found_to_a_cent(style: str) -> None:
    music = render(next(spec for spec in DEMO if spec.style == style), bars=2)[: samples(5)]
    for cents in (-100.0, -2.0, 0.0, 35.0):
        assert pitch_cents(higher(music, cents), music) == pytest.approx(cents, abs=0.5)
    assert pitch_cents(music[: samples(2.5)], music[samples(2.5) :]) == pytest.approx(0, abs=2)


def test_music_at_another_tempo_has_the_same_pitch() -> None:
    slow, fast = (render_pattern(Pattern("backbeat", bpm, key="A minor", bars=4)) for bpm in (112, 120))
    assert pitch_cents(fast, slow) == pytest.approx(0, abs=1)


def test_without_agreement_the_pitch_is_nan() -> None:
    silence = np.zeros((samples(2), 2), np.float32)
    assert math.isnan(pitch_cents(silence, silence))
    assert math.isnan(pitch_cents(silence, harmonic(440)))
    assert math.isnan(pitch_cents(harmonic(440, 0.5), harmonic(440, 0.5)))
    noises = [np.random.default_rng(seed).standard_normal((samples(6), 2)).astype(np.float32) for seed in (1, 2)]
    assert math.isnan(pitch_cents(*noises))


def test_the_bass_lies_below_120_hz() -> None:
    for hertz in (30, 60, 90):
        assert bass_db(sine(1, hertz=hertz, amplitude=1)) == pytest.approx(0, abs=1)
    for hertz in (180, 440, 5_950, 12_000):
        assert bass_db(sine(1, hertz=hertz, amplitude=1)).max() < -33
    assert len(bass_db(sine(1))) == 7
    assert len(bass_db(sine(0.3))) == 0


def bass_line(hertz: float, until: int | None, since: int = 0) -> Audio:
    """Make a bass note twice a second with noise above it, between two samples."""
    time = np.arange(COUNT) / SAMPLE_RATE
    audio = 0.3 * np.sin(2 * np.pi * hertz * time) * np.exp(-2 * (time % 0.5))
    audio[:since] = 0
    audio[until or COUNT :] = 0
    return np.stack((audio, audio), axis=1).astype(np.float32) + np.float32(0.3) * HISS


HISS = np.diff(steady_music(24 + 1 / SAMPLE_RATE, seed=4), axis=0).astype(np.float32)


@pytest.mark.parametrize(("swap", "excess", "both"), [(12.0, 0.0, 0.0), (None, 3.0, 8.0)])
def test_two_basses_at_once_are_measured(swap: float | None, excess: float, both: float) -> None:
    first = bass_line(50, END if swap is None else samples(swap))
    second = bass_line(58, None, START if swap is None else samples(swap))
    found = double_bass(first, second, first + second, START, END)
    assert found.excess_db == pytest.approx(excess, abs=1.2)
    assert found.both_seconds == pytest.approx(both, abs=0.8)


def test_a_quiet_bass_does_not_count_as_a_second_one() -> None:
    first, second = bass_line(50, END), bass_line(58, None, START)
    second[START:END] *= np.float32(amplitude(-12))
    found = double_bass(first, second, first + second, START, END)
    assert found.excess_db < 2.5
    assert found.both_seconds == 0


def test_the_bass_of_a_single_track_is_not_double() -> None:
    house = render(next(spec for spec in DEMO if spec.style == "House"), bars=10)[: samples(18)]
    silence = np.zeros_like(house)
    found = double_bass(house, silence, house, samples(8), samples(14))
    assert abs(found.excess_db) < 2
    assert found.both_seconds == 0


def test_without_bass_the_excess_is_nan() -> None:
    silence = np.zeros((samples(3), 2), np.float32)
    found = double_bass(silence, silence, silence, 0, samples(3))
    assert math.isnan(found.excess_db)
