"""Phrases and sections are where the music was written to change."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.analysis_form import score_form
from rtc_drift.analysis import Analyser, Analysis
from rtc_drift.analysis.phrases import find_phrases
from rtc_drift.demo import DEMO, TrackSpec, render, truth
from rtc_drift.media import SAMPLE_RATE, Audio

STYLES = ("House", "Synthwave", "Dub")
ROLES = {"intro": "intro", "main": "body", "break": "break", "finale": "body"}


def analysed(audio: Audio) -> Analysis:
    analyser = Analyser(true_peak_dbtp=-1.0)
    for first in range(0, len(audio), SAMPLE_RATE):
        analyser.add(audio[first : first + SAMPLE_RATE])
    return analyser.finish()


@pytest.fixture(scope="module")
def tracks() -> dict[str, tuple[TrackSpec, Analysis]]:
    chosen = [next(spec for spec in DEMO if spec.style == style) for style in STYLES]
    return {spec.style: (spec, analysed(render(spec))) for spec in chosen}


@pytest.mark.parametrize("style", STYLES)
def test_phrases_and_sections_begin_where_they_were_written(
    style: str, tracks: dict[str, tuple[TrackSpec, Analysis]]
) -> None:
    spec, analysis = tracks[style]
    score = score_form(analysis, truth(spec))
    assert score.fours_are_right and score.eights_are_right
    assert 2 * score.hits / (score.found + score.true) >= 0.75
    assert analysis.phrases_confidence > 0.3
    starts = [it.starts_seconds for it in analysis.sections]
    assert set(starts) <= set(analysis.phrases_seconds) <= set(analysis.downbeats_seconds)
    assert starts == sorted(set(starts))


@pytest.mark.parametrize("style", ["House", "Synthwave"])
def test_roles_tell_the_break_from_the_body(style: str, tracks: dict[str, tuple[TrackSpec, Analysis]]) -> None:
    spec, analysis = tracks[style]
    for written in truth(spec).sections:
        middle = written.starts_seconds + written.bars * 120 / spec.bpm
        found = [it for it in analysis.sections if it.starts_seconds <= middle][-1]
        assert found.role == ROLES.get(written.name, found.role)
        if written.name == "break":
            assert found.drums < 0.5 and found.energy < 0


def rows(*parts: tuple[int, float], seed: int = 1) -> NDArray[np.float64]:
    """Return bars of which each part, given by its length, sounds in its own way."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(level, 0.3, (count, 6)) for count, level in parts])


def test_phrases_follow_a_change_of_phase() -> None:
    bars = rows((8, 0.0), (8, 4.0), (16, 0.0), (8, 5.0))
    assert find_phrases(bars).starts == (0, 8, 16, 24, 32)
    upbeat = find_phrases(rows((2, 0.0), (8, 6.0), (8, 0.0), (8, 6.0)))
    assert upbeat.starts == (0, 2, 10, 18)
    assert upbeat.confidence > 0.5


def test_bars_that_are_all_alike_make_no_sure_phrases() -> None:
    found = find_phrases(rows((64, 0.0)))
    assert {after - before for before, after in pairwise(found.starts)} <= {8, 16}
    assert found.confidence < 0.2


def test_without_sure_bars_there_are_no_phrases_and_sections_by_energy() -> None:
    level = np.repeat((0.02, 0.3, 0.02), 20 * SAMPLE_RATE)[:, None]
    noise = np.random.default_rng(1).uniform(-1, 1, (60 * SAMPLE_RATE, 2))
    analysis = analysed((level * noise).astype(np.float32))
    assert analysis.phrases_seconds == () and analysis.phrases_confidence == 0
    assert [it.role for it in analysis.sections] == ["intro", "body", "outro"]
    assert [it.starts_seconds for it in analysis.sections] == pytest.approx([0, 20, 40], abs=2.5)
    assert analysis.sections[0].energy < -15 < analysis.sections[1].energy


def test_rumble_without_a_pulse_has_no_phrases_although_its_beats_are_steady() -> None:
    steps = np.cumsum(np.random.default_rng(1).normal(size=60 * SAMPLE_RATE))
    rumble = steps - np.convolve(steps, np.ones(400) / 400, "same")
    wave = (0.5 * rumble / np.abs(rumble).max()).astype(np.float32)
    analysis = analysed(np.stack((wave, wave), axis=1))
    assert len(analysis.downbeats_seconds) > 8
    assert analysis.phrases_seconds == ()
