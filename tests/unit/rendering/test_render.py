"""Offline rendering: the same programme each time, as a live station would plan it, and without a gap."""

import asyncio
import shutil
import tracemalloc
from collections.abc import Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtc_drift.engine.protocol.plays import Bands, Fade, Play
from rtc_drift.engine.renderer import MixRenderer
from rtc_drift.library.catalogue import Catalogue
from rtc_drift.library.track import Track
from rtc_drift.media import BLOCK_SAMPLES, SAMPLE_RATE, Audio, samples
from rtc_drift.rendering import MemoryLibrary, RenderLog, render_programme
from rtc_drift.rendering.file_deck import FileDeck
from rtc_drift.rendering.kept_leads import KeptLeads
from rtc_drift.rendering.render import LAST_FADE
from rtc_drift.rendering.report import RenderRecord
from rtc_drift.rendering.script import ScriptError, check_tracks, read_script
from rtc_drift.station.autodj import AutoDj
from rtc_drift.station.event_publisher import EventPublisher
from rtc_drift.station.on_air import NothingToPlayError
from rtc_drift.station.sources import LeadSource, Sources
from tests.support.analyses import beat_analysis
from tests.support.audio_checks import longest_silence_ms
from tests.support.autodj_driver import ManualTimeline
from tests.support.fake_stretcher import FakeStretcher
from tests.support.synthetic_library import memory_library

LENGTH = samples(100)


@pytest.fixture(scope="module")
def tracks(music: Path) -> list[Track]:
    catalogue = Catalogue.open(music.with_suffix(".sqlite"))
    known = list(catalogue.tracks([music]).values())
    catalogue.close()
    return known


def library_of(tracks: Sequence[Track]) -> MemoryLibrary:
    """Make a library whose tempi are near each other, so that they are matched."""
    analyses = {track.id: beat_analysis(124 + number, length=40) for number, track in enumerate(tracks)}
    return memory_library(tracks, analyses)


async def render(
    tracks: Sequence[Track],
    seed: int = 1,
    *,
    length: int = LENGTH,
    leads: LeadSource | None = None,
    script: str = "",
) -> tuple[Audio, RenderLog]:
    log, library = RenderLog(), library_of(tracks)
    programme = render_programme(library, seed=seed, length=length, log=log, script=read_script(script), leads=leads)
    async with aclosing(programme) as blocks:
        audio = np.concatenate([block async for block in blocks])
    assert audio.shape == (length, 2) and audio.dtype == np.float32
    return audio, log


@pytest.fixture(scope="module")
def plain_log(tracks: list[Track]) -> RenderLog:
    """The log of a rendering without commands and stretched intros."""
    return asyncio.run(render(tracks))[1]


def played_titles(log: RenderLog, length: int = LENGTH) -> list[str]:
    return [entry.track.title for entry in log.tracks(length)]


async def test_the_same_seed_gives_the_same_samples_for_any_order_of_tracks(
    tracks: list[Track], tmp_path: Path, no_leaks: None
) -> None:
    first, log = await render(tracks, leads=FakeStretcher(tmp_path))
    analyses = {track.id: beat_analysis(124 + number, length=40) for number, track in enumerate(tracks)}
    again, shuffled = RenderLog(), memory_library(tracks[::-1], dict(reversed(analyses.items())))
    stretcher = FakeStretcher(tmp_path)
    programme = render_programme(shuffled, seed=1, length=LENGTH, log=again, leads=stretcher)
    second = np.concatenate([block async for block in programme])
    assert np.array_equal(first, second)
    assert RenderRecord.of(log, seed=1, length=LENGTH) == RenderRecord.of(again, seed=1, length=LENGTH)
    assert stretcher.prepared and sorted(stretcher.prepared) == sorted(stretcher.released)


async def test_another_seed_is_another_programme(tracks: list[Track]) -> None:
    length = samples(42)
    programmes = {tuple(played_titles((await render(tracks, seed, length=length))[1], length)) for seed in range(6)}
    assert len(programmes) > 1


async def test_a_rendering_has_the_plan_of_a_live_station(tracks: list[Track], plain_log: RenderLog) -> None:
    """The live DJ is woken 50 times a second, and begins standing, as in a session."""
    library, timeline, live = library_of(tracks), ManualTimeline(running=False), RenderLog()
    publisher = EventPublisher("master", timeline.now, library.loved, lambda _: None)
    autodj = AutoDj(Sources(library, library), 1, timeline, publisher)
    autodj.advance()
    autodj.advance()
    timeline.running = True
    for timeline.time in range(0, LENGTH, BLOCK_SAMPLES):
        autodj.advance()
        live.note(autodj.programme, timeline.time)
    assert plain_log.entries(LENGTH) == live.entries(LENGTH)
    assert len(plain_log.entries(LENGTH)) > 2


