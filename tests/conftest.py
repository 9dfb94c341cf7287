"""What tests share: a served programme on loopback, music whose content is known, and a check that nothing leaks."""

import asyncio
import os
import shutil
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import psutil
import pytest
from hypothesis import settings

from rtc_drift.app import Service, serving
from rtc_drift.client import Listener
from rtc_drift.config import load
from rtc_drift.library.catalogue import Catalogue
from rtc_drift.library.probe import examine
from rtc_drift.library.scan import record, walk
from tests.audio_files import write_audio
from tests.music import SHADES, shade, steady_music
from tests.waiting import until

# The same examples in each run: a build that was green stays green.
settings.register_profile("steady", derandomize=True)
settings.load_profile("steady")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("RTC_DRIFT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
async def leaks_nothing() -> AsyncIterator[None]:
    """Fails when a test leaves a task, a child process, a thread or a socket behind."""
    async with leaving_nothing():
        yield


@asynccontextmanager
async def leaving_nothing() -> AsyncIterator[None]:
    """Fails when a task, a child process, a thread or a socket is there afterwards that was not there before."""
    process = psutil.Process()
    tasks, threads, processes = asyncio.all_tasks(), set(threading.enumerate()), set(process.children())
    sockets = len(process.net_connections())
    yield
    for _ in range(100):
        # What was told to end may need a few turns of the loop, and threads a moment.
        left = {str(task.get_coro()) for task in asyncio.all_tasks() - tasks - {asyncio.current_task()}}
        running = {thread.name for thread in set(threading.enumerate()) - threads if "asyncio_" not in thread.name}
        children = set(process.children()) - processes
        if not left and not running and not children and len(process.net_connections()) <= sockets:
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"left behind: tasks {left}, threads {running}, processes {[child.name() for child in children]}")


def free_udp_port() -> int:
    """A UDP port of loopback that nobody has at the moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


@dataclass(frozen=True)
class Served:
    """A running server, in this process, with its engine in another."""

    service: Service
    url: str
    http: aiohttp.ClientSession

    def listener(self, session: str = "master") -> Listener:
        return Listener(f"{self.url}/whep/{session}")

    async def get(self, path: str) -> Any:
        async with self.http.get(f"{self.url}{path}") as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def post(self, path: str, body: object = None) -> tuple[int, Any]:
        async with self.http.post(f"{self.url}{path}", json={} if body is None else body) as response:
            return response.status, await response.json()

    async def delete(self, path: str) -> int:
        async with self.http.delete(f"{self.url}{path}") as response:
            return response.status

    async def create(self, name: str, **options: Any) -> Any:
        """A named session; gives the answer."""
        status, answer = await self.post("/api/session/create", {"sessionName": name, "options": options})
        assert status == 201, answer
        return answer

    async def follow(self, name: str) -> str:
        """A follower of a session; gives its id."""
        status, answer = await self.post("/api/session/follow", {"sessionName": name})
        assert status == 201, answer
        return str(answer["sessionId"])


def scanned(folder: Path) -> Path:
    """Scan a folder that many servers play from, once for all of them: what is known of it lies beside it."""
    catalogue = Catalogue.open(folder.with_suffix(".sqlite"))
    for file in walk(folder).files:
        record(catalogue, file, examine(file.path))
    catalogue.close()
    return folder


def bring_what_is_known(music: Path, data_dir: Path) -> None:
    """A server with this new data folder finds nothing new in the music folder, if that was scanned already."""
    known = music.with_suffix(".sqlite")
    if known.exists() and not data_dir.exists():
        data_dir.mkdir()
        shutil.copy(known, data_dir / "catalogue.sqlite")


def _client() -> aiohttp.ClientSession:
    """A client that lets idle connections go at once: they would be counted as left behind."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(keepalive_timeout=1))


class Serve(Protocol):
    def __call__(self, *music: Path, **settings: Any) -> AbstractAsyncContextManager[Served]: ...


@pytest.fixture
def udp_port() -> int:
    """The UDP port of all WebRTC listeners; 0 = stock peer connections, each with a port of its own."""
    return free_udp_port()


@pytest.fixture
def serve(tmp_path: Path, udp_port: int, leaks_nothing: None) -> Serve:
    """Serves music folders on a free port of loopback, ready to be listened to."""

    @asynccontextmanager
    async def serving_here(*music: Path, **options: Any) -> AsyncIterator[Served]:
        for folder in music:
            bring_what_is_known(folder, options.get("data_dir", tmp_path / "data"))
        chosen = {"music": music, "data_dir": tmp_path / "data", "port": 0, "udp_port": udp_port, "seed": 1}
        chosen["analysis"] = False  # it would take the time of tests that are about something else
        settings = load(chosen | options)
        async with serving(settings) as (service, url), _client() as http:
            await asyncio.wait_for(service.sessions.master.station.first_audio.wait(), 30)
            await until(lambda: service.sessions.master.station.autodj.now_playing() is not None)
            yield Served(service, url, http)

    return serving_here


@pytest.fixture(scope="session")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five tracks of 40 s, broadband and steady, of different loudness, different left and right."""
    folder = tmp_path_factory.mktemp("music")
    for number in range(5):
        audio = steady_music(40, seed=number, level=0.05 * (1 + number))
        tags = {"title": f"Steady {number}", "artist": f"Artist {number}"}
        write_audio(folder / f"{number}.flac", audio, tags=tags)
    return scanned(folder)


@pytest.fixture(scope="session")
def short_music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six tracks of 6 s, so that track changes come by themselves."""
    folder = tmp_path_factory.mktemp("short")
    for number in range(6):
        audio = steady_music(6, seed=number, level=0.05 * (1 + number))
        write_audio(folder / f"{number}.flac", audio, tags={"title": f"Short {number}"})
    return scanned(folder)


@pytest.fixture(scope="session")
def shades(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six tracks from dark to bright, alike in everything else."""
    folder = tmp_path_factory.mktemp("shades")
    for number in range(SHADES):
        tags = {"title": f"Shade {number}", "artist": f"Painter {number}"}
        write_audio(folder / f"{number}.flac", shade(number), tags=tags)
    return scanned(folder)
