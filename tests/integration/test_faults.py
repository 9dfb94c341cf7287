"""Failures of one part leave the others alone: the programme goes on for the same listeners."""

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
from tests.support.audio_checks import longest_silence_ms
from tests.support.audio_files import write_audio
from tests.support.deliveries import SHARED_PORT
from tests.support.music import steady_music
from tests.support.server import RunningServer, Serve
from tests.support.waiting import until


async def test_listeners_go_on_when_the_engine_is_killed(serve: Serve, music: Path) -> None:
    async with serve(music) as server, server.listener() as listener:
        service = server.service
        playing = server.autodj.programme.plays[0]
        await listener.read(samples(0.5))
        killed = service.engines.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        await until(lambda: service.engines.pid not in (None, killed))
        frames = await frames_until_sound(listener, 50)
        assert service.engines.restarts == 1
        assert len(service.listeners) == 1, "nobody had to join again"
        assert server.autodj.programme.plays[0].start == playing.start, "the plan is unchanged"
        steps = {second.timestamp - first.timestamp for first, second in pairwise(frames)}
        assert all(step % 960 == 0 for step in steps), "the RTP clock goes on, with a gap"


@SHARED_PORT
async def test_an_engine_that_dies_twice_withholds_what_was_never_ready(serve: Serve, music: Path) -> None:
    async with serve(music) as server, server.listener() as listener:
        service, playout = server.service, server.station.playout
        await listener.read(samples(0.5))
        await until(lambda: len(server.autodj.programme.plays) == 2)
        playing, planned = server.autodj.programme.entries
        await until(lambda: playout.is_ready(playing.play.id))
        # As if the engine had died before the planned track was ready.
        playout._ready.discard(planned.play.id)
        playout._once_ready.discard(planned.play.id)
        for _ in range(2):
            killed = service.engines.pid
            assert killed is not None
            os.kill(killed, signal.SIGKILL)
            await until(lambda: service.engines.pid not in (None, killed))  # noqa: B023
            playout._once_ready.discard(planned.play.id)
        await until(lambda: server.autodj.programme.entries[-1].track.id != planned.track.id)
        assert server.autodj.programme.entries[0].play == playing.play, "what was ready goes on"
        assert service.library.get(planned.track.id) is None, "it is left out for a while"
        await frames_until_sound(listener, 25)


@SHARED_PORT
async def test_the_server_is_not_ready_while_a_listener_waits_for_audio(serve: Serve, music: Path) -> None:
    async with serve(music) as server, server.listener() as listener:
        await listener.read(samples(0.5))
        hung = server.service.engines.pid
        assert hung is not None
        await until(lambda: server.service.engines.is_ticking(1))
        assert await status_of(server, "/readyz") == 200
        os.kill(hung, signal.SIGSTOP)
        while (status := await status_of(server, "/readyz")) == 200:
            await asyncio.sleep(0.1)
        assert status == 503
        while await status_of(server, "/readyz") != 200:  # once the engine is replaced
            await asyncio.sleep(0.1)
        assert server.service.engines.restarts == 1


async def status_of(server: RunningServer, path: str) -> int:
    """Return the status of a GET request."""
    async with server.http.get(f"{server.url}{path}") as response:
        return response.status


async def frames_until_sound(listener: Listener, count: int) -> list[Frame]:
    """Read until `count` frames in a row are not silent; return all frames read."""
    frames: list[Frame] = []
    in_a_row = 0
    async with asyncio.timeout(20):
        while in_a_row < count:
            frames.append(await listener.frame())
            in_a_row = in_a_row + 1 if abs(frames[-1].audio).max() > 0.01 else 0
    return frames


@SHARED_PORT
async def test_a_hanging_engine_is_replaced(serve: Serve, music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtc_drift.engine.host.engine_supervisor.SILENCE_SECONDS", 2.0)
    async with serve(music) as server, server.listener() as listener:
        hung = server.service.engines.pid
        assert hung is not None
        os.kill(hung, signal.SIGSTOP)
        await until(lambda: server.service.engines.pid not in (None, hung), 20)
        await frames_until_sound(listener, 25)


@SHARED_PORT
async def test_a_truncated_file_is_followed_without_a_gap(serve: Serve, tmp_path: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    for number in range(2):
        write_audio(folder / f"{number}.flac", steady_music(9, seed=number, level=0.2))
    async with serve(folder) as server:
        await until(lambda: len(server.service.library.playable()) == 2, 30)
        autodj = server.autodj
        broken = autodj.programme.entries[0].track
        # After the scan, the file loses everything after its first three seconds.
        damage(broken.path)
        other = next(track for track in server.service.library.playable().values() if track.id != broken.id)
        async with server.listener() as listener:
            await listener.next_track(other.id)
            await listener.next_track(broken.id)
            audio = await listener.read(samples(6))
        assert longest_silence_ms(audio[samples(0.5) :]) <= 20
        assert autodj.failed_plays == 1
        assert server.service.library.get(broken.id) is None, "it is not played again"


def damage(path: Path) -> None:
    """Overwrite the last two thirds of a file with zeros, as a broken disk would."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 3] + bytes(len(data) - len(data) // 3))


@pytest.fixture(scope="module")
def short_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo library with the beginning of one track: rendering a whole track takes seconds."""
    folder = tmp_path_factory.mktemp("demo")
    write(DEMO[0], folder, bars=4)
    return folder


@pytest.fixture
def demo(short_demo: Path, tmp_path: Path) -> Path:
    """The short demo library, in the data folder before the server starts."""
    return shutil.copytree(short_demo, tmp_path / "data" / "demo")


@SHARED_PORT
async def test_the_demo_library_plays_when_the_folder_vanishes(
    serve: Serve, tmp_path: Path, music: Path, demo: Path
) -> None:
    folder = tmp_path / "music"
    shutil.copytree(music, folder)
    async with serve(folder) as server:
        await until(lambda: len(server.service.library.playable()) == 5, 30)
        async with server.listener() as listener:
            await listener.read(samples(0.5))
            shutil.rmtree(folder)
            async with asyncio.timeout(30):
                while server.service.library.status().source != "demo":
                    with suppress(ListenerError):  # between the two libraries nothing can be played
                        await listener.next_track()
                    await listener.read(samples(0.25))
            assert await frames_until_sound(listener, 50)
        notice = server.service.library.status().notice
        assert notice is not None
        assert str(folder) in notice


@pytest.mark.parametrize("kind", ["empty", "missing", "only_noise"])
@SHARED_PORT
async def test_a_folder_without_music_is_reported_and_the_demo_plays(
    serve: Serve, tmp_path: Path, kind: str, demo: Path
) -> None:
    folder = tmp_path / "music"
    if kind != "missing":
        folder.mkdir()
    if kind == "only_noise":
        (folder / "broken.mp3").write_bytes(b"this is not music" * 1000)
    async with serve(folder) as server:
        status = await server.get("/api/library")
        assert status["source"] == "demo"
        assert str(folder) in status["notice"]
        assert status["unplayable"] == (1 if kind == "only_noise" else 0)
        async with server.listener() as listener:
            audio = await listener.read(SAMPLE_RATE)
        assert abs(audio).max() > 0.01
