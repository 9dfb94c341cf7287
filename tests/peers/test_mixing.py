"""Mixing on the beat, through the server and WebRTC: planned, rendered ahead, heard; and next-track on the bar."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from rtc_drift.engine.deck import Deck
from rtc_drift.engine.mixer import Mixer
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.media import SAMPLE_RATE, Audio, samples
from tests.audio_files import write_audio
from tests.conftest import Serve, Served
from tests.listening import correlation, lag_of, longest_silence_ms
from tests.measures.attacks import coincidence
from tests.patterns import Pattern, render
from tests.waiting import until

ONE_WAY = True
PATTERNS = {
    "Steady": Pattern("four on the floor", 138.0, key="A minor", bars=16, seed=1),
    "Back": Pattern("backbeat", 143.0, key="A minor", bars=16, seed=2),
}


@pytest.fixture(scope="module")
def beats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pieces whose tempi can be matched."""
    folder = tmp_path_factory.mktemp("beats")
    for title, pattern in PATTERNS.items():
        write_audio(folder / f"{title}.flac", render(pattern), tags={"title": title})
    return folder


async def listened_to(served: Served) -> None:
    """Until both are."""
    library = served.service.library
    await until(lambda: len(library.analyses.known) == len(PATTERNS), seconds=60)


def mixed(plays: list[Play], first: int, count: int) -> Audio:
    """What the engine's mixer makes of them."""
    mixer = Mixer(lambda path, start: Deck(path, start, patient=True))
    mixer.set_plays(plays, first)
    try:
        return np.concatenate([mixer.mix(at, 4_800) for at in range(first, first + count, 4_800)])
    finally:
        mixer.close()


async def test_beats_are_heard_on_beats(serve: Serve, beats: Path) -> None:
    async with serve(beats, analysis=True) as served:
        await listened_to(served)
        async with served.listener() as listener:
            conductor = served.service.sessions.master.station.autodj
            heard = asyncio.create_task(listener.read(samples(31)))
            await until(lambda: any(entry.play.lead for entry in conductor.programme.entries), seconds=15)
            outgoing, incoming = conductor.programme.entries[:2]
            plan, plays = incoming.transition, [outgoing.play, incoming.play]
            assert (plan.style, plan.needs_lead) == ("beat-matched", True)
            begins = incoming.play.start
            made = await asyncio.to_thread(mixed, plays, begins - samples(3), plan.duration + samples(6))
            parts = [await asyncio.to_thread(mixed, [play], begins, plan.duration // 4_800 * 4_800) for play in plays]
            audio = await heard
    assert longest_silence_ms(audio) <= 20
    # What came over WebRTC is what was planned, before, in and after the overlap.
    place = lag_of(made[: samples(5)], audio)
    for at in (0.0, 3.0, 5.5, 9.0):
        part = made[samples(at) : samples(at + 2)]
        around = audio[place + samples(at) - samples(0.1) :][: samples(2.2)]
        lag = lag_of(part, around)
        assert min(correlation(around[lag : lag + len(part)], part)) >= 0.9, f"{at} s"
        assert abs(lag - samples(0.1)) <= 48, f"{at} s"
    # And in what was planned the drums of both come together.
    beat = plan.duration / plan.bars / 4 / SAMPLE_RATE
    first, second = parts
    apart = coincidence(first, second, np.arange(1, plan.bars * 4 - 1, dtype=np.float64) * beat)
    assert apart.median_ms <= 10 and apart.p95_ms <= 25


async def test_next_track_comes_on_the_bar(serve: Serve, beats: Path) -> None:
    async with serve(beats, analysis=True) as served:
        await listened_to(served)
        async with served.listener() as listener:
            await listener.read(samples(1))
            station = served.service.sessions.master.station
            playing, before = station.autodj.now_playing(), station.now()
            assert playing is not None
            answer = await listener.command("next-track")
            bars = PATTERNS[playing.track.title].downbeats_seconds
            at = playing.play.position_at(answer["startsAt"]) / SAMPLE_RATE
            assert np.abs(bars - at).min() < 0.03
            assert answer["startsAt"] - before <= samples(2.5)
            assert answer["transition"]["style"] == "cut"
            now = await listener.command("next-track", when="now")
            assert now["startsAt"] >= answer["startsAt"], "in the order they were asked"