async def test_sound_starts_at_once_and_fades_out_at_the_end(tracks: list[Track]) -> None:
    whole, _ = await render(tracks, length=samples(20))
    short, _ = await render(tracks, length=samples(10))
    assert longest_silence_ms(whole[: samples(18)]) < 5
    faded = short[-LAST_FADE:] / np.where(whole[: samples(10)][-LAST_FADE:] == 0, 1, whole[: samples(10)][-LAST_FADE:])
    expected = np.cos(np.pi / 2 * np.arange(LAST_FADE) / LAST_FADE)
    loud = np.abs(whole[: samples(10)][-LAST_FADE:, 0]) > 0.01
    assert np.allclose(faded[loud, 0], expected[loud], atol=1e-4)
    assert np.array_equal(short[:-LAST_FADE], whole[: samples(10)][:-LAST_FADE])


async def test_leads_are_used_and_the_record_rebuilds_the_programme(tracks: list[Track], tmp_path: Path) -> None:
    (kept := tmp_path / "kept").mkdir()
    leads = KeptLeads(FakeStretcher(tmp_path), kept)
    audio, log = await render(tracks, leads=leads)
    record = RenderRecord.of(log, seed=1, length=LENGTH, leads_are_kept=True)
    read = RenderRecord.model_validate_json(record.model_dump_json(by_alias=True))
    assert read == record
    plays = [play.play() for play in read.plays]
    assert plays == [entry.play for entry in log.entries(LENGTH)]
    assert any(play.lead is not None and play.bands_in is not None for play in plays)
    paths = {it.path for play in plays for it in (play.lead, play.lead_out) if it is not None}
    leads.remove_unused(paths)
    assert {str(path) for path in kept.iterdir()} == paths
    rebuilt = mixed(plays, SAMPLE_RATE)[: LENGTH - LAST_FADE]
    assert np.abs(rebuilt - audio[: LENGTH - LAST_FADE]).max() < 1e-6
    without_leads = RenderRecord.of(log, seed=1, length=LENGTH).plays
    with pytest.raises(ValueError, match="not kept"):
        next(play for play in without_leads if play.lead is not None).play()


def mixed(plays: Sequence[Play], chunk: int, length: int = LENGTH) -> Audio:
    """Render plays that are known from the beginning, in chunks."""
    mix = MixRenderer(FileDeck)
    mix.mixer.set_plays(plays, 0)
    blocks = [mix.render(at, min(chunk, length - at)) for at in range(0, length, chunk)]
    mix.close()
    return np.concatenate(blocks)


def test_the_size_of_chunks_changes_no_sample(tracks: list[Track]) -> None:
    swap, cross, length = Fade(samples(9), samples(1)), Fade(samples(8), samples(4)), samples(20)
    bands = Bands(swap, cross, cross)
    first = Play(1, "a", str(tracks[4].path), 0, 0, samples(12), 3.0, 0, Fade(samples(8), samples(4)), bands_out=bands)
    second = Play(
        2, "b", str(tracks[3].path), samples(8), samples(2), samples(30), 2.0, samples(2), None, bands_in=bands
    )
    whole = mixed((first, second), SAMPLE_RATE, length)
    for chunk in (BLOCK_SAMPLES, 4_321, 7 * SAMPLE_RATE):
        assert np.abs(mixed((first, second), chunk, length) - whole).max() < 1e-6


async def test_commands_are_executed_at_their_times(tracks: list[Track]) -> None:
    wanted = tracks[2]
    script = f"""
        {{"at": 40.5, "command": "seek", "positionSeconds": 30}}
        {{"at": 5, "command": "next-track", "trackId": "{wanted.id}", "when": "now"}}
        {{"at": 20, "command": "pause"}}
        {{"at": 22, "command": "resume"}}
        {{"at": 30, "command": "love", "trackId": "{wanted.id}", "value": true}}
        {{"at": 31, "command": "queue", "trackId": "{tracks[0].id}"}}
        {{"at": 32, "command": "direction", "direction": "brighter"}}
        {{"at": 500, "command": "previous"}}
    """
    audio, log = await render(tracks, script=script)
    came = [(it.scripted.command, it.scripted.at / SAMPLE_RATE) for it in log.commands]
    assert came == [
        ("next-track", 5),
        ("pause", 20),
        ("resume", 22),
        ("love", 30),
        ("queue", 31),
        ("direction", 32),
        ("seek", 40.5),
    ]
    skip, pause, resume, *_, seek = (it.accepted.starts_at for it in log.commands)
    entries = {entry.play.start: entry for entry in log.entries(LENGTH)}
    assert entries[skip].track == wanted and 5 < skip / SAMPLE_RATE < 5.3
    assert entries[resume].transition.kind == "resume"
    assert entries[seek].play.offset == samples(30)
    assert longest_silence_ms(audio[: samples(90)]) == pytest.approx((resume - pause) / 48, abs=60)
    assert played_titles(log)[2] == tracks[0].title
    record = RenderRecord.of(log, seed=1, length=LENGTH)
    assert record.commands[0].at == 5 and record.commands[0].starts_at == skip
    assert record.commands[0].body == {"trackId": wanted.id, "direction": None, "when": "now"}


