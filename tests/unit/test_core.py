"""The engine as a whole, without its process: ticked as fast as it goes, on real files."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.engine.core import GROUP, IDLE_STEP, EngineCore
from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.clock import RENDER_AHEAD
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.media import BLOCK_SAMPLES, Audio, samples
from rtc_drift.station.playout import HORIZON
from tests.audio_files import write_audio
from tests.listening import correlation
from tests.music import steady_music

MUSIC = steady_music(6, seed=9)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_audio(tmp_path_factory.mktemp("core") / "music.flac", MUSIC)


def play(path: Path) -> Play:
    return Play(1, "track", str(path), 0, 0, samples(6), 1.0, 0, None)


@pytest.fixture
def core(path: Path) -> Iterator[EngineCore]:
    engine = EngineCore(patient=True)
    for number in (1, 2):
        engine.handle(m.OpenStation(number, 128_000), 0)
        engine.handle(m.SetClock(number, 0, 0), 0)
        engine.handle(m.SetPlays(number, (play(path),)), 0)
    yield engine
    engine.close()


def run(core: EngineCore, first: int, last: int, step: int = 1) -> list[m.ToControl]:
    """Ticks `first` to `last`, as the engine's process does them."""
    told: list[m.ToControl] = []
    for tick in range(first, last, step):
        told += core.due(tick)
        told += core.prepare(tick + 1, step)
    return told


def times(told: list[m.ToControl], station: int = 1) -> list[int]:
    return [message.media_time for message in told if isinstance(message, m.Packet) and message.station == station]


def pcm_of(told: list[m.ToControl]) -> Audio:
    pcm = np.frombuffer(b"".join(message.data for message in told if isinstance(message, m.Pcm)), "<i2")
    return (pcm.reshape(-1, 2) / np.float32(32768)).astype(np.float32)


def test_every_tick_gives_its_packet_and_the_same_samples_as_pcm(core: EngineCore) -> None:
    core.handle(m.Subscribe(1, packets=True, pcm=True), 0)
    told = run(core, 0, 100)
    assert times(told) == list(range(0, 100 * BLOCK_SAMPLES, BLOCK_SAMPLES))
    assert times(told, 2) == [], "nobody wanted the other station's"
    heard = pcm_of(told)
    assert min(correlation(heard, MUSIC[: len(heard)])) > 0.999, "media time 0 is the file's first sample"
    assert m.DeckReady(1, 1) in told


def test_patient_readers_get_groups_and_nothing_is_lost_when_hurried_ones_come_and_go(core: EngineCore) -> None:
    core.handle(m.Subscribe(1, packets=True, early=True), 0)
    assert core.step == RENDER_AHEAD
    steps = [run(core, tick, tick + 4, step=4) for tick in range(0, 40, 4)]
    assert all(len(times(step)) == 0 or len(times(step)) >= GROUP for step in steps)
    told = [message for step in steps for message in step]
    core.handle(m.Subscribe(1, packets=True), 40)
    assert core.step == 1
    told += run(core, 40, 60)
    # Between two ticks: the engine takes the longer step after the next one.
    core.handle(m.Subscribe(1, packets=True, early=True), 60)
    told += run(core, 60, 100, step=4)
    received = times(told)
    assert received == list(range(0, len(received) * BLOCK_SAMPLES, BLOCK_SAMPLES))
    assert len(received) > 90


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(1, 12)), max_size=8))
def test_whoever_comes_and_goes_packets_are_in_order_and_never_twice(phases: list[tuple[bool, bool, int]]) -> None:
    engine = EngineCore()
    engine.handle(m.OpenStation(1, 128_000), 0)
    engine.handle(m.SetClock(1, 0, 0), 0)
    tick, told = 0, list[m.ToControl]()
    for packets, early, ticks in phases:
        engine.handle(m.Subscribe(1, packets=packets, early=early), tick)
        step = engine.step
        told += run(engine, tick, tick + ticks * step, step)
        tick += ticks * step
    received = times(told)
    assert received == sorted(set(received))
    engine.close()


