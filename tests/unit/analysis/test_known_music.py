"""The analysis of music whose beats, downbeats and key are known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from rtc_drift.analysis import Analyser, Analysis
from rtc_drift.demo import DEMO, TrackSpec, truth
from rtc_drift.demo import render as render_track
from rtc_drift.media import Audio
from tests.support.drum_patterns import Pattern, render_pattern

PIECES = (
    Pattern("four on the floor", 125.0, key="A minor", bars=8),
    Pattern("backbeat", 96.5, key="Eb major", seed=1, bars=8),
    Pattern("loud off-beat hats", 130.0, key="F# minor", seed=2, bars=8),
    Pattern("breakbeat", 118.0, key="C major", seed=3, bars=8),
    Pattern("sparse kick", 104.0, key="G minor", swing=0.2, seed=4, bars=8),
    Pattern("shuffle", 110.0, key="B major", seed=5, bars=8),
)


def analysed(audio: Audio, block: int = 48_000) -> Analysis:
    analyser = Analyser()
    for first in range(0, len(audio), block):
        analyser.add(audio[first : first + block])
    return analyser.finish()


@pytest.fixture(scope="module")
def analyses() -> dict[Pattern, Analysis]:
    return {pattern: analysed(render_pattern(pattern)) for pattern in PIECES}


def share_near(some: NDArray[np.float64], others: NDArray[np.float64], within: float) -> float:
    return float(np.mean(np.abs(some[:, None] - others).min(axis=1) <= within))


@pytest.mark.parametrize("pattern", PIECES, ids=lambda pattern: pattern.drums)
def test_the_tempo_is_exact(pattern: Pattern, analyses: dict[Pattern, Analysis]) -> None:
    assert analyses[pattern].tempo_bpm == pytest.approx(pattern.bpm, rel=0.005)


@pytest.mark.parametrize("pattern", PIECES, ids=lambda pattern: pattern.drums)
def test_beats_are_where_they_were_written(pattern: Pattern, analyses: dict[Pattern, Analysis]) -> None:
    beats = np.array(analyses[pattern].beats_seconds)
    assert share_near(beats, pattern.beats_seconds, 0.05) > 0.95, "none between the beats"
    assert share_near(pattern.beats_seconds, beats, 0.05) > 0.9, "none left out"
    nearest = beats[:, None] - pattern.beats_seconds
    errors = nearest[np.arange(len(beats)), np.abs(nearest).argmin(axis=1)]
    assert abs(np.median(errors)) < 0.005


@pytest.mark.parametrize("pattern", PIECES, ids=lambda pattern: pattern.drums)
def test_downbeats_are_where_bars_start(pattern: Pattern, analyses: dict[Pattern, Analysis]) -> None:
    downbeats = np.array(analyses[pattern].downbeats_seconds)
    assert set(analyses[pattern].downbeats_seconds) <= set(analyses[pattern].beats_seconds)
    assert share_near(downbeats, pattern.downbeats_seconds, 0.05) > 0.9


@pytest.mark.parametrize("pattern", PIECES, ids=lambda pattern: pattern.drums)
def test_the_key_is_found_under_drums(pattern: Pattern, analyses: dict[Pattern, Analysis]) -> None:
    assert analyses[pattern].key == pattern.key


def test_camelot_codes_match_the_keys(analyses: dict[Pattern, Analysis]) -> None:
    expected = {"A minor": "8A", "Eb major": "5B", "F# minor": "11A", "C major": "8B", "G minor": "6A", "B major": "1B"}
    assert {analysis.key: analysis.camelot for analysis in analyses.values()} == expected


def test_bars_of_three_are_found() -> None:
    pattern = Pattern("waltz", 100.0, key="D major", seed=6, bars=12)
    analysis = analysed(render_pattern(pattern))
    gaps = np.diff(analysis.downbeats_seconds)
    assert float(np.median(gaps)) == pytest.approx(3 * 60 / 100, rel=0.02)
    assert share_near(np.array(analysis.downbeats_seconds), pattern.downbeats_seconds, 0.05) > 0.9


def test_beats_follow_a_tempo_that_drifts() -> None:
    pattern = Pattern("backbeat", 112.0, final_bpm=122.0, key="E major", seed=7, bars=14)
    beats = np.array(analysed(render_pattern(pattern)).beats_seconds)
    assert share_near(pattern.beats_seconds, beats, 0.05) > 0.9
    assert share_near(beats, pattern.beats_seconds, 0.05) > 0.9


def test_another_tuning_does_not_change_the_key() -> None:
    audio = render_pattern(Pattern("backbeat", 100.0, key="A minor", seed=8, bars=8))
    position = np.arange(0, len(audio) - 1, 2 ** (0.3 / 12))
    sharper = np.stack([np.interp(position, np.arange(len(audio)), channel) for channel in audio.T], axis=1)
    assert analysed(sharper.astype(np.float32)).key == "A minor"


@pytest.mark.parametrize("block", [777, 10_000_000])
def test_blocks_of_any_size_give_the_same_analysis(block: int, analyses: dict[Pattern, Analysis]) -> None:
    pattern = PIECES[0]
    other, usual = analysed(render_pattern(pattern), block), analyses[pattern]
    assert other.beats_seconds == pytest.approx(usual.beats_seconds, abs=1e-4)
    assert other.tempo_bpm == pytest.approx(usual.tempo_bpm, rel=1e-6)
    assert other.key == usual.key
    assert other.features.timbre == pytest.approx(usual.features.timbre, abs=1e-3)
    assert other.cues.model_dump() == pytest.approx(usual.cues.model_dump(), abs=1e-4)


@pytest.fixture(scope="module")
def demo_tracks() -> dict[str, tuple[TrackSpec, Analysis]]:
    """Demo tracks whose beat is easy to miss: louder off-beats, a slow pulse counted double, dotted accents."""
    chosen = [next(spec for spec in DEMO if spec.style == style) for style in ("House", "Dub", "Funk", "Trance")]
    return {spec.style: (spec, analysed(render_track(spec, bars=16))) for spec in chosen}


@pytest.mark.parametrize("style", ["House", "Dub", "Funk", "Trance"])
def test_demo_tracks_have_the_tempo_of_their_spec(
    style: str, demo_tracks: dict[str, tuple[TrackSpec, Analysis]]
) -> None:
    spec, analysis = demo_tracks[style]
    assert analysis.tempo_bpm == pytest.approx(spec.bpm, rel=0.001)


@pytest.mark.parametrize("style", ["House", "Dub", "Funk", "Trance"])
def test_demo_tracks_have_the_beats_and_bars_of_their_truth(
    style: str, demo_tracks: dict[str, tuple[TrackSpec, Analysis]]
) -> None:
    spec, analysis = demo_tracks[style]
    known = truth(spec, bars=16)
    assert share_near(np.array(analysis.beats_seconds), np.array(known.beats_seconds), 0.03) > 0.95
    assert share_near(np.array(analysis.downbeats_seconds), np.array(known.downbeats_seconds), 0.03) > 0.9


def test_beats_that_may_be_off_by_half_have_low_confidence(analyses: dict[Pattern, Analysis]) -> None:
    even = analysed(render_pattern(Pattern("even", 120.0)))
    assert even.beats_confidence < 0.5 < analyses[PIECES[0]].beats_confidence
