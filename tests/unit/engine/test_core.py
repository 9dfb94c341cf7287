"""The engine core without its process: ticks as fast as possible, on real files."""

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
from rtc_drift.rendering.file_deck import FileDeck
from rtc_drift.station.playout import HORIZON
from tests.support.audio_checks import correlation
from tests.support.audio_files import write_audio
from tests.support.music import steady_music

MUSIC = steady_music(6, seed=9)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_audio(tmp_path_factory.mktemp("core") / "music.flac", MUSIC)


def play(path: Path) -> Play:
    return Play(1, "track", str(path), 0, 0, samples(6), 1.0, 0, None)


@pytest.fixture
def core(path: Path) -> Iterator[EngineCore]:
    engine = EngineCore(FileDeck)
    for number in (1, 2):
        engine.handle(m.OpenStation(number, 128_000), 0)
        engine.handle(m.SetClock(number, 0, 0), 0)
        engine.handle(m.SetPlays(number, (play(path),)), 0)
    yield engine
    engine.close()


def run(core: EngineCore, first: int, last: int, step: int = 1) -> list[m.ToControl]:
    """Run the ticks from `first` to before `last` as the engine's process does; return all messages."""
    messages: list[m.ToControl] = []
    for tick in range(first, last, step):
        messages += core.run_tick(tick)
        messages += core.render_ahead(tick + 1, step)
    return messages


def times(messages: list[m.ToControl], station: int = 1) -> list[int]:
    return [message.media_time for message in messages if isinstance(message, m.Packet) and message.station == station]


def pcm_of(messages: list[m.ToControl]) -> Audio:
    pcm = np.frombuffer(b"".join(message.data for message in messages if isinstance(message, m.Pcm)), "<i2")
    return (pcm.reshape(-1, 2) / np.float32(32768)).astype(np.float32)


def test_every_tick_gives_a_packet_and_the_same_samples_as_pcm(core: EngineCore) -> None:
    core.handle(m.Subscribe(1, packets=True, pcm=True), 0)
    messages = run(core, 0, 100)
    assert times(messages) == list(range(0, 100 * BLOCK_SAMPLES, BLOCK_SAMPLES))
    assert times(messages, 2) == [], "nobody subscribed to the other station"
    pcm = pcm_of(messages)
    assert min(correlation(pcm, MUSIC[: len(pcm)])) > 0.999, "media time 0 is the file's first sample"
    assert m.DeckReady(1, 1) in messages


def test_patient_readers_get_groups_and_hurried_ones_lose_nothing(core: EngineCore) -> None:
    core.handle(m.Subscribe(1, packets=True, grouped=True), 0)
    assert core.step == RENDER_AHEAD
    steps = [run(core, tick, tick + 4, step=4) for tick in range(0, 40, 4)]
    assert all(len(times(step)) == 0 or len(times(step)) >= GROUP for step in steps)
    messages = [message for step in steps for message in step]
    core.handle(m.Subscribe(1, packets=True), 40)
    assert core.step == 1
    messages += run(core, 40, 60)
    # Between two ticks: the engine takes the longer step after the next tick.
    core.handle(m.Subscribe(1, packets=True, grouped=True), 60)
    messages += run(core, 60, 100, step=4)
    received = times(messages)
    assert received == list(range(0, len(received) * BLOCK_SAMPLES, BLOCK_SAMPLES))
    assert len(received) > 90


def test_patient_readers_of_pcm_get_groups_too(core: EngineCore) -> None:
    core.handle(m.Subscribe(1, pcm=True, grouped=True), 0)
    assert core.step == RENDER_AHEAD
    steps = [run(core, tick, tick + 4, step=4) for tick in range(0, 80, 4)]
    groups = [[message.media_time for message in step if isinstance(message, m.Pcm)] for step in steps]
    assert all(len(group) == 0 or len(group) >= GROUP for group in groups)
    received = [time for group in groups for time in group]
    assert received == list(range(0, len(received) * BLOCK_SAMPLES, BLOCK_SAMPLES))
    assert len(received) > 60
    core.handle(m.Subscribe(1, packets=True, pcm=True), 80)
    assert core.step == 1


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(1, 12)), max_size=8))
def test_packets_are_in_order_and_never_twice_for_any_subscriptions(phases: list[tuple[bool, bool, int]]) -> None:
    engine = EngineCore(FileDeck)
    engine.handle(m.OpenStation(1, 128_000), 0)
    engine.handle(m.SetClock(1, 0, 0), 0)
    tick, messages = 0, list[m.ToControl]()
    for packets, grouped, ticks in phases:
        engine.handle(m.Subscribe(1, packets=packets, grouped=grouped), tick)
        step = engine.step
        messages += run(engine, tick, tick + ticks * step, step)
        tick += ticks * step
    received = times(messages)
    assert received == sorted(set(received))
    engine.close()


