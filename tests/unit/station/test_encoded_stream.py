"""Encoded streams: one encoder for all readers, only while there are any; slow readers and failing encoders."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from rtc_drift.audio.live_encoder import AAC, MP3, LiveEncoder
from rtc_drift.broadcast import BroadcastEndedError, LaggedError, Reader
from rtc_drift.engine.protocol.messages import Pcm
from rtc_drift.media import BLOCK_SAMPLES, samples
from rtc_drift.station.encoded_stream import GROUP_BLOCKS, LINGER_SECONDS, MAX_FAILURES, EncodedStreams, TitledFrame
from rtc_drift.station.station import Station
from rtc_drift.workers.threads import Threads
from tests.support.music import steady_music
from tests.support.session_registry import make_sessions, run_due_tasks
from tests.support.waiting import until

MUSIC = (steady_music(2, seed=1) * 32767).astype("<i2")


@dataclass
class FakeTimers:
    """Timers that run when the test says so."""

    now: float = 0.0
    waiting: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def later(self, seconds: float, function: Callable[[], None]) -> "FakeTimers.Timer":
        entry = (self.now + seconds, function)
        self.waiting.append(entry)
        return FakeTimers.Timer(self, entry)

    def advance(self, seconds: float) -> None:
        self.now += seconds
        due = [entry for entry in self.waiting if entry[0] <= self.now]
        for entry in due:
            self.waiting.remove(entry)
            entry[1]()

    @dataclass
    class Timer:
        timers: "FakeTimers"
        entry: tuple[float, Callable[[], None]]

        def cancel(self) -> None:
            if self.entry in self.timers.waiting:
                self.timers.waiting.remove(self.entry)


@dataclass
class Setting:
    """A station whose PCM the test publishes, and its streams."""

    station: Station
    streams: EncodedStreams
    timers: FakeTimers
    media_time: int = 0

    def play(self, seconds: float) -> None:
        """Publish so much PCM."""
        for _ in range(samples(seconds) // BLOCK_SAMPLES):
            at = self.media_time % len(MUSIC)
            self.station.on_engine(Pcm(1, self.media_time, MUSIC[at : at + BLOCK_SAMPLES].tobytes()))
            self.media_time += BLOCK_SAMPLES

    async def play_encoded(self, seconds: float, reader: Reader[TitledFrame]) -> None:
        """Publish so much PCM in groups, each as soon as the one before it is encoded."""
        for _ in range(round(seconds * 50 / GROUP_BLOCKS)):
            published = reader.unread
            self.play(GROUP_BLOCKS / 50)
            await until(lambda before=published: reader.unread > before, interval_seconds=0.001)  # type: ignore[misc]


@pytest.fixture
async def setting(no_leaks: None) -> AsyncIterator[Setting]:
    sessions, timers, threads = make_sessions(), FakeTimers(), Threads("encoding", 1)
    streams = EncodedStreams(threads, timers.later)
    yield Setting(sessions.master.station, streams, timers)
    await streams.close()
    await sessions.close()
    threads.close()


async def test_readers_share_one_encoder_and_it_ends_five_seconds_after_the_last_one(setting: Setting) -> None:
    streams, timers, station = setting.streams, setting.timers, setting.station
    first, second = (streams.reader(station, MP3, 0) for _ in range(2))
    other = streams.reader(station, AAC, 0)
    assert len(streams) == 2
    await until(lambda: station.pcm.readers == 2)
    assert station.has_listeners
    assert not station.pcm.hurried_readers
    setting.play(1)
    frame = await first.next_in_order()
    assert frame is await second.next_in_order(), "nothing is encoded twice"
    assert frame.media_time <= 0 < frame.media_time + MP3.frame_samples
    other.close()
    first.close()
    timers.advance(LINGER_SECONDS)
    await until(lambda: len(streams) == 1)
    second.close()
    timers.advance(LINGER_SECONDS - 0.1)
    again = streams.reader(station, MP3, 0)
    timers.advance(LINGER_SECONDS)
    setting.play(0.5)
    await again.next_in_order()
    assert len(streams) == 1, "somebody has come meanwhile"
    again.close()
    timers.advance(LINGER_SECONDS - 0.1)
    assert station.pcm.readers == 1
    timers.advance(0.1)
    newcomer = streams.reader(station, MP3, 0)
    await run_due_tasks()  # the old encoder ends, and the new one begins to read
    await setting.play_encoded(0.32, newcomer)
    newcomer.close()
    timers.advance(LINGER_SECONDS)
    await until(lambda: station.pcm.readers == len(streams) == 0)
    assert not station.has_listeners, "the station runs for nobody"
    assert not timers.waiting


async def test_a_reader_gets_a_burst_of_what_is_encoded_already(setting: Setting) -> None:
    reader = setting.streams.reader(setting.station, MP3, 2)
    await until(lambda: setting.station.pcm.readers == 1)
    await setting.play_encoded(3.2, reader)
    late = setting.streams.reader(setting.station, MP3, 2)
    edge = setting.streams.reader(setting.station, MP3, 0)
    assert abs(late.unread * MP3.frame_samples - samples(2)) < MP3.frame_samples
    assert not edge.unread
    frame = await late.next_in_order()
    assert setting.media_time - samples(2.3) < frame.media_time < setting.media_time - samples(1.9)
    for each in (reader, late, edge):
        each.close()


async def test_a_slow_reader_is_dropped_and_others_are_not(setting: Setting) -> None:
    slow, quick = (setting.streams.reader(setting.station, MP3, 1) for _ in range(2))
    await until(lambda: setting.station.pcm.readers == 1)
    for _ in range(40):
        await setting.play_encoded(0.16, quick)
        while quick.unread:
            await quick.next_in_order()
    with pytest.raises(LaggedError):
        await slow.next_in_order()
    slow.close()
    quick.close()


async def test_a_failing_encoder_is_made_anew_and_ends_its_readers_if_that_does_not_help(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    reader = setting.streams.reader(setting.station, MP3, 0)
    await until(lambda: setting.station.pcm.readers == 1)

    def fail(*_: object) -> None:
        raise ValueError("no codec")

    with monkeypatch.context() as patched:
        patched.setattr(LiveEncoder, "encode", fail)
        setting.play(0.16)
        await until(lambda: setting.streams.failures == 1)
    await setting.play_encoded(0.16, reader)
    assert (await reader.next_in_order()).data[0] == 0xFF, "it goes on"
    monkeypatch.setattr(LiveEncoder, "encode", fail)
    setting.play(0.16 * MAX_FAILURES)
    with pytest.raises(BroadcastEndedError):
        while True:
            await reader.next_in_order()
    assert setting.streams.failures == 1 + MAX_FAILURES
    assert "mp3 of master can't be encoded; its readers are disconnected" in caplog.text
    reader.close()
    assert len(setting.streams) == 0
    monkeypatch.undo()
    new = setting.streams.reader(setting.station, MP3, 0)
    await until(lambda: setting.station.pcm.readers == 1)
    await setting.play_encoded(0.16, new)
    new.close()


async def test_readers_end_with_their_session(setting: Setting) -> None:
    reader = setting.streams.reader(setting.station, AAC, 0)
    await until(lambda: setting.station.pcm.readers == 1)
    await setting.station.close()
    with pytest.raises(BroadcastEndedError):
        await reader.next_in_order()
    reader.close()
