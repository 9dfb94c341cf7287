"""The bass filter, and the swap of the bass between two plays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.engine.bass_filter import BassFilter
from rtc_drift.engine.mixer import Mixer
from rtc_drift.engine.protocol.plays import Fade, Play
from rtc_drift.media import BASS_CROSSOVER_HZ, SAMPLE_RATE, Audio
from tests.support.array_deck import ArrayDeck
from tests.support.music import steady_music


def tone(hertz: float, seconds: float = 2.0) -> Audio:
    wave = np.sin(2 * np.pi * hertz * np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE) * 0.5
    return np.stack((wave, wave), axis=1).astype(np.float32)


def level(audio: Audio) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(audio[len(audio) // 2 :] ** 2)) + 1e-9))


@pytest.mark.parametrize(
    ("hertz", "change"), [(45, -48), (90, -24.4), (BASS_CROSSOVER_HZ, -6), (720, -0.1), (5_000, 0)]
)
def test_the_filter_removes_only_the_bass(hertz: float, change: float) -> None:
    wave = tone(hertz)
    assert level(BassFilter().process(wave)) - level(wave) == pytest.approx(change, abs=3 if change < -10 else 0.5)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 5_000), min_size=1, max_size=12))
def test_blocks_of_any_size_are_filtered_alike(sizes: list[int]) -> None:
    audio, cut, parts = steady_music(1.5, seed=3), BassFilter(), list[Audio]()
    for size in sizes:
        parts.append(cut.process(audio[sum(map(len, parts)) :][:size]))
        if not len(audio[sum(map(len, parts)) :]):
            break
    together = np.concatenate(parts)
    assert np.allclose(together, BassFilter().process(audio)[: len(together)], atol=1e-6)


def test_only_one_bass_plays_at_a_time() -> None:
    """Of two low tones only one plays at a time; high tones always play."""

    class Tones:
        def __call__(self, path: str, start: int) -> ArrayDeck:
            return ArrayDeck(tone(50 if path == "a" else 70, 20) + tone(3_000, 20) * 0.1)

    swap = Fade(8 * SAMPLE_RATE, SAMPLE_RATE // 2)
    plays = [
        Play(1, "a", "a", 0, 0, 12 * SAMPLE_RATE, 1.0, 0, None, bass_out=swap),
        Play(2, "b", "b", 4 * SAMPLE_RATE, 0, 20 * SAMPLE_RATE, 1.0, 0, None, bass_in=swap),
    ]
    mixer = Mixer(Tones())
    mixer.set_plays(plays, 0)
    mixed = np.concatenate([mixer.mix(at, 960) for at in range(0, 16 * SAMPLE_RATE, 960)])

    def share(hertz: float, second: float) -> float:
        part = mixed[int(second * SAMPLE_RATE) :][:SAMPLE_RATE, 0]
        return float(2 * np.abs(np.mean(part * np.exp(-2j * np.pi * hertz * np.arange(len(part)) / SAMPLE_RATE))))

    for second in (2, 5, 6.8):
        assert share(50, second) == pytest.approx(0.5, rel=0.02) and share(70, second) < 0.02
    for second in (8.7, 10, 13):
        assert share(70, second) == pytest.approx(0.5, rel=0.02) and share(50, second) < 0.01
    assert share(3_000, 2) == pytest.approx(0.05, rel=0.05) and share(3_000, 10) == pytest.approx(0.1, rel=0.1)
    step = np.abs(np.diff(mixed[:, 0]))
    assert step[int(7.9 * SAMPLE_RATE) : int(8.6 * SAMPLE_RATE)].max() < 0.048, "no click"
