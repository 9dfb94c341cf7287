"""A part that fails never takes its neighbours along: the programme goes on, and the same listeners hear it."""

import asyncio
import os
import shutil
import signal
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest

from rtc_drift.client import Frame, Listener, ListenerError
from rtc_drift.demo import DEMO, write
from rtc_drift.media import SAMPLE_RATE, samples
from tests.audio_files import write_audio
from tests.conftest import Serve
from tests.listening import longest_silence_ms
from tests.music import steady_music
from tests.peers.conftest import ONE_PORT
from tests.waiting import until


async def test_the_engine_is_killed_and_the_same_listener_goes_on(serve: Serve, music: Path) -> None:
    async with serve(music) as served, served.listener() as listener:
        service = served.service
        playing = service.sessions.master.station.autodj.programme.plays[0]
        await listener.read(samples(1))
        killed = service.engines.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        await until(lambda: service.engines.pid not in (None, killed))
        frames = await frames_until_sound(listener, 100)
        assert service.engines.restarts == 1
        assert len(service.listeners) == 1, "nobody had to join anew"
        assert service.sessions.master.station.autodj.programme.plays[0].start == playing.start, "the plan stands"
        steps = {second.timestamp - first.timestamp for first, second in pairwise(frames)}
        assert all(step % 960 == 0 for step in steps), "the clock goes on, with a gap"


async def frames_until_sound(listener: Listener, count: int) -> list[Frame]:
    """Read past a gap, until `count` frames in a row sound."""
    frames: list[Frame] = []
    in_a_row = 0
    async with asyncio.timeout(20):
        while in_a_row < count:
            frames.append(await listener.frame())
            in_a_row = in_a_row + 1 if abs(frames[-1].audio).max() > 0.01 else 0
    return frames


@ONE_PORT
async def test_an_engine_that_hangs_is_replaced(serve: Serve, music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtc_drift.engine.host.supervisor.SILENCE_SECONDS", 2.0)
    async with serve(music) as served, served.listener() as listener:
        hung = served.service.engines.pid
        assert hung is not None
        os.kill(hung, signal.SIGSTOP)
        await until(lambda: served.service.engines.pid not in (None, hung), 20)
        await frames_until_sound(listener, 25)


@ONE_PORT
async def test_a_file_that_breaks_off_is_crossed_over(serve: Serve, tmp_path: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    for number in range(2):
        write_audio(folder / f"{number}.flac", steady_music(15, seed=number, level=0.2))
    async with serve(folder) as served:
        await until(lambda: len(served.service.library.playable()) == 2, 30)
        conductor = served.service.sessions.master.station.autodj
        broken = conductor.programme.entries[0].track
        # The scan is done; now the file loses everything behind its first five seconds, and is played from there.
        damage(broken.path)
        other = next(track for track in served.service.library.playable() if track.id != broken.id)
        async with served.listener() as listener:
            await listener.next_track(other.id)
            await listener.next_track(broken.id)
            heard = await listener.read(samples(9))
        assert longest_silence_ms(heard[samples(0.5) :]) <= 20
        assert conductor.failed_plays == 1
        assert served.service.library.get(broken.id) is None, "it is left out from now on"


def damage(path: Path) -> None:
    """Cut a file to a third, and fill up with zeros, as a broken disk would."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 3] + bytes(len(data) - len(data) // 3))


@pytest.fixture(scope="module")
def short_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The beginning of a demo library: making a whole track of it takes seconds."""
    folder = tmp_path_factory.mktemp("demo")
    write(DEMO[0], folder, bars=4)
    return folder


@pytest.fixture
def demo(short_demo: Path, tmp_path: Path) -> Path:
    """There already when the server comes."""
    return shutil.copytree(short_demo, tmp_path / "data" / "demo")


@ONE_PORT
async def test_a_folder_that_vanishes_leaves_the_demo_library(
    serve: Serve, tmp_path: Path, music: Path, demo: Path
) -> None:
    folder = tmp_path / "music"
    shutil.copytree(music, folder)
    async with serve(folder) as served:
        await until(lambda: len(served.service.library.playable()) == 5, 30)
        async with served.listener() as listener:
            await listener.read(samples(0.5))
            shutil.rmtree(folder)
            for _ in range(4):
                with suppress(ListenerError):  # between the two libraries there is nothing to play
                    await listener.next_track()
                await listener.read(samples(0.5))
            await until(lambda: served.service.library.status().source == "demo", 30)
            heard = await frames_until_sound(listener, 50)
        assert heard
        notice = served.service.library.status().notice
        assert notice is not None
        assert str(folder) in notice


@pytest.mark.parametrize("kind", ["empty", "missing", "only_noise"])
@ONE_PORT
async def test_a_folder_without_music_is_said_and_the_demo_plays(
    serve: Serve, tmp_path: Path, kind: str, demo: Path
) -> None:
    folder = tmp_path / "music"
    if kind != "missing":
        folder.mkdir()
    if kind == "only_noise":
        (folder / "broken.mp3").write_bytes(b"this is not music" * 1000)
    async with serve(folder) as served:
        status = await served.get("/api/library")
        assert status["source"] == "demo"
        assert str(folder) in status["notice"]
        assert status["unplayable"] == (1 if kind == "only_noise" else 0)
        async with served.listener() as listener:
            heard = await listener.read(SAMPLE_RATE)
        assert abs(heard).max() > 0.01
