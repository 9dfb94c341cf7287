"""Measures of time: attacks, the place of a source in a mix, and a mix taken apart by the engine's mixer."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.audio.decoding import open_audio
from rtc_drift.demo import DEMO, render, truth
from rtc_drift.engine.mixer import Mixer
from rtc_drift.engine.protocol.plays import Fade, Play
from rtc_drift.media import SAMPLE_RATE, Audio, samples
from rtc_drift.rendering.file_deck import FileDeck
from tests.support.audio_files import write_audio
from tests.support.drum_patterns import DRUMS, Pattern, render_pattern
from tests.support.measures import (
    clicks,
    coincidence,
    find_source,
    greatest_difference,
    onset_seconds,
    parts_of,
    source_end,
    source_start,
    sources_of,
)
from tests.support.measures.excerpt import excerpt
from tests.support.music import steady_music

DRUMMED = [("four on the floor", None), ("backbeat", "A minor"), ("breakbeat", None), ("shuffle", "C major")]


def strike_times(pattern: Pattern) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the times of all steps on which any drum plays."""
    voices = DRUMS[pattern.drums].values()
    steps = [
        step for step in range(pattern.bars * len(next(iter(voices)))) if any(v[step % len(v)] != "." for v in voices)
    ]
    return np.array([samples(pattern.step_seconds(step)) / SAMPLE_RATE for step in steps])


@pytest.mark.parametrize(("drums", "key"), DRUMMED)
def test_drum_strikes_are_found_to_a_fraction_of_a_millisecond(drums: str, key: str | None) -> None:
    pattern = Pattern(drums, 120.5, key=key, bars=4)
    struck = strike_times(pattern)
    about = struck + np.random.default_rng(1).uniform(-0.015, 0.015, len(struck))
    assert np.abs(onset_seconds(render_pattern(pattern), about) - struck).max() < 0.0005


@pytest.mark.parametrize("style", ["House", "Trance", "Drum & Bass", "Dub", "Lo-fi Hip Hop", "Bossa Nova"])
def test_the_beats_of_the_demo_are_found_to_a_millisecond(style: str) -> None:
    spec = next(spec for spec in DEMO if spec.style == style)
    beats = np.array(truth(spec, bars=2).beats_seconds[:-1])
    about = beats + np.random.default_rng(1).uniform(-0.015, 0.015, len(beats))
    errors = onset_seconds(render(spec, bars=2), about) - beats
    assert np.isfinite(errors).all()
    assert np.abs(errors).max() < 0.0015
    assert np.abs(np.median(errors)) < 0.0005


def test_noise_tones_and_silence_have_no_attacks() -> None:
    about = np.arange(0.2, 5.5, 0.1)
    music = steady_music(6, seed=1)
    for audio in (
        music,
        np.zeros_like(music),
        music[:, ::-1] * np.linspace(0, 1, len(music), dtype=np.float32)[:, None],
    ):
        assert np.isnan(onset_seconds(audio, about)[1:]).all()
    assert onset_seconds(music, np.empty(0)).shape == (0,)


@pytest.mark.parametrize("suffix", [".opus", ".mp3"])
def test_codecs_move_no_attack_by_a_millisecond(tmp_path: Path, suffix: str) -> None:
    pattern = Pattern("backbeat", 100, bars=3)
    audio = render_pattern(pattern)
    with open_audio(str(write_audio(tmp_path / f"coded{suffix}", audio))) as file:
        coded = np.concatenate(list(file.chunks()))
    beats = pattern.beats_seconds[:-1]
    late = onset_seconds(coded, beats, 0.06) - onset_seconds(audio, beats)
    assert np.abs(late - np.median(late)).max() < 0.001


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(DRUMMED), st.sampled_from(DRUMMED), st.integers(-960, 960))
def test_the_delay_between_two_parts_is_measured(
    one: tuple[str, str | None], other: tuple[str, str | None], late: int
) -> None:
    first, second = (Pattern(drums, 128, key=key, bars=2, seed=n) for n, (drums, key) in enumerate((one, other)))
    beats = first.beats_seconds[:-1]
    audio = render_pattern(second)
    found = coincidence(render_pattern(first), excerpt(audio, -late, len(audio)), beats)
    if "shuffle" not in (one[0], other[0]):
        assert found.both >= 3
    if found.both:
        assert found.offset_ms == pytest.approx(late / 48, abs=0.3)
        assert found.median_ms == pytest.approx(abs(late) / 48, abs=0.3)
        assert found.p95_ms == pytest.approx(abs(late) / 48, abs=1)


def test_a_drift_of_tempo_is_measured_beat_by_beat() -> None:
    first, second = Pattern("four on the floor", 120, bars=8), Pattern("backbeat", 120.1, bars=8)
    found = coincidence(render_pattern(first), render_pattern(second), first.beats_seconds[:-1])
    slope = np.polyfit(np.arange(16), found.differences_ms[:32:2], 1)[0] / 2
    assert slope == pytest.approx(60_000 / 120.1 - 500, abs=0.02)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 40_000), st.integers(100_000, 140_000), st.integers(0, 20_000))