BAD = [
    ("nonsense", "line 1: this is not valid JSON."),
    ("\n[1]", "line 2: this is not a JSON object."),
    ('{"command": "pause"}', "line 1: at: Field required."),
    ('{"at": -1, "command": "pause"}', "line 1: at: Input should be greater than or equal to 0."),
    ('{"at": "1", "command": "pause"}', "line 1: at: Input should be a valid number."),
    ('{"at": 1, "command": "stop"}', "line 1: unknown command 'stop'; the commands are next-track, "),
    ('{"at": 1, "command": "pause", "now": true}', "line 1: now: Extra inputs are not permitted."),
    ('{"at": 1, "command": "seek"}', "line 1: positionSeconds: Field required."),
    ('{"at": 1, "command": "direction", "direction": "up"}', "line 1: direction: must be null or one of faster, "),
    ('{"at": 1, "command": "next-track", "direction": "up"}', "line 1: direction: must be null or one of faster, "),
]


@pytest.mark.parametrize(("text", "said"), BAD)
def test_invalid_lines_of_a_script_are_refused(text: str, said: str) -> None:
    with pytest.raises(ScriptError) as raised:
        read_script(text)
    assert str(raised.value).startswith(said)


async def test_invalid_commands_of_a_script_are_refused(tracks: list[Track]) -> None:
    unknown = read_script('{"at": 1, "command": "queue", "trackId": "x"}')
    with pytest.raises(ScriptError, match=r"line 1: trackId: there is no such track in the library\."):
        check_tracks(unknown, library_of(tracks))
    with pytest.raises(ScriptError, match=r"line 2: positionSeconds: the track is 40\.0 seconds long\."):
        await render(tracks, script='\n{"at": 1, "command": "seek", "positionSeconds": 41}')


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def garbled(path: Path) -> None:
    path.write_bytes(b"no music " * 1000)


@pytest.mark.parametrize("broken", [truncated, garbled, Path.unlink])
async def test_a_broken_file_is_skipped_without_a_gap(
    tracks: list[Track], plain_log: RenderLog, tmp_path: Path, broken: Callable[[Path], Any], no_leaks: None
) -> None:
    copies = [
        track.model_copy(update={"path": Path(shutil.copy(track.path, tmp_path / track.path.name))}) for track in tracks
    ]
    second = plain_log.tracks(LENGTH)[1].track.id
    broken(next(track.path for track in copies if track.id == second))
    audio, mended = await render(copies)
    again, _ = await render(copies)
    assert longest_silence_ms(audio[: LENGTH - LAST_FADE]) < 5
    assert np.array_equal(audio, again)
    whole = [entry for entry in mended.tracks(LENGTH) if entry.sound_ends is None]
    assert second not in {entry.track.id for entry in whole}


async def test_a_library_without_playable_tracks_raises(tracks: list[Track], tmp_path: Path) -> None:
    with pytest.raises(NothingToPlayError):
        await render([])
    with pytest.raises(NothingToPlayError):
        await render([tracks[0].model_copy(update={"path": tmp_path / "gone.flac"})])


async def test_memory_does_not_grow_with_the_length(tracks: list[Track]) -> None:
    tracemalloc.start()
    try:
        peaks = list[int]()
        programme = render_programme(library_of(tracks), seed=1, length=samples(180), log=RenderLog())
        async with aclosing(programme) as blocks:
            rendered, most = 0, 0
            async for block in blocks:
                most = max(most, len(block))
                rendered += len(block)
                if rendered > samples(60) * (len(peaks) + 1):
                    peaks.append(tracemalloc.get_traced_memory()[1])
                    tracemalloc.reset_peak()
    finally:
        tracemalloc.stop()
    assert most <= SAMPLE_RATE
    assert max(peaks) < 8e6, "three minutes are 69 MB"


async def test_a_closed_rendering_leaves_nothing(tracks: list[Track], no_leaks: None) -> None:
    async with aclosing(render_programme(library_of(tracks), seed=1, length=LENGTH, log=RenderLog())) as blocks:
        await anext(blocks)