def test_skipped_ticks_leave_a_gap_and_no_backlog(core: EngineCore) -> None:
    core.handle(m.Subscribe(1, packets=True), 0)
    run(core, 0, 10)
    assert times(run(core, 60, 63)) == [60 * BLOCK_SAMPLES, 61 * BLOCK_SAMPLES, 62 * BLOCK_SAMPLES]


def test_a_failing_station_restarts_without_affecting_others(core: EngineCore, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2):
        core.handle(m.Subscribe(number, packets=True), 0)
    run(core, 0, 20)
    broken = core._stations[1].renderer

    def fail(*_: object) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(broken, "render", fail)
    messages = run(core, 20, 60)
    assert times(messages, 2) == list(range(20 * BLOCK_SAMPLES, 60 * BLOCK_SAMPLES, BLOCK_SAMPLES))
    assert len(times(messages, 1)) >= 35
    assert core._stations[1].renderer is not broken


def test_a_closed_station_gives_no_packets(core: EngineCore) -> None:
    core.handle(m.Subscribe(1, packets=True), 0)
    run(core, 0, 5)
    core.handle(m.CloseStation(1), 5)
    assert run(core, 5, 10) == []
    core.handle(m.SetPlays(1, ()), 10)  # too late; it must not matter


def test_a_standing_station_prepares_its_decks_and_gives_no_packets(path: Path) -> None:
    engine, tick, messages = EngineCore(FileDeck), 0, list[m.ToControl]()
    engine.handle(m.OpenStation(1, 128_000), 0)
    assert engine.step == IDLE_STEP
    engine.handle(m.SetClock(1, samples(2), None), 0)
    engine.handle(m.Subscribe(1, packets=True, pcm=True), 0)
    engine.handle(m.SetPlays(1, (play(path),)), 0)
    assert engine.step == 1, "it waits for the deck"
    while not messages:
        messages += run(engine, tick, tick + 1)
        tick += 1
    assert messages == [m.DeckReady(1, 1)]
    assert engine.step == IDLE_STEP
    engine.handle(m.SetClock(1, samples(2), tick + 5), tick)
    messages = run(engine, tick + 5, tick + 55)
    assert times(messages) == list(range(samples(2), samples(3), BLOCK_SAMPLES))
    assert min(correlation(pcm_of(messages), MUSIC[samples(2) : samples(3)])) > 0.999, "it continues where it stood"
    engine.close()


@pytest.mark.parametrize("grouped", [False, True])
def test_a_station_that_stands_and_runs_again_has_no_gap(core: EngineCore, grouped: bool) -> None:
    for number in (1, 2):
        core.handle(m.Subscribe(number, packets=True, grouped=grouped), 0)
    messages, starts_at = list[m.ToControl](), 0
    for tick in range(0, 150, 50):
        core.handle(m.SetClock(1, starts_at, tick), tick)
        played = run(core, tick, tick + 30)
        assert times(played) == list(range(starts_at, starts_at + len(times(played)) * BLOCK_SAMPLES, BLOCK_SAMPLES))
        assert len(times(played)) > 30 - GROUP
        starts_at += 30 * BLOCK_SAMPLES + HORIZON
        core.handle(m.SetClock(1, starts_at, None), tick + 30)
        messages += [*played, *(silence := run(core, tick + 30, tick + 50))]
        assert times(silence) == []
    assert times(messages, 2) == list(range(0, len(times(messages, 2)) * BLOCK_SAMPLES, BLOCK_SAMPLES))
    assert core.starved_blocks == 0, "its decks were at the right position"


def test_a_restarted_engine_is_in_step_with_the_clock(path: Path) -> None:
    engine = EngineCore(FileDeck)
    for message in (
        m.OpenStation(1, 128_000),
        m.SetClock(1, samples(1), 1_000),
        m.Subscribe(1, packets=True, pcm=True),
        m.SetPlays(1, (play(path),)),
    ):
        engine.handle(message, 1_100)
    messages = run(engine, 1_100, 1_150)
    assert times(messages) == list(range(samples(3), samples(4), BLOCK_SAMPLES))
    assert min(correlation(pcm_of(messages), MUSIC[samples(3) : samples(4)])) > 0.999
    engine.close()