def test_a_source_is_found_to_the_sample(start: int, end: int, offset: int) -> None:
    mix = np.zeros((150_000, 2), np.float32)
    mix[start:end] = 0.5 * SOURCE[offset : offset + end - start]
    found = find_source(mix, SOURCE, 0.5, probe_at=offset + 41_000)
    assert found.position == start - offset
    assert (found.start, found.end) == pytest.approx((start, end), abs=24), "a zero crossing is not detected"


SOURCE = steady_music(4, seed=7)


def test_a_source_below_other_music_is_found_nearly_exactly() -> None:
    mix = steady_music(4, seed=8)
    mix[50_000:170_000] += SOURCE[:120_000] * np.minimum(1, np.arange(120_000) / 4_800)[:, None]
    assert find_source(mix, SOURCE[:120_000]).position == 50_000
    assert source_start(mix, SOURCE[:120_000]) == pytest.approx(52_400, abs=960)
    assert source_end(mix, SOURCE[:120_000]) == pytest.approx(170_000, abs=200)


def test_the_greatest_difference_of_samples_is_measured() -> None:
    mix = (SOURCE * np.float32(0.5)).astype(np.float32)
    assert greatest_difference(mix, SOURCE, 0.5) == 0
    mix[1_234, 1] += 0.001
    assert greatest_difference(mix, SOURCE, 0.5) == pytest.approx(0.001, rel=0.01)
    assert greatest_difference(mix[:0], SOURCE[:0]) == 0


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Two files of eight seconds, one soft and tonal, one with drums."""
    folder = tmp_path_factory.mktemp("parts")
    drums = render_pattern(Pattern("breakbeat", 120, bars=3, key="A minor"))
    ambient = render(next(spec for spec in DEMO if spec.style == "Ambient"), bars=2)
    audios = {"drums": drums, "ambient": ambient[samples(1) :]}
    return {name: str(write_audio(folder / f"{name}.flac", audio)) for name, audio in audios.items()}


def mixed(plays: list[Play], first: int, count: int) -> Audio:
    mixer = Mixer(FileDeck)
    mixer.set_plays(plays, 0)
    blocks = [mixer.mix(at, 960) for at in range(0, first + count, 960)]
    mixer.close()
    return np.concatenate(blocks)[first : first + count]


def crossfade(files: dict[str, str]) -> list[Play]:
    ambient = Play(1, "a", files["ambient"], 0, 9_000, 240_000, 0.8, 0, Fade(144_000, 96_000))
    return [ambient, Play(2, "b", files["drums"], 144_000, 20_000, 400_000, 0.5, 96_000, None)]


@pytest.mark.parametrize("lead", [SAMPLE_RATE, None])
def test_the_parts_of_a_mix_sum_to_it(files: dict[str, str], lead: int | None) -> None:
    plays = crossfade(files)
    parts = parts_of(plays, FileDeck, 100_000, 96_000, lead=lead)
    assert [(part.play, part.start, part.end) for part in parts] == [(1, 0, 96_000), (2, 44_000, 96_000)]
    total = sum((part.placed(96_000) for part in parts), np.zeros((96_000, 2), np.float32))
    assert greatest_difference(total, mixed(plays, 100_000, 96_000)) < 1e-4
    assert [part.play for part in parts_of(plays, FileDeck, 0, 96_000)] == [1]


def test_sources_have_no_fades_and_end_where_their_files_do(files: dict[str, str]) -> None:
    plays = crossfade(files)
    sources = sources_of(plays, FileDeck, 130_000, 250_000)
    with open_audio(files["ambient"]) as file:
        whole = np.concatenate(list(file.chunks()))
    assert greatest_difference(sources[0].audio[:100_000], whole[139_000:239_000], 0.8) < 1e-4
    assert sources[0].start == 0
    assert sources[0].end <= len(whole) - 9_000 - 130_000
    assert sources[1].start == 14_000


FAULTS: dict[str, Callable[[list[Play]], tuple[list[Play], list[int]]]] = {
    "none": lambda plays: (plays, []),
    "cut out": lambda plays: ([replace(plays[0], fade_out=None, end=150_123), plays[1]], [150_123]),
    "cut in": lambda plays: ([replace(plays[0], start=100_321), plays[1]], [100_321]),
    "a pause without a ramp": lambda plays: ([replace(plays[0], hush=Fade(120_000, 0)), plays[1]], [120_000]),
    "a pause with a ramp": lambda plays: ([replace(plays[0], hush=Fade(120_000, 240)), plays[1]], []),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_clicks_of_a_plan_are_found_in_the_mix(files: dict[str, str], fault: str) -> None:
    plays, expected = FAULTS[fault](crossfade(files))
    first, count = 90_000, 120_000
    found = clicks(mixed(plays, first, count), sources_of(plays, FileDeck, first, count))
    assert [click.at + first for click in found] == pytest.approx(expected, abs=50)
    # Parts explain their own audio, except for their ends.
    within = clicks(mixed(plays, first, count), parts_of(plays, FileDeck, first, count))
    assert len(within) <= len(expected)