def test_ticks_left_out_leave_a_gap_and_no_backlog(core: EngineCore) -> None:
    core.handle(m.Subscribe(1, packets=True), 0)
    run(core, 0, 10)
    assert times(run(core, 60, 63)) == [60 * BLOCK_SAMPLES, 61 * BLOCK_SAMPLES, 62 * BLOCK_SAMPLES]


def test_a_programme_that_fails_is_begun_anew_and_its_neighbour_does_not_notice(
    core: EngineCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        core.handle(m.Subscribe(number, packets=True), 0)
    run(core, 0, 20)
    broken = core._stations[1].renderer

    def fail(*_: object) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(broken, "render", fail)
    told = run(core, 20, 60)
    assert times(told, 2) == list(range(20 * BLOCK_SAMPLES, 60 * BLOCK_SAMPLES, BLOCK_SAMPLES))
    assert len(times(told, 1)) >= 35
    assert core._stations[1].renderer is not broken


def test_a_closed_session_gives_nothing_more(core: EngineCore) -> None:
    core.handle(m.Subscribe(1, packets=True), 0)
    run(core, 0, 5)
    core.handle(m.CloseStation(1), 5)
    assert run(core, 5, 10) == []
    core.handle(m.SetPlays(1, ()), 10)  # said too late; must not matter


def test_a_programme_that_stands_gets_its_decks_ready_and_gives_nothing_until_it_runs(path: Path) -> None:
    engine, tick, told = EngineCore(patient=True), 0, list[m.ToControl]()
    engine.handle(m.OpenStation(1, 128_000), 0)
    assert engine.step == IDLE_STEP
    engine.handle(m.SetClock(1, samples(2), None), 0)
    engine.handle(m.Subscribe(1, packets=True, pcm=True), 0)
    engine.handle(m.SetPlays(1, (play(path),)), 0)
    assert engine.step == 1, "its deck is waited for"
    while not told:
        told += run(engine, tick, tick + 1)
        tick += 1
    assert told == [m.DeckReady(1, 1)]
    assert engine.step == IDLE_STEP
    engine.handle(m.SetClock(1, samples(2), tick + 5), tick)
    told = run(engine, tick + 5, tick + 55)
    assert times(told) == list(range(samples(2), samples(3), BLOCK_SAMPLES))
    assert min(correlation(pcm_of(told), MUSIC[samples(2) : samples(3)])) > 0.999, "it goes on where it stood"
    engine.close()


@pytest.mark.parametrize("early", [False, True])
def test_one_that_stands_and_runs_again_has_no_hole_and_its_neighbour_does_not_notice(
    core: EngineCore, early: bool
) -> None:
    for number in (1, 2):
        core.handle(m.Subscribe(number, packets=True, early=early), 0)
    told, starts_at = list[m.ToControl](), 0
    for tick in range(0, 150, 50):
        core.handle(m.SetClock(1, starts_at, tick), tick)
        heard = run(core, tick, tick + 30)
        assert times(heard) == list(range(starts_at, starts_at + len(times(heard)) * BLOCK_SAMPLES, BLOCK_SAMPLES))
        assert len(times(heard)) > 30 - GROUP
        starts_at += 30 * BLOCK_SAMPLES + HORIZON
        core.handle(m.SetClock(1, starts_at, None), tick + 30)
        told += [*heard, *(silence := run(core, tick + 30, tick + 50))]
        assert times(silence) == []
    assert times(told, 2) == list(range(0, len(times(told, 2)) * BLOCK_SAMPLES, BLOCK_SAMPLES))
    assert core.starved_blocks == 0, "its decks were where it went on"


def test_an_engine_that_is_started_anew_falls_into_step(path: Path) -> None:
    engine = EngineCore(patient=True)
    for message in (
        m.OpenStation(1, 128_000),
        m.SetClock(1, samples(1), 1_000),
        m.Subscribe(1, packets=True, pcm=True),
        m.SetPlays(1, (play(path),)),
    ):
        engine.handle(message, 1_100)
    told = run(engine, 1_100, 1_150)
    assert times(told) == list(range(samples(3), samples(4), BLOCK_SAMPLES))
    assert min(correlation(pcm_of(told), MUSIC[samples(3) : samples(4)])) > 0.999
    engine.close()
