"""Beat matching through server and WebRTC: mixes are planned, stretched and sent; next-track is on the beat."""

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rtc_drift.engine.mixer import Mixer
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.media import SAMPLE_RATE, Audio, samples
from rtc_drift.rendering.file_deck import FileDeck
from tests.support.audio_checks import correlation, lag_of, longest_silence_ms
from tests.support.audio_files import write_audio
from tests.support.drum_patterns import MIXABLE, render_pattern
from tests.support.measures.attacks import coincidence
from tests.support.server import RunningServer, Serve
from tests.support.waiting import until

SHARED_PORT_ONLY = True


@pytest.fixture(scope="module")
def beats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tracks whose tempi can be matched."""
    folder = tmp_path_factory.mktemp("beats")
    for title, pattern in MIXABLE.items():
        write_audio(folder / f"{title}.flac", render_pattern(pattern), tags={"title": title})
    return folder


async def until_analysed(server: RunningServer) -> None:
    """Wait until both tracks are analysed."""
    library = server.service.library
    await until(lambda: len(library.analyses.analysed) == len(MIXABLE), seconds=60)


def mixed(plays: list[Play], first: int, count: int) -> Audio:
    """Render plays with the engine's mixer."""
    mixer = Mixer(FileDeck)
    mixer.set_plays(plays, first)
    try:
        return np.concatenate([mixer.mix(at, 4_800) for at in range(first, first + count, 4_800)])
    finally:
        mixer.close()


async def test_a_beat_matched_mix_is_sent_as_planned(serve: Serve, beats: Path) -> None:
    async with serve(beats, analysis=True) as server:
        await until_analysed(server)
        await server.post("/session/master/seek", {"positionSeconds": 5})  # the mix begins 14 s later
        async with server.listener() as listener:
            autodj = server.autodj
            reading = asyncio.create_task(listener.read(samples(23)))
            await until(lambda: any(entry.play.lead for entry in autodj.programme.entries), seconds=7)
            outgoing, incoming = autodj.programme.entries[-2:]
            plan, plays = incoming.transition, [outgoing.play, incoming.play]
            assert (plan.style, plan.needs_stretching) == ("beat-matched", True)
            begins = incoming.play.start
            rendered = await asyncio.to_thread(mixed, plays, begins - samples(3), plan.duration + samples(6))
            # Each alone with all of its bands: of highs alone, others than the drums on the beat may strike first.
            whole = [replace(outgoing.play, bands_out=None), replace(incoming.play, bands_in=None)]
            parts = [await asyncio.to_thread(mixed, [play], begins, plan.duration // 4_800 * 4_800) for play in whole]
            received = await reading
    assert longest_silence_ms(received) <= 20
    # The received audio is the planned mix: before, in and after the overlap.
    place = lag_of(rendered[: samples(5)], received)
    for at in (0.0, 3.0, 5.5, 9.0):
        part = rendered[samples(at) : samples(at + 2)]
        around = received[place + samples(at) - samples(0.1) :][: samples(2.2)]
        lag = lag_of(part, around)
        assert min(correlation(around[lag : lag + len(part)], part)) >= 0.9, f"{at} s"
        assert abs(lag - samples(0.1)) <= 48, f"{at} s"
    # In the planned mix the drums of both tracks coincide.
    beat = plan.duration / plan.bars / 4 / SAMPLE_RATE
    first, second = parts
    apart = coincidence(first, second, np.arange(1, plan.bars * 4 - 1, dtype=np.float64) * beat)
    assert apart.median_ms <= 10 and apart.p95_ms <= 25


async def test_the_next_track_starts_on_a_bar_and_is_beat_matched(serve: Serve, beats: Path) -> None:
    async with serve(beats, analysis=True) as server:
        await until_analysed(server)
        async with server.listener() as listener:
            await listener.read(samples(1))
            playing, before = server.autodj.now_playing(), server.station.now()
            assert playing is not None
            answer = await listener.command("next-track")
            bars = MIXABLE[playing.track.title].downbeats_seconds
            at = playing.play.position_at(answer["startsAt"]) / SAMPLE_RATE
            assert np.abs(bars - at).min() < 0.03
            assert answer["startsAt"] - before <= samples(4.7), "by the bar after next"
            assert answer["transition"]["style"] == "beat-matched" and answer["transition"]["bars"] == 4
            assert server.autodj.programme.entries[-1].play.start == answer["startsAt"]
            now = await listener.command("next-track", when="now")
            assert now["startsAt"] >= answer["startsAt"], "in the order of the commands"
