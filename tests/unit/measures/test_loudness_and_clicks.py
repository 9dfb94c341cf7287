"""Measures of loudness, silence and clicks: they find planted faults, and none in clean audio."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rtc_drift.demo import DEMO, render
from rtc_drift.engine.limiter import CEILING, LOOK_AHEAD, Limiter
from rtc_drift.media import SAMPLE_RATE, Audio, amplitude, samples
from tests.support.audio_checks import integrated_lufs
from tests.support.audio_files import sine
from tests.support.drum_patterns import Pattern, render_pattern
from tests.support.measures import (
    Part,
    clicks,
    gaps,
    loudness_excursion,
    short_term_lufs,
    true_peak_dbtp,
)
from tests.support.measures.excerpt import excerpt
from tests.support.music import steady_music

COUNT = SAMPLE_RATE


def noise(seed: int, level: float = 0.2) -> Audio:
    return (level * np.random.default_rng(seed).standard_normal((COUNT, 2))).astype(np.float32)


def drums(name: str, key: str | None = None) -> Audio:
    return render_pattern(Pattern(name, 126, key=key, bars=1))[:COUNT]


def demo(style: str) -> Audio:
    return render(next(spec for spec in DEMO if spec.style == style), bars=1)[:COUNT]


MATERIAL: dict[str, Callable[[], Audio]] = {
    "50 Hz": lambda: sine(1, hertz=50, amplitude=0.3),
    "440 Hz": lambda: sine(1, hertz=440, amplitude=0.3),
    "12 kHz": lambda: sine(1, hertz=12_000, amplitude=0.3),
    "noise": lambda: noise(1),
    "breakbeat": lambda: drums("breakbeat"),
    "hats": lambda: drums("even"),
    "hats and chords": lambda: drums("loud off-beat hats", "A minor"),
    "house": lambda: demo("House"),
    "drum & bass": lambda: demo("Drum & Bass"),
    "ambient": lambda: demo("Ambient"),
}


@pytest.fixture(scope="module")
def material() -> dict[str, Audio]:
    return {name: make() for name, make in MATERIAL.items()}


def fading(start: int, length: int, *, rising: bool) -> NDArray[np.float32]:
    """Return a quarter-sine fade, as the mixer's: `(COUNT, 1)`."""
    share = np.clip((np.arange(COUNT) - start) / length, 0, 1)
    return np.sin(np.pi / 2 * (share if rising else 1 - share)).astype(np.float32)[:, None]


def limited(audio: Audio) -> Audio:
    return Limiter().process(excerpt(audio, 0, len(audio) + LOOK_AHEAD))[LOOK_AHEAD:]


def quiet(audio: Audio, dbfs: float = -40) -> Audio:
    return (audio * np.float32(amplitude(dbfs) / audio.std())).astype(np.float32)


def test_gaps_are_found_to_the_sample() -> None:
    music = steady_music(3, seed=1)
    music[10_000 : 10_000 + samples(0.02)] = 0
    music[50_007:90_001] = amplitude(-61)
    music[100_000 : 100_000 + samples(0.019)] = 0
    music[-2_000:] = 0
    found = gaps(music)
    assert [length for _, length in found] == pytest.approx([960, 39_994, 2_000], abs=3)
    assert [start for start, _ in found] == pytest.approx([10_000, 50_007, len(music) - 2_000], abs=3)
    assert gaps(np.zeros((5_000, 2), np.float32)) == [(0, 5_000)]
    assert gaps(music[:0]) == []


@pytest.mark.parametrize("name", ["50 Hz", "noise", "house", "ambient"])
def test_music_has_no_gaps(material: dict[str, Audio], name: str) -> None:
    assert gaps(quiet(material[name])[2_000:]) == []


def test_short_term_loudness_matches_the_standard() -> None:
    # EBU Tech 3341: a stereo sine of 1 kHz at -23 dBFS is -23 LUFS.
    loudness = short_term_lufs(np.concatenate((sine(6, hertz=1_000, amplitude=amplitude(-23)), sine(4, amplitude=0))))
    assert len(loudness) == 71
    assert loudness[:31] == pytest.approx(-23, abs=0.1)
    assert loudness[45] == pytest.approx(-26, abs=0.1)
    assert (loudness[61:] == -70).all()


