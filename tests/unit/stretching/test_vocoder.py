"""The vocoder: attacks are on time and sharp, pitch and level are kept, nothing clicks, and the original continues."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rtc_drift.media import SAMPLE_RATE, Audio, samples
from rtc_drift.stretching.find_attacks import find_attacks
from rtc_drift.stretching.vocoder import MARGIN, stretch
from rtc_drift.stretching.warp import Warp
from tests.support.audio_files import sine
from tests.support.drum_patterns import DRUMS, Pattern, render_pattern

RATIOS = (0.94, 0.97, 1.0, 1.03, 1.06)
STRETCHED = tuple(ratio for ratio in RATIOS if ratio != 1)
ENTER_AT = 20_000


def matched(ratio: float, overlap: float = 2.0, glide: float = 2.0) -> Warp:
    return Warp.matched(ENTER_AT, ratio, samples(overlap), samples(glide))


def noise(seconds: float, *, seed: int = 1, level: float = 0.1) -> Audio:
    """Make white noise, different left and right."""
    return (np.random.default_rng(seed).standard_normal((samples(seconds), 2)) * level).astype(np.float32)


def kink(audio: Audio) -> float:
    """Return the greatest second difference, which clicks raise."""
    return float(np.abs(np.diff(audio, 2, axis=0)).max())


def joined(audio: Audio, warp: Warp) -> Audio:
    """Return the stretched intro and the original after it."""
    return np.concatenate((stretch(audio, warp, 0), audio[warp.resumes_at : warp.resumes_at + SAMPLE_RATE]))


def levels_db(audio: Audio, size: int) -> NDArray[np.float64]:
    """Return the level of each piece of `size` samples."""
    pieces = audio[: len(audio) // size * size].astype(np.float64).reshape(-1, size * 2)
    return np.asarray(10 * np.log10((pieces**2).mean(axis=1)))


def cents(wave: NDArray[np.float32], hertz: float) -> NDArray[np.float64]:
    """Return the pitch error of a sine, in windows of 0.2 s."""
    carrier = np.exp(-2j * np.pi * hertz * np.arange(len(wave)) / SAMPLE_RATE)
    window, step = np.hanning(samples(0.2)), samples(0.1)
    phasors = np.array(
        [
            (wave[at:][: len(window)] * carrier[at:][: len(window)] * window).sum()
            for at in range(0, len(wave) - len(window), step)
        ]
    )
    off = np.angle(phasors[1:] * phasors[:-1].conj()) / (2 * np.pi * step / SAMPLE_RATE)
    return np.asarray(1200 * np.log2(1 + off / hertz))


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("hertz", [55, 440, 997, 5_000])
def test_a_sine_keeps_pitch_and_level_and_does_not_click(hertz: float, ratio: float) -> None:
    wave = np.concatenate((sine(7, hertz=hertz)[:, :1], sine(7, hertz=hertz, phase=1)[:, 1:]), axis=1)
    warp = matched(ratio)
    result = joined(wave, warp)
    assert np.abs(cents(result[:, 0], hertz)).max() < 4
    assert np.abs(cents(result[: samples(1.0), 0], hertz)).max() < 1, "before the phases return to the original"
    assert np.abs(levels_db(result, samples(0.1)) - levels_db(wave, len(wave))).max() < 0.15
    assert kink(result) < 1.1 * kink(wave)
    # The channels keep their phase: the right one is a radian ahead.
    left, right = (np.fft.rfft(result[:SAMPLE_RATE, side] * np.hanning(SAMPLE_RATE))[round(hertz)] for side in (0, 1))
    assert np.angle(right / left) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("sides", [(1, -1), (0, 1), (1, 0)])
def test_a_sine_keeps_its_phase_and_side(sides: tuple[float, float]) -> None:
    left, right = sides
    wave = sine(5, hertz=300) * np.array(sides, np.float32)
    result = joined(wave, matched(1.05, 1.0, 1.0))
    assert np.abs(result[:, 0] * right - result[:, 1] * left).max() < 1e-5
    assert np.abs(cents(result[: samples(1), 1 if left == 0 else 0], 300)).max() < 1
    assert kink(result) < 1.1 * kink(wave)
    assert np.abs(levels_db(result, samples(0.1)) - levels_db(wave, len(wave))).max() < 0.15


@pytest.mark.parametrize("ratio", RATIOS)
def test_clicks_are_on_time_and_stay_clicks(ratio: float) -> None:
    rng = np.random.default_rng(2)
    places = np.arange(samples(0.2), samples(6), samples(0.25))
    places += rng.integers(-4_000, 4_000, len(places))
    audio = np.zeros((samples(7), 2), np.float32)
    audio[places] = 0.8
    warp = matched(ratio)
    result = stretch(audio, warp, 0)
    checked = 0
    for place in places.tolist():
        due = warp.output_at(place)
        if not 2_000 < due < warp.length - 2_000:
            continue
        around = np.abs(result[round(due) - 2_000 : round(due) + 2_000, 0])
        assert abs(round(due) - 2_000 + around.argmax() - due) < 0.0003 * SAMPLE_RATE
        assert around.max() > 0.75
        assert (np.sort(around**2)[:-3].sum()) < 0.01 * (around**2).sum(), "all of it is in three samples"
        checked += 1
    assert checked > 12
    assert kink(result) < 1.1 * kink(audio)


@cache
def drums(name: str, key: str | None) -> tuple[Pattern, Audio]:
    pattern = Pattern(name, 124, key=key, bars=3)
    return pattern, render_pattern(pattern)


def struck(pattern: Pattern, voices: tuple[str, ...]) -> Iterator[int]:
    """Yield the samples at which any of some voices plays."""
    steps = DRUMS[pattern.drums]["kick"]
    for step in range(pattern.bars * len(steps)):
        if any(DRUMS[pattern.drums].get(voice, steps)[step % len(steps)] != "." for voice in voices):
            yield samples(pattern.step_seconds(step))


def envelope(audio: Audio, around: int) -> NDArray[np.floating]:
    """Return the envelope of the high frequencies, 50 ms to either side, with a resolution of 1 ms."""
    high = np.abs(np.diff(audio[around - 2_400 : around + 2_400].mean(axis=1)))
    return np.asarray(np.convolve(high, np.hanning(49), "same"))


def rise(audio: Audio, around: int) -> float:
    """Return the sharpness of an attack: the largest share of the power of 10 ms that lies in its second half."""
    power = np.diff(audio[around - 480 : around + 480].mean(axis=1)).astype(np.float64) ** 2
    total = np.cumsum(power)
    at = np.arange(384, 576, 24)
    return float(((total[at + 240] - total[at]) / (total[at + 240] - total[at - 240])).max())


@pytest.mark.parametrize("ratio", STRETCHED)
@pytest.mark.parametrize("name", ["four on the floor", "backbeat", "shuffle", "waltz"])
@pytest.mark.parametrize("key", [None, "A minor"])
def test_drums_are_on_time_and_stay_sharp(name: str, key: str | None, ratio: float) -> None:
    pattern, audio = drums(name, key)
    warp = Warp.matched(6_000, ratio, samples(2), samples(2))
    result = stretch(audio, warp, 0)
    checked = 0
    for place in struck(pattern, ("hat", "snare")):
        due = round(warp.output_at(place))
        if not 4_000 < due < warp.length - 4_000:
            continue
        before, after = envelope(audio, place), envelope(result, due)
        late = np.arange(-140, 141, 4)
        alike = np.array([np.vdot(before[1_400:3_400], after[1_400 + lag : 3_400 + lag]) for lag in late])
        assert abs(late[alike.argmax()]) < 0.001 * SAMPLE_RATE
        assert rise(result, due) > 0.95 * rise(audio, place)
        checked += 1
    assert checked >= 8
    assert kink(result) < 1.1 * kink(audio)
    source = audio[6_000 : warp.resumes_at]
    assert abs(levels_db(result, len(result))[0] - levels_db(source, len(source))[0]) < 0.4


@pytest.mark.parametrize("ratio", RATIOS)
def test_noise_keeps_level_and_width(ratio: float) -> None:
    audio = noise(8)
    result = joined(audio, matched(ratio, 3.0, 2.0))
    assert abs(levels_db(result, len(result))[0] - levels_db(audio, len(audio))[0]) < 0.35
    assert np.abs(levels_db(result, samples(0.2)) - levels_db(audio, len(audio))).max() < 0.9
    assert kink(result) < 1.3 * kink(audio)
    assert abs(np.vdot(result[:, 0], result[:, 1])) < 0.05 * np.vdot(result[:, 0], result[:, 0])


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 30_000), st.integers(4_800, 60_000), st.integers(0, 2**32 - 1))
def test_at_speed_1_the_source_is_unchanged(enter_at: int, length: int, seed: int) -> None:
    warp = Warp(((0.0, float(enter_at)), (float(length), float(enter_at + length))))
    audio = noise(2, seed=seed)
    audio[::4_001] += 0.7
    assert np.abs(stretch(audio, warp, 0) - audio[enter_at : enter_at + length]).max() < 1e-5


@pytest.mark.parametrize("ratio", STRETCHED)
@pytest.mark.parametrize("kind", ["noise", "drums", "chord"])
def test_the_original_continues_without_a_seam(kind: str, ratio: float) -> None:
    if kind == "chord":
        audio = sum((sine(8, hertz=hertz, phase=hertz) for hertz in (61.3, 220.4, 277.1, 331.7, 1_720.9)), noise(8) * 0)
    else:
        audio = noise(8) if kind == "noise" else drums("backbeat", "A minor")[1]
    warp = Warp.matched(6_000, ratio, samples(1.5), samples(2))
    result = stretch(audio, warp, 0)
    end = audio[warp.resumes_at - 24_000 : warp.resumes_at]
    assert result.shape == (warp.length, 2)
    assert np.array_equal(result[-1], end[-1])
    assert np.abs(result[-1_200:] - end[-1_200:]).max() < 1e-5
    assert kink(joined(audio, warp)) < 1.2 * kink(audio)
    # After the glide no frequency cancels itself.
    dips = levels_db(result[-24_000:], 2_400) - levels_db(end, 2_400)
    assert kind == "drums" or np.abs(dips[3:]).max() < (0.3 if kind == "chord" else 1.5)


@settings(deadline=None, max_examples=10)
@given(st.floats(0.95, 1.05), st.integers(0, 20_000), st.integers(9_600, 30_000), st.integers(0, 10_000))
def test_audio_beyond_the_margin_does_not_matter(ratio: float, overlap: int, glide: int, spared: int) -> None:
    audio = noise(3)
    warp = Warp.matched(40_000, ratio, overlap, glide)
    first, stop = 40_000 - MARGIN - spared, warp.resumes_at + MARGIN + spared
    assert np.array_equal(stretch(audio, warp, 0), stretch(audio[first:stop], warp, first))


def test_audio_outside_of_the_file_is_silence() -> None:
    audio = noise(1)
    warp = Warp.matched(0, 1.04, 24_000, 48_000)
    result = stretch(audio, warp, 0)
    ends = round(warp.output_at(len(audio)))
    assert levels_db(result[ends + 200 : ends + 1_000], 800)[0] < -30
    assert np.abs(result[ends + 4_096 :]).max() < 1e-6
    assert levels_db(result[:9_600], 9_600)[0] == pytest.approx(-20, abs=1)
    assert np.abs(stretch(audio[:0], warp, 0)).max() == 0


def test_attacks_are_found_where_they_are() -> None:
    pattern, audio = drums("backbeat", "A minor")
    attacks = find_attacks(audio)
    places = list(struck(pattern, ("kick", "snare", "hat")))
    assert all(np.abs(attacks.positions - place).min() < samples(0.012) for place in places)
    assert len(find_attacks(noise(10)).positions) < 40, "noise has few"
    assert len(find_attacks(sine(5)[2_000:]).positions) <= 2, "a sine has none but its ends"
    opposite = np.zeros((48_000, 2), np.float32)
    opposite[24_000] = (0.5, -0.5)
    assert np.abs(find_attacks(opposite).positions - 24_000).max() < samples(0.012)
