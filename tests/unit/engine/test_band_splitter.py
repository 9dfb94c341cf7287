"""The band splitter, and bands that change hands between two plays."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.engine.band_splitter import BandSplitter
from rtc_drift.engine.mixer import Mixer
from rtc_drift.engine.protocol.plays import Bands, Fade, Play
from rtc_drift.media import BASS_CROSSOVER_HZ, HIGH_CROSSOVER_HZ, SAMPLE_RATE, Audio
from tests.support.array_deck import ArrayDeck
from tests.support.music import steady_music


def tone(hertz: float, seconds: float = 2.0) -> Audio:
    wave = np.sin(2 * np.pi * hertz * np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE) * 0.5
    return np.stack((wave, wave), axis=1).astype(np.float32)


def level(audio: Audio) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(audio[len(audio) // 2 :] ** 2)) + 1e-9))


@pytest.mark.parametrize(
    ("hertz", "changes"),
    [
        (45, (0, -48, None)),
        (90, (-0.5, -24.6, None)),
        (BASS_CROSSOVER_HZ, (-6, -6, None)),
        (700, (-48, 0, -44)),
        (HIGH_CROSSOVER_HZ, (None, -6, -6)),
        (5_000, (None, -25.5, -0.5)),
        (10_000, (None, -50, 0)),
    ],
)
def test_each_band_has_its_own_frequencies(hertz: float, changes: tuple[float | None, ...]) -> None:
    wave = tone(hertz)
    split = BandSplitter().process(wave)
    for band, change in enumerate(changes):
        found = level(split[:, band]) - level(wave)
        assert found == pytest.approx(change, abs=4 if change < -10 else 0.5) if change is not None else found < -45


@pytest.mark.parametrize("hertz", [60, 180, 500, 2_500, 8_000])
def test_all_bands_together_are_as_loud_as_the_sound(hertz: float) -> None:
    wave = tone(hertz)
    assert level(BandSplitter().process(wave).sum(axis=1)) == pytest.approx(level(wave), abs=0.05)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 5_000), min_size=1, max_size=12))
def test_blocks_of_any_size_are_split_alike(sizes: list[int]) -> None:
    audio, cut, parts = steady_music(1.5, seed=3), BandSplitter(), list[Any]()
    for size in sizes:
        parts.append(cut.process(audio[sum(map(len, parts)) :][:size]))
        if not len(audio[sum(map(len, parts)) :]):
            break
    together = np.concatenate(parts)
    assert np.allclose(together, BandSplitter().process(audio)[: len(together)], atol=1e-6)


def test_only_one_bass_plays_at_a_time() -> None:
    """Of two tracks only one is heard below 180 Hz, and one above."""

    class Tones:
        def __call__(self, path: str, start: int) -> ArrayDeck:
            return ArrayDeck(tone(50 if path == "a" else 70, 20) + tone(3_000, 20) * 0.1)

    swap = Fade(8 * SAMPLE_RATE, SAMPLE_RATE // 2)
    bands = Bands(swap, swap, swap)
    plays = [
        Play(1, "a", "a", 0, 0, 12 * SAMPLE_RATE, 1.0, 0, None, bands_out=bands),
        Play(2, "b", "b", 4 * SAMPLE_RATE, 0, 20 * SAMPLE_RATE, 1.0, 0, None, bands_in=bands),
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
    assert share(3_000, 2) == pytest.approx(0.05, rel=0.05) and share(3_000, 10) == pytest.approx(0.05, rel=0.05)
    step = np.abs(np.diff(mixed[:, 0]))
    assert step[int(7.9 * SAMPLE_RATE) : int(8.6 * SAMPLE_RATE)].max() < 0.048, "no click"


def noise(seed: int) -> Audio:
    return (np.random.default_rng(seed).standard_normal((16 * SAMPLE_RATE, 2)) * 0.1).astype(np.float32)


def mixed_noise(bands: Bands) -> Audio:
    """Return two noises of one loudness, of which the second takes over from the first."""
    plays = [
        Play(1, "a", "a", 0, 0, 13 * SAMPLE_RATE, 1.0, 0, None, bands_out=bands),
        Play(2, "b", "b", 3 * SAMPLE_RATE, 0, 16 * SAMPLE_RATE, 1.0, 0, None, bands_in=bands),
    ]
    mixer = Mixer(lambda path, start: ArrayDeck(noise(1 if path == "a" else 2)))
    mixer.set_plays(plays, 0)
    return np.concatenate([mixer.mix(at, 960) for at in range(0, 15 * SAMPLE_RATE, 960)])


def test_bands_keep_their_power_while_they_change_hands() -> None:
    fades = (Fade(8 * SAMPLE_RATE, SAMPLE_RATE // 2), Fade(6 * SAMPLE_RATE, 4 * SAMPLE_RATE))
    mixed = mixed_noise(Bands(*fades, Fade(5 * SAMPLE_RATE, 3 * SAMPLE_RATE)))

    def levels(audio: Audio) -> Any:
        quarters = BandSplitter().process(audio).reshape(-1, SAMPLE_RATE // 4, 3, 2)
        return 10 * np.log10(np.mean(np.square(quarters, dtype=np.float64), axis=(1, 3)))[2:]

    changes = levels(mixed) - levels(noise(1)).mean(axis=0)
    assert changes.max() < 2, "no band is louder than that of either track by 2 dB"
    assert changes[:, 1:].min() > -1, "mids and highs have no hole"


def test_a_track_is_itself_where_no_band_moves() -> None:
    crossing = Fade(6 * SAMPLE_RATE, 2 * SAMPLE_RATE)
    mixed = mixed_noise(Bands(crossing, crossing, crossing))
    assert np.array_equal(mixed[: 3 * SAMPLE_RATE], noise(1)[: 3 * SAMPLE_RATE])
    assert np.array_equal(mixed[13 * SAMPLE_RATE :], noise(2)[10 * SAMPLE_RATE : 12 * SAMPLE_RATE])


def test_the_splitter_has_settled_before_it_is_heard() -> None:
    """A constant is all bass, which stays at first: the answer to the start of the splitter would be a thump."""
    above = Fade(6 * SAMPLE_RATE, 2 * SAMPLE_RATE)
    bands = Bands(Fade(9 * SAMPLE_RATE, SAMPLE_RATE), above, above)
    mixer = Mixer(lambda path, start: ArrayDeck(np.full((16 * SAMPLE_RATE, 2), 0.5, np.float32)))
    mixer.set_plays([Play(1, "a", "a", 0, 0, 13 * SAMPLE_RATE, 1.0, 0, None, bands_out=bands)], 0)
    mixed = np.concatenate([mixer.mix(at, 960) for at in range(0, 9 * SAMPLE_RATE, 960)])
    assert np.abs(mixed[SAMPLE_RATE:] - 0.5).max() < 0.001
