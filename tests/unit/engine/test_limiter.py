"""The limiter: peaks stay below the ceiling, quiet audio is unchanged, and chunks join without a seam."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.engine.limiter import CEILING, LOOK_AHEAD, Limiter, _highest_possible, true_peaks
from rtc_drift.media import SAMPLE_RATE, Audio, amplitude
from tests.support.music import steady_music


def limited(audio: Audio, chunk: int = 960) -> Audio:
    limiter = Limiter()
    padded = np.concatenate((audio, np.zeros((LOOK_AHEAD, 2), np.float32)))
    parts = [limiter.process(padded[at : at + chunk]) for at in range(0, len(padded), chunk)]
    return np.concatenate(parts)[LOOK_AHEAD:]


def oversampled_peak(audio: Audio, factor: int = 8) -> float:
    """Return the true peak by an exact interpolation (FFT), as a reference."""
    spectrum = np.fft.rfft(audio, axis=0)
    fine = np.fft.irfft(spectrum, len(audio) * factor, axis=0) * factor
    return float(np.abs(fine).max())


def test_quiet_music_passes_unchanged() -> None:
    music = steady_music(1, seed=1, level=0.05)
    assert np.array_equal(limited(music), music)


@pytest.mark.parametrize("gain_db", [3, 9, 18])
def test_loud_music_stays_below_minus_one_dbtp(gain_db: float) -> None:
    music = (steady_music(3, seed=2, level=0.4) * amplitude(gain_db)).astype(np.float32)
    output = limited(music)
    assert oversampled_peak(output) <= amplitude(-1)
    assert np.corrcoef(output[:, 0], music[:, 0])[0, 1] > 0.9


def test_peaks_between_samples_are_limited() -> None:
    time = np.arange(4800)
    # A quarter of the sampling rate, 45° off: every sample is 3 dB below the true peak.
    wave = 0.95 * np.sin(np.pi / 2 * time + np.pi / 4)
    audio = np.stack((wave, wave), axis=1).astype(np.float32)
    assert np.abs(audio).max() < CEILING
    assert true_peaks(audio).max() == pytest.approx(0.95, abs=0.02)
    assert oversampled_peak(limited(audio)[480:-480]) <= amplitude(-1)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 1), st.sampled_from([1, 4, 30]))
def test_no_peak_exceeds_its_estimated_bound(seed: int, level: float, smooth: int) -> None:
    noise = np.random.default_rng(seed).choice([-level, level], (200 + smooth, 2)).cumsum(axis=0)
    audio = ((noise[smooth:] - noise[:-smooth]) / smooth).astype(np.float32)
    assert true_peaks(audio).max() <= _highest_possible(audio) * (1 + 1e-6)


def test_both_channels_get_the_same_gain() -> None:
    music = steady_music(1, seed=3, level=0.1)
    music[:, 0] *= 12
    output = limited(music)
    gain = output[:, 1] / np.where(music[:, 1] == 0, 1, music[:, 1])
    loud = np.abs(music[:, 0]) > 2 * CEILING
    assert np.all(gain[loud] < 0.55)


def test_gain_recovers_without_a_jump() -> None:
    burst = np.zeros((SAMPLE_RATE, 2), np.float32)
    burst[:] = 0.2
    burst[5_000:5_100] = 4.0
    gain = limited(burst)[:, 0] / burst[:, 0]
    assert gain[5_050] < 0.25
    assert gain[-1] == pytest.approx(1.0)
    assert np.abs(np.diff(gain)).max() < 0.01


def test_nan_and_infinity_do_not_persist() -> None:
    music = steady_music(0.5, seed=4, level=0.05)
    broken = music.copy()
    broken[5_000:5_003] = (np.inf, np.nan)
    output = limited(broken)
    assert np.isfinite(output).all()
    assert np.array_equal(output[-1_000:], music[-1_000:])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.integers(1, 3_000), min_size=1, max_size=12), st.floats(0.1, 4))
def test_any_chunking_gives_the_same_samples(seed: int, sizes: list[int], gain: float) -> None:
    audio = (steady_music(0.3, seed=seed % 50, level=0.3) * np.float32(gain)).astype(np.float32)
    limiter, parts, at = Limiter(), [], 0
    for size in [*sizes, len(audio)]:
        parts.append(limiter.process(audio[at : at + size]))
        at += size
    whole = Limiter().process(audio)
    assert np.allclose(np.concatenate(parts)[: len(audio)], whole, atol=1e-6)
