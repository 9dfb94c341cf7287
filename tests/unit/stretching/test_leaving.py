"""Stretched endings: they follow on the original without a seam, and go where the warp says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.media import SAMPLE_RATE, Audio, samples
from rtc_drift.stretching.vocoder import stretch
from rtc_drift.stretching.warp import Warp
from tests.support.drum_patterns import Pattern, render_pattern
from tests.support.measures import Part, clicks, onset_seconds
from tests.support.music import steady_music

BEGINS = samples(3.0)


def leaving(speed: float, bars: int = 8, bar: float = 2.0) -> Warp:
    """Return a warp from speed 1 evenly to `speed`, bar by bar, from `BEGINS` on."""
    speeds = 1 + (speed - 1) * (np.arange(bars) + 0.5) / bars
    outputs = np.arange(bars + 1) * bar * SAMPLE_RATE
    files = BEGINS + np.concatenate(((0.0,), np.cumsum(speeds))) * bar * SAMPLE_RATE
    return Warp.leaving(outputs.tolist(), files.tolist())


def followed(audio: Audio, warp: Warp) -> Audio:
    """Return the original and the stretched ending after it."""
    return np.concatenate((audio[:BEGINS], stretch(audio, warp, 0)))


@pytest.mark.parametrize("speed", [0.94, 0.97, 1.03, 1.06])
@pytest.mark.parametrize("hertz", [110.0, 1_000.0, 5_000.0])
def test_a_tone_goes_on_without_a_seam(speed: float, hertz: float) -> None:
    one = 0.3 * np.sin(2 * np.pi * hertz * np.arange(samples(24)) / SAMPLE_RATE)
    wave = np.stack((one, one), axis=1).astype(np.float32)
    heard = followed(wave, leaving(speed))[BEGINS - samples(0.5) : BEGINS + samples(4)]
    usual = float(np.abs(np.diff(wave, 2, axis=0)).max())
    assert np.abs(np.diff(heard, 2, axis=0)).max() <= 1.1 * usual
    levels = np.sqrt((heard[: len(heard) // 480 * 480].reshape(-1, 960) ** 2).mean(axis=1))
    assert levels.min() >= 0.85 * 0.3 / np.sqrt(2)


def test_music_goes_on_without_a_click() -> None:
    music = steady_music(24, seed=5)
    heard = followed(music, leaving(1.05))
    assert clicks(heard, [Part(music)]) == []


@settings(max_examples=4, deadline=None)
@given(st.sampled_from((0.945, 0.98, 1.02, 1.055)))
def test_drums_are_where_the_warp_says(speed: float) -> None:
    pattern = Pattern("four on the floor", 120.0, key="A minor", bars=12, seed=1)
    warp = leaving(speed)
    heard = stretch(render_pattern(pattern), warp, 0)
    first, last = BEGINS / SAMPLE_RATE + 0.3, warp.resumes_at / SAMPLE_RATE
    beats = np.array([it for it in pattern.beats_seconds if first < it < last])
    expected = np.array([warp.output_at(it * SAMPLE_RATE) / SAMPLE_RATE for it in beats])
    late = np.abs(onset_seconds(heard, expected) - expected)
    assert np.isfinite(late).mean() >= 0.8
    assert np.nanmedian(late) <= 0.005 and np.nanquantile(late, 0.95) <= 0.015


@pytest.mark.parametrize("speed", [0.94, 1.06])
def test_clicks_are_where_the_warp_says(speed: float) -> None:
    places = np.arange(samples(0.2), samples(23), samples(0.25))
    places += np.random.default_rng(1).integers(-3_000, 3_000, len(places))
    audio = np.zeros((samples(24), 2), np.float32)
    audio[places] = 0.8
    warp = leaving(speed)
    heard = np.abs(stretch(audio, warp, 0)[:, 0])
    due = np.array([warp.output_at(place) for place in places.tolist()])
    due = due[(due >= 0) & (due < warp.length - 2_000)]
    begins = np.maximum(due.round().astype(int) - 2_000, 0)
    found = np.array([begin + heard[begin : begin + 4_000].argmax() for begin in begins.tolist()])
    assert len(due) > 50 and heard[found].min() > 0.7
    assert np.abs(found - due).max() <= samples(0.002)


def test_it_is_as_long_as_the_warp_and_repeatable() -> None:
    music, warp = steady_music(24, seed=5), leaving(0.95)
    first = stretch(music, warp, 0)
    assert len(first) == warp.length == samples(16)
    assert np.array_equal(first, stretch(music, warp, 0))


@pytest.mark.parametrize("knots", [((0.0, 0.0),), ((1.0, 0.0), (2.0, 1.0)), ((0.0, 0.0), (100.0, 200.0))])
def test_a_warp_that_goes_nowhere_or_too_fast_is_refused(knots: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError, match="warp"):
        Warp(knots, returns=False)
