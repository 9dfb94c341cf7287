"""The bass share of a track's loudness is what the engine removes when it cuts the bass."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.analysis.bass import BassMeter
from rtc_drift.audio.loudness import LoudnessMeter
from rtc_drift.engine.bass_filter import BassFilter
from rtc_drift.media import SAMPLE_RATE, Audio
from tests.support.audio_files import sine

LENGTH = 4.0


def momentary(audio: Audio) -> tuple[float, ...]:
    meter = LoudnessMeter()
    meter.add(audio)
    meter.finish()
    return meter.momentary_lufs()


def measured(audio: Audio, blocks: tuple[int, ...] = ()) -> tuple[float, ...]:
    meter, at = BassMeter(), 0
    for size in blocks:
        meter.add(audio[at : at + size])
        at += size
    meter.add(audio[at:])
    return meter.finish(momentary(audio))


def music(bass_hertz: float, *, wide: bool) -> Audio:
    """Make a bass and a tone above it; the bass has opposite signs on both channels if it is `wide`."""
    bass, above = sine(LENGTH, hertz=bass_hertz, amplitude=0.3), sine(LENGTH, hertz=900, amplitude=0.1)
    return bass * np.array((1, -1 if wide else 1), np.float32) + above


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("hertz", [45.0, 80.0, 140.0, 200.0, 400.0])
def test_the_bass_share_is_what_the_engine_removes(hertz: float, wide: bool) -> None:
    audio = music(hertz, wide=wide)
    before, after = momentary(audio)[-1], momentary(BassFilter().process(audio))[-1]
    assert measured(audio)[-1] == pytest.approx(1 - 10 ** ((after - before) / 10), abs=0.03)


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
