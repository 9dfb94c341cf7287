"""The analysis of sound that is not music, and properties of the analysis of any sound."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.analysis import Analyser, Analysis
from rtc_drift.library.stored import analysis_of, curves_to_store
from rtc_drift.library.stored_numbers import numbers_to_store
from rtc_drift.media import SAMPLE_RATE, Audio, amplitude, samples, seconds
from tests.support.drum_patterns import Pattern, render_pattern

RNG = np.random.default_rng(1)


def stereo(wave: object) -> Audio:
    mono = np.asarray(wave, np.float32)
    return np.stack((mono, mono), axis=1)


def analysed(audio: Audio) -> Analysis:
    analyser = Analyser()
    analyser.add(audio)
    return analyser.finish()


def swelling(rate: float) -> Audio:
    """Make noise that swells without a beat."""
    level = np.repeat(np.random.default_rng(2).uniform(0, 1, int(20 * rate)), int(SAMPLE_RATE / rate))
    smooth = np.convolve(level, np.hanning(4_800) / 2_400, "same")
    return stereo(0.2 * smooth * RNG.normal(size=len(smooth)))


HOSTILE = {
    "nothing": np.zeros((0, 2), np.float32),
    "one sample": np.full((1, 2), 0.5, np.float32),
    "silence": np.zeros((10 * SAMPLE_RATE, 2), np.float32),
    "two seconds": stereo(np.sin(np.arange(2 * SAMPLE_RATE) * 0.05)),
    "an offset": np.full((8 * SAMPLE_RATE, 2), 0.9, np.float32),
    "noise": stereo(RNG.uniform(-1, 1, 12 * SAMPLE_RATE)),
    "a click": np.pad(np.ones((1, 2), np.float32), ((3 * SAMPLE_RATE, 3 * SAMPLE_RATE), (0, 0))),
    "too loud": stereo(8 * np.sign(np.sin(np.arange(6 * SAMPLE_RATE) * 0.02))),
    "out of phase": np.stack((s := np.sin(np.arange(6 * SAMPLE_RATE) * 0.1), -s), axis=1).astype(np.float32),
    "hardly anything": stereo(1e-30 * RNG.normal(size=6 * SAMPLE_RATE)),
}


def assert_consistent(analysis: Analysis, audio: Audio) -> None:
    """Assert what holds for any analysis; the model itself checks ranges."""
    duration = seconds(len(audio))
    beats = analysis.beats_seconds
    assert list(beats) == sorted(set(beats)) and all(0 <= beat <= duration for beat in beats)
    assert set(analysis.downbeats_seconds) <= set(beats)
    cues = tuple(analysis.cues.model_dump().values())
    assert list(cues) == sorted(cues) and cues[-1] <= duration
    assert (analysis.tempo_bpm is None) == (analysis.features.tempo == 0)
    assert analysis.tempo_bpm is not None or analysis.tempo_confidence == 0
    assert (analysis.key is None) == (analysis.camelot is None)
    assert len(analysis.short_term_lufs) == int(duration)
    key, camelot = (name and name.encode() for name in (analysis.key, analysis.camelot))
    stored = analysis_of(numbers_to_store(analysis), key, camelot, curves_to_store(analysis))
    assert stored == analysis, "nothing is lost when it is stored"


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_sound_gives_a_consistent_result(name: str) -> None:
    analysis = analysed(HOSTILE[name])
    assert_consistent(analysis, HOSTILE[name])
    assert analysis.tempo_confidence < 0.5


@pytest.mark.parametrize("name", ["silence", "hardly anything", "nothing"])
def test_silence_has_neither_tempo_nor_key(name: str) -> None:
    analysis = analysed(HOSTILE[name])
    assert analysis.tempo_bpm is None and analysis.beats_seconds == ()
    assert analysis.key is None and analysis.key_confidence == 0


@pytest.mark.parametrize("rate", [2.3, 5.0])
def test_random_swells_have_no_certain_tempo(rate: float) -> None:
    assert analysed(swelling(rate)).tempo_confidence < 0.5


@settings(max_examples=8, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["silence", "noise", "tone", "clicks"]), st.integers(1, 50_000)), max_size=4),
    st.floats(1e-4, 8.0),
)
def test_any_sound_gives_a_consistent_result(parts: list[tuple[str, int]], level: float) -> None:
    rng = np.random.default_rng(3)
    waves = {
        "silence": np.zeros(50_000),
        "noise": rng.uniform(-1, 1, 50_000),
        "tone": np.sin(np.arange(50_000) * 0.07),
        "clicks": (np.arange(50_000) % 20_000 == 0).astype(float),
    }
    audio = stereo(np.concatenate([np.zeros(0), *(level * waves[name][:length] for name, length in parts)]))
    assert_consistent(analysed(audio), audio)


def test_cues_are_where_the_energy_rises_and_falls() -> None:
    piece = render_pattern(Pattern("four on the floor", 120.0, bars=20))
    gain = np.interp(np.arange(len(piece)) / SAMPLE_RATE, [7.9, 8.0, 32.0, 32.1], [0.05, 1.0, 1.0, 0.05])
    quiet_ends = np.pad(piece * gain[:, None], ((SAMPLE_RATE, 2 * SAMPLE_RATE), (0, 0))).astype(np.float32)
    analysis = analysed(quiet_ends)
    assert analysis.cues.first_sound_seconds == pytest.approx(1.25, abs=0.02)
    assert analysis.cues.intro_end_seconds == pytest.approx(9.0, abs=1.5)
    assert analysis.cues.outro_start_seconds == pytest.approx(33.0, abs=2.5)
    assert analysis.cues.outro_start_seconds in analysis.downbeats_seconds
    assert analysis.cues.last_sound_seconds < seconds(len(quiet_ends)) - 2


def test_features_match_their_names() -> None:
    time = np.arange(6 * SAMPLE_RATE) / SAMPLE_RATE
    low, high = (analysed(stereo(0.3 * np.sin(2 * np.pi * hertz * time))) for hertz in (100, 8_000))
    noise = analysed(stereo(0.3 * RNG.uniform(-1, 1, len(time))))
    assert low.features.bass > 0.98 and high.features.air > 0.98 and low.features.air < 0.01
    assert high.features.brightness == pytest.approx(8_000, rel=0.05)
    assert low.features.noisiness < 0.05 < 0.4 < noise.features.noisiness
    assert low.features.dynamics == pytest.approx(3.01, abs=0.1)
    assert noise.features.spread > 2_000 > high.features.spread


def test_drums_add_energy_and_strong_beats() -> None:
    pattern = Pattern("backbeat", 110.0, key="C major", bars=8)
    driving = analysed(render_pattern(pattern)).features
    time = np.arange(15 * SAMPLE_RATE) / SAMPLE_RATE
    calm = analysed(stereo(0.1 * sum(np.sin(2 * np.pi * hertz * time) for hertz in (262, 330, 392)))).features
    assert driving.energy > 3 * calm.energy
    assert driving.onset_density > calm.onset_density
    assert driving.beat_strength > 2 and driving.danceability > 1


def test_loudness_has_its_range_and_course() -> None:
    tone = 0.1 * np.sin(2 * np.pi * 1_000 * np.arange(samples(20)) / SAMPLE_RATE)
    tone[samples(10) :] *= amplitude(-10)
    analysis = analysed(stereo(tone))
    assert analysis.loudness_range_lu == pytest.approx(10, abs=1)
    assert analysis.short_term_lufs[8] - analysis.short_term_lufs[18] == pytest.approx(10, abs=0.2)
    assert analysis.true_peak_dbtp == pytest.approx(-20, abs=0.1)


def test_a_given_true_peak_changes_nothing_else() -> None:
    piece = render_pattern(Pattern("backbeat", 110.0, key="C major", bars=4))
    measuring, given = Analyser(), Analyser(true_peak_dbtp=-2.5)
    for analyser in (measuring, given):
        analyser.add(piece)
    assert given.finish() == measuring.finish().model_copy(update={"true_peak_dbtp": -2.5})
