"""The shares of bass and highs of a track's loudness are what the engine removes when it cuts them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.analysis.bands import BandMeter
from rtc_drift.audio.loudness import LoudnessMeter
from rtc_drift.engine.band_splitter import BandSplitter
from rtc_drift.media import HIGH_CROSSOVER_HZ, SAMPLE_RATE, Audio
from tests.support.audio_files import sine

LENGTH = 4.0


def momentary(audio: Audio) -> tuple[float, ...]:
    meter = LoudnessMeter()
    meter.add(audio)
    meter.finish()
    return meter.momentary_lufs()


def shares(audio: Audio, blocks: tuple[int, ...] = ()) -> tuple[tuple[float, ...], tuple[float, ...]]:
    meter, at = BandMeter(), 0
    for size in blocks:
        meter.add(audio[at : at + size])
        at += size
    meter.add(audio[at:])
    return meter.finish(momentary(audio))


def measured(audio: Audio, blocks: tuple[int, ...] = ()) -> tuple[float, ...]:
    return shares(audio, blocks)[0]


def without_highs(audio: Audio) -> Audio:
    """Remove the highs as the engine does: two low-pass filters of second order in a row, here as one spectrum."""
    hertz = np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE)
    spectra = np.fft.rfft(audio, axis=0) / (1 + (hertz / HIGH_CROSSOVER_HZ) ** 4)[:, None]
    return np.fft.irfft(spectra, len(audio), axis=0).astype(np.float32)


def music(bass_hertz: float, *, wide: bool) -> Audio:
    """Make a bass and a tone above it; the bass has opposite signs on both channels if it is `wide`."""
    bass, above = sine(LENGTH, hertz=bass_hertz, amplitude=0.3), sine(LENGTH, hertz=900, amplitude=0.1)
    return bass * np.array((1, -1 if wide else 1), np.float32) + above


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("hertz", [45.0, 80.0, 140.0, 200.0, 400.0])
def test_the_bass_share_is_what_the_engine_removes(hertz: float, wide: bool) -> None:
    audio = music(hertz, wide=wide)
    before, after = momentary(audio)[-1], momentary(BandSplitter().process(audio)[:, 1:].sum(axis=1))[-1]
    assert measured(audio)[-1] == pytest.approx(1 - 10 ** ((after - before) / 10), abs=0.03)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("hertz", [300.0, 1_500.0, 2_500.0, 3_500.0, 9_000.0, 17_000.0, 23_000.0])
def test_the_share_of_the_highs_is_what_the_engine_removes(hertz: float, wide: bool) -> None:
    high, other = sine(LENGTH, hertz=hertz, amplitude=0.1), sine(LENGTH, hertz=600, amplitude=0.1)
    audio = high * np.array((1, -1 if wide else 1), np.float32) + other
    before, after = momentary(audio)[-1], momentary(without_highs(audio))[-1]
    assert shares(audio)[1][-1] == pytest.approx(1 - 10 ** ((after - before) / 10), abs=0.03)


def test_silence_has_no_highs_and_a_hat_has_nothing_else() -> None:
    assert shares(np.zeros((SAMPLE_RATE, 2), np.float32))[1] == (0.0, 0.0)
    assert min(shares(sine(LENGTH, hertz=9_000))[1]) >= 0.97
    assert max(shares(sine(LENGTH, hertz=300))[1]) <= 0.03


def test_the_bass_share_is_none_without_bass_and_all_of_bass_alone() -> None:
    assert max(measured(sine(LENGTH, hertz=2_000))) <= 0.01
    assert min(measured(sine(LENGTH, hertz=50))) >= 0.97
    assert measured(np.zeros((SAMPLE_RATE, 2), np.float32)) == (0.0, 0.0)
    assert measured(np.zeros((0, 2), np.float32)) == ()


@settings(max_examples=20)
@given(st.lists(st.integers(0, 50_000), max_size=8))
def test_blocks_of_any_length_give_the_same_bass_share(blocks: list[int]) -> None:
    audio = music(70, wide=True)
    assert measured(audio, tuple(blocks)) == pytest.approx(measured(audio), abs=0.011)
