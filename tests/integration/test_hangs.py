"""Hanging disks and processes: nothing else stops, and the server ends all the same."""

import asyncio
import os
import signal
import socket
from pathlib import Path

import aiohttp
import psutil
import pytest

from rtc_drift.client import Listener
from rtc_drift.library.database import Database
from rtc_drift.media import samples
from rtc_drift.session_store import SessionTable
from tests.support.audio_files import sine, write_audio
from tests.support.hangs import Switches, hanging, hooks
from tests.support.music import steady_music
from tests.support.server import RunningServer, Serve, copy_catalogue
from tests.support.server_process import free_tcp_port, server_process
from tests.support.waiting import until

SHARED_PORT_ONLY = True
HUNG_CALLS = 40


async def test_a_dead_network_drive_stops_nothing_else(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, drive = tmp_path / "disk", tmp_path / "drive"
    for folder in (disk, drive):
        folder.mkdir()
    for number in range(3):
        write_audio(disk / f"{number}.flac", steady_music(30, seed=number, level=0.2), tags={"title": f"Disk {number}"})
    for number in range(HUNG_CALLS):
        write_audio(drive / f"{number}.wav", sine(1.2, hertz=200 + number))
    with hanging(drive, monkeypatch) as dead:
        async with serve(disk, drive) as server, server.listener() as listener:
            library = server.service.library
            await until(lambda: len(library.playable()) == HUNG_CALLS + 3, 60)
            on_disk = [track for track in library.playable().values() if track.path.is_relative_to(disk)]
            await listener.next_track(on_disk[0].id)

            dead.hang()
            for track in list(library.playable().values()):
                if track.path.is_relative_to(drive):
                    library.mark_unplayable(track, "It can't be read.", lasting=False)
            await until(lambda: dead.hung > 0)
            await everything_answers(server, listener, on_disk[1].id)
            assert dead.hung > 0

            # Nothing is scanned until it is clear that the drive is dead.
            server.service._files.answer_seconds = 0.3
            library._folders._lost_check_seconds = library._cooldown._seconds = 0.05
            write_audio(disk / "new.flac", steady_music(9, seed=9, level=0.2))
            await until(lambda: any(track.path == disk / "new.flac" for track in library.playable().values()), 60)
            notice = library.status().notice
            assert notice == f"The music folder {drive} does not answer."
            await everything_answers(server, listener, on_disk[2].id)
            assert dead.hung <= 4, "it is not called again and again"

            dead.answer()
            await until(lambda: library.status().notice is None, 30)
            await until(lambda: len(library.playable()) == HUNG_CALLS + 4, 30)


async def everything_answers(server: RunningServer, listener: Listener, next_track: str) -> None:
    """Assert that the page, searches, commands, events and the music go on."""
    for path in ("/", "/api/tracks?q=disk", "/healthz", "/readyz", "/api/session/info", "/metrics"):
        async with server.http.get(f"{server.url}{path}") as response:
            assert response.status == 200, path
    planned = server.station.hub.last_id
    await listener.next_track(next_track)
    await until(lambda: server.station.hub.last_id != planned)
    await until(lambda: (it := server.autodj.now_playing()) is not None and it.track.id == next_track)
    await until(lambda: server.autodj.planned() is not None)
    await listener.read(samples(0.3))


@pytest.fixture
def switches(music: Path, tmp_path: Path) -> Switches:
    """Switches for what hangs in a server on `music`; its catalogue is in `data` already."""
    copy_catalogue(music, tmp_path / "data")
    return hooks(tmp_path / "hooks", music)


async def test_the_server_saves_and_ends_though_music_and_processes_hang(
    music: Path, tmp_path: Path, switches: Switches
) -> None:
    port = free_tcp_port()
    async with server_process(music, tmp_path / "data", port, hooks=tmp_path / "hooks") as server:
        children = psutil.Process(server.pid).children()
        switches.hang("music")

        def has_noticed_a_change() -> bool:
            (music / "new.txt").touch()
            (music / "new.txt").unlink()
            return switches.is_hung("music")

        await until(has_noticed_a_change, 30)
        await create_session(port, "kitchen")
        for child in children:
            os.kill(child.pid, signal.SIGSTOP)
        server.send_signal(signal.SIGHUP)
        assert await asyncio.wait_for(server.wait(), 30) == 0
        await until(lambda: not any(child.is_running() for child in children))
    database = Database.open(tmp_path / "data" / "catalogue.sqlite")
    assert "kitchen" in {record.id for record in SessionTable(database).load()}
    database.close()


async def test_the_server_ends_though_its_disk_hangs_and_clients_do_not_read(
    music: Path, tmp_path: Path, switches: Switches
) -> None:
    port, log = free_tcp_port(), list[str]()
    async with server_process(music, tmp_path / "data", port, hooks=tmp_path / "hooks", log=log) as server:
        children = psutil.Process(server.pid).children()
        with (
            socket.create_connection(("127.0.0.1", port)) as events,
            socket.create_connection(("127.0.0.1", port)) as ogg,
        ):
            events.sendall(b"GET /events/master HTTP/1.1\r\nHost: localhost\r\n\r\n")
            ogg.sendall(b"GET /stream/master HTTP/1.1\r\nHost: localhost\r\n\r\n")
            switches.hang("database")
            await create_session(port, "kitchen")
            await until(lambda: switches.is_hung("database"), 30)
            async with Listener(f"http://127.0.0.1:{port}/whep/kitchen") as listener:
                await listener.read(samples(0.5))  # it plays on
                for child in children:
                    os.kill(child.pid, signal.SIGSTOP)
                server.send_signal(signal.SIGTERM)
                assert await asyncio.wait_for(server.wait(), 30) == 1
        await until(lambda: not any(child.is_running() for child in children))
    assert any("can't be saved" in line for line in log)


async def test_the_server_ends_though_it_hangs_while_it_starts(music: Path, tmp_path: Path, switches: Switches) -> None:
    switches.hang("database")
    port = free_tcp_port()
    starting = server_process(music, tmp_path / "data", port, hooks=tmp_path / "hooks", until=rb"Stopping")
    stopping = asyncio.create_task(starting.__aenter__())
    await until(lambda: switches.is_hung("database"), 30)
    for child in psutil.Process().children():
        if str(port) in child.cmdline():
            child.send_signal(signal.SIGTERM)
    server = await stopping
    assert await asyncio.wait_for(server.wait(), 30) == 0
    await starting.__aexit__(None, None, None)


async def create_session(port: int, name: str) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"http://127.0.0.1:{port}/api/session/create", json={"sessionName": name}) as response,
    ):
        assert response.status == 201