def test_short_term_loudness_agrees_with_the_integrated() -> None:
    music = steady_music(8, seed=3)
    assert np.median(short_term_lufs(music)) == pytest.approx(integrated_lufs(music), abs=0.3)


def crossfaded(gain_db: float, dip_db: float = 0.0) -> tuple[Audio, int, int]:
    """Make ten seconds of a track, five of crossfade, ten of another track; return it with the crossfade's ends."""
    start, end = samples(10), samples(15)
    share = np.clip((np.arange(samples(25)) - start) / (end - start), 0, 1)[:, None]
    rng = np.random.default_rng(1)
    first = 0.1 * rng.standard_normal((len(share), 2), np.float32)
    second = amplitude(gain_db) * 0.1 * rng.standard_normal((len(share), 2), np.float32)
    mix = first * np.cos(np.pi / 2 * share) + second * np.sin(np.pi / 2 * share)
    return (mix * amplitude(dip_db) ** np.sin(np.pi * share)).astype(np.float32), start, end


@pytest.mark.parametrize("gain_db", [0, 6, -6])
def test_an_even_crossfade_stays_within_the_band(gain_db: float) -> None:
    mix, start, end = crossfaded(gain_db)
    above, below = loudness_excursion(short_term_lufs(mix), start, end)
    assert 0 <= above < 0.5
    assert 0 <= below < 0.5


@pytest.mark.parametrize("dip_db", [-3, 3])
def test_dips_and_bumps_of_a_crossfade_are_measured(dip_db: float) -> None:
    mix, start, end = crossfaded(0, dip_db)
    above, below = loudness_excursion(short_term_lufs(mix), start, end)
    assert (above, below)[dip_db < 0] == pytest.approx(2.4, abs=0.7)
    assert (above, below)[dip_db > 0] < 0.1


def test_without_music_around_the_excursion_is_nan() -> None:
    assert all(math.isnan(value) for value in loudness_excursion(np.full(20, -20.0), 0, samples(4)))


def oracle_dbtp(audio: Audio) -> float:
    spectrum = np.fft.rfft(audio, axis=0)
    fine = np.fft.irfft(spectrum, len(audio) * 16, axis=0) * 16
    return 20 * math.log10(np.abs(fine).max())


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1_000_000), st.integers(2_000, 30_000), st.floats(1_000, 21_000), st.floats(1, 8))
def test_true_peaks_are_exact(seed: int, count: int, highest: float, drive: float) -> None:
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal((count, 2)), axis=0)
    spectrum[int(highest / SAMPLE_RATE * count) :] = 0
    audio = np.tanh(drive * np.fft.irfft(spectrum, count, axis=0) * 0.3)
    spectrum = np.fft.rfft(audio * np.hanning(count)[:, None], axis=0)
    spectrum[int(0.45 * count) :] = 0
    audio = np.fft.irfft(spectrum, count, axis=0).astype(np.float32)
    assert true_peak_dbtp(audio) == pytest.approx(oracle_dbtp(audio), abs=0.1)


def test_true_peaks_of_limited_audio_are_below_the_ceiling(material: dict[str, Audio]) -> None:
    loud = limited(np.float32(2) * material["drum & bass"])
    assert 20 * math.log10(CEILING) - 0.1 < true_peak_dbtp(loud) < -1
    assert true_peak_dbtp(loud[:0]) == true_peak_dbtp(np.zeros((99, 2), np.float32)) == -120
    assert true_peak_dbtp(np.concatenate((np.zeros((480_000, 2), np.float32), loud))) == pytest.approx(
        true_peak_dbtp(loud), abs=0.02
    )


@pytest.mark.parametrize("name", MATERIAL)
def test_fades_and_limiting_are_no_clicks(material: dict[str, Audio], name: str) -> None:
    source = material[name]
    parts = [Part(source)]
    assert clicks(source, parts) == []
    for length in (240, 2_400):
        for rising in (False, True):
            assert clicks(source * fading(20_000, length, rising=rising), parts) == []
    hot = (source * np.float32(amplitude(9) / np.abs(source).max())).astype(np.float32)
    assert clicks(limited(hot), parts) == []


