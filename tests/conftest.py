"""Fixtures for all tests: a served program on loopback, music of known content, and a check for leaks."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import settings

from rtc_drift.app import serving
from rtc_drift.config import load
from tests.support.audio_files import write_audio
from tests.support.leaks import assert_no_leaks
from tests.support.music import SHADES, shade, steady_music
from tests.support.server import RunningServer, Serve, copy_catalogue, scan_into_catalogue
from tests.support.udp import free_udp_port
from tests.support.waiting import until

# The same examples in each run, so that a build that was green stays green; others each time in `make fuzz`.
settings.register_profile("steady", derandomize=True, database=None, deadline=None)
settings.register_profile("random", database=None, deadline=None, print_blob=True)
settings.load_profile("steady")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("RTC_DRIFT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
async def no_leaks() -> AsyncIterator[None]:
    """Fail if the test leaves a task, a child process, a thread or a socket behind."""
    async with assert_no_leaks():
        yield


@pytest.fixture
def udp_port() -> int:
    """The UDP port of all WebRTC listeners; 0 = stock peer connections, each with a port of its own."""
    return free_udp_port()


@pytest.fixture
def serve(tmp_path: Path, udp_port: int, no_leaks: None) -> Serve:
    """Serve music folders on a free port of loopback, ready for listeners."""

    @asynccontextmanager
    async def start(*music: Path, **options: Any) -> AsyncIterator[RunningServer]:
        for folder in music:
            copy_catalogue(folder, options.get("data_dir", tmp_path / "data"))
        chosen = {"music": music, "data_dir": tmp_path / "data", "port": 0, "udp_port": udp_port, "seed": 1}
        chosen["analysis"] = False  # only few tests need it, and it takes time
        settings = load(chosen | options)
        # Idle connections of the client are closed soon: they would count as leaks.
        connector = aiohttp.TCPConnector(keepalive_timeout=1)
        async with serving(settings) as (service, url), aiohttp.ClientSession(connector=connector) as http:
            server = RunningServer(service, url, http)
            await asyncio.wait_for(server.station.first_audio.wait(), 30)
            await until(lambda: server.autodj.now_playing() is not None)
            yield server

    return start


@pytest.fixture(scope="session")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five tracks of 40 s, broadband and steady, of different loudness, different left and right."""
    folder = tmp_path_factory.mktemp("music")
    for number in range(5):
        audio = steady_music(40, seed=number, level=0.05 * (1 + number))
        tags = {"title": f"Steady {number}", "artist": f"Artist {number}"}
        write_audio(folder / f"{number}.flac", audio, tags=tags)
    return scan_into_catalogue(folder)


@pytest.fixture(scope="session")
def short_music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six tracks of 4 s, so that tracks change often."""
    folder = tmp_path_factory.mktemp("short")
    for number in range(6):
        audio = steady_music(4, seed=number, level=0.05 * (1 + number))
        write_audio(folder / f"{number}.flac", audio, tags={"title": f"Short {number}"})
    return scan_into_catalogue(folder)


@pytest.fixture(scope="session")
def shades(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six tracks from dark to bright, otherwise alike."""
    folder = tmp_path_factory.mktemp("shades")
    for number in range(SHADES):
        tags = {"title": f"Shade {number}", "artist": f"Painter {number}"}
        write_audio(folder / f"{number}.flac", shade(number), tags=tags)
    return scan_into_catalogue(folder)