@pytest.mark.parametrize(("one", "other"), [("house", "drum & bass"), ("noise", "440 Hz"), ("ambient", "breakbeat")])
def test_a_crossfade_is_no_click(material: dict[str, Audio], one: str, other: str) -> None:
    parts = [Part(material[one][:30_000]), Part(material[other][:-15_000], 15_000)]
    mix = limited(
        np.float32(1.5) * parts[0].placed(COUNT) * fading(15_000, 10_000, rising=False)
        + np.float32(1.5) * parts[1].placed(COUNT) * fading(15_000, 10_000, rising=True)
    )
    assert clicks(mix[:25_000], parts) == []


@pytest.mark.parametrize("name", ["440 Hz", "noise", "breakbeat", "house", "ambient"])
@pytest.mark.parametrize("late", [1, 3, 40])
def test_a_part_slightly_out_of_place_still_explains_the_mix(material: dict[str, Audio], name: str, late: int) -> None:
    source = material[name]
    assert clicks(source[5_000:], [Part(source[5_000 - late : -late])]) == []


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["440 Hz", "50 Hz", "noise", "ambient", "12 kHz"]), st.integers(2_000, COUNT - 2_000), st.booleans()
)
def test_a_jump_of_minus_40_dbfs_in_quiet_music_is_found(
    material: dict[str, Audio], name: str, at: int, lasting: bool
) -> None:
    source = quiet(material[name], -50 if name == "noise" else -40)
    mix = source.copy()
    mix[at : COUNT if lasting else at + 1, at % 2] += np.float32(amplitude(-40))
    assert [click.at for click in clicks(mix, [Part(source)])] == pytest.approx([at], abs=1)


@settings(max_examples=40, deadline=None)
@given(st.floats(40, 3_000), st.integers(2_000, COUNT - 2_000), st.sampled_from([-0.5, 0.5, -3.0]))
def test_a_step_of_the_gain_in_a_tone_is_found(hertz: float, at: int, step_db: float) -> None:
    # At crests and on slopes: where a tone crosses zero, a change of gain is inaudible.
    phase = math.pi / 4 + (at % 7) / 6 * math.pi / 2 - 2 * math.pi * hertz * at / SAMPLE_RATE
    source = sine(1, hertz=hertz, amplitude=0.3, phase=phase)
    mix = source.copy()
    mix[at:] *= np.float32(amplitude(step_db))
    assert [click.at for click in clicks(mix, [Part(source)])] == pytest.approx([at], abs=1)


@pytest.mark.parametrize("name", ["440 Hz", "50 Hz", "house", "ambient", "noise"])
def test_a_cut_of_a_continuing_source_is_found(material: dict[str, Audio], name: str) -> None:
    source = material[name]
    at = 20_000 + int(np.argmax(np.abs(source[20_000:24_000, 0])))
    mix = source.copy()
    mix[at:] = 0
    assert [click.at for click in clicks(mix, [Part(source)])] == pytest.approx([at], abs=30)


@pytest.mark.parametrize("name", ["440 Hz", "50 Hz", "ambient"])
def test_hard_ends_of_a_part_are_clicks(material: dict[str, Audio], name: str) -> None:
    source = material[name]
    begin = 12_000 + int(np.argmax(np.abs(source[12_000:16_000, 0])))
    end = 30_000 + int(np.argmax(np.abs(source[30_000:34_000, 0])))
    part = Part(source[begin:end], begin)
    assert [click.at for click in clicks(part.placed(COUNT), [part])] == pytest.approx([begin, end], abs=2)


@pytest.mark.parametrize("name", MATERIAL)
@pytest.mark.parametrize("at", [20_000, 20_477, 31_113])
def test_a_gapless_join_is_no_click(material: dict[str, Audio], name: str, at: int) -> None:
    source = material[name]
    assert clicks(source, [Part(source[:at]), Part(source[at:], at)]) == []


@pytest.mark.parametrize("skipped", [-1, 1])
def test_a_join_that_is_off_by_a_sample_is_found(material: dict[str, Audio], skipped: int) -> None:
    # Where the tone crosses zero, a sample makes the greatest difference.
    source = sine(1, hertz=1_000, amplitude=0.3)
    at = 20_016
    mix = np.concatenate((source[:at], source[at + skipped :]))
    assert len(clicks(mix, [Part(source[:at]), Part(source[at + skipped :], at)])) == 1
    for name in ("440 Hz", "noise", "ambient", "house"):
        whole = material[name]
        mix = np.concatenate((whole[:at], whole[at + skipped :]))
        assert clicks(mix, [Part(whole)])
