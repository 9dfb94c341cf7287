"""Clients that do not read, or do not send what they promised: they cost little, for a short time, and nobody else."""

import asyncio
import socket
import tracemalloc
from contextlib import ExitStack
from pathlib import Path

import pytest

from rtc_drift.api import connections, covers, streams
from rtc_drift.library.covers import Covers, CoverTimeoutError
from rtc_drift.station.event_hub import CAPACITY_BYTES
from rtc_drift.station.events import DirectionChanged
from tests.support.audio_files import PNG, write_audio
from tests.support.events import kept_frames
from tests.support.music import steady_music
from tests.support.server import RunningServer, Serve
from tests.support.waiting import until

SHARED_PORT_ONLY = True
READERS = 16
PICTURE = PNG + bytes(range(256)) * 20_000
HELD_BYTES = 256 * 1024
"""Memory that a reader may hold."""


@pytest.fixture
def pictured(tmp_path: Path) -> Path:
    """Return a folder with a track and a cover of 5 MB."""
    folder = tmp_path / "pictured"
    folder.mkdir()
    write_audio(folder / "one.flac", steady_music(20, seed=1, level=0.1), tags={"title": "One"})
    (folder / "cover.png").write_bytes(PICTURE)
    return folder


def publish_a_ring(server: RunningServer) -> None:
    """Publish as many bytes of events as are kept."""
    for number in range(CAPACITY_BYTES // 6_000 + 1):
        event = DirectionChanged(session_id="master", media_time=number, direction="x" * 6_000)
        server.station.hub.publish(event)


def first_id(server: RunningServer) -> str:
    """Return the id of the oldest event that is kept."""
    return kept_frames(server.station.hub)[0].split(b"\n")[0].removeprefix(b"id: ").decode()


def ask(server: RunningServer, path: str, *headers: str) -> socket.socket:
    """Send a GET request, and read nothing."""
    host, port = server.url.removeprefix("http://").split(":")
    sock = socket.create_connection((host, int(port)))
    sock.sendall("\r\n".join((f"GET {path} HTTP/1.1", f"Host: {host}:{port}", *headers, "", "")).encode())
    return sock


async def metric(server: RunningServer, name: str) -> float:
    lines = (await server.metrics()).splitlines()
    return next(float(line.split()[1]) for line in lines if line.split()[0] == f"rtc_drift_{name}")


async def until_cut(server: RunningServer, name: str) -> None:
    """Wait until a metric has counted all readers of a kind."""
    async with asyncio.timeout(20):
        while await metric(server, name) < READERS:
            await asyncio.sleep(0.1)


async def test_clients_that_stall_hold_little_and_are_cut_off(
    serve: Serve, pictured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = connections.Times(body=0.3)
    monkeypatch.setattr(connections, "Times", lambda: times)
    async with serve(pictured) as server:
        (track,) = await server.scanned_tracks()
        await slow_bodies_are_answered_with_408(server)
        cover = f"/api/tracks/{track['id']}/cover"
        await covers_are_whole_and_have_tags(server, cover)
        publish_a_ring(server)
        await a_replay_is_whole_and_in_order(server)
        with ExitStack() as stack:

            def read_nothing(path: str, *headers: str) -> None:
                for _ in range(READERS):
                    stack.enter_context(ask(server, path, *headers))

            tracemalloc.start()
            stack.callback(tracemalloc.stop)
            before, _ = tracemalloc.get_traced_memory()
            read_nothing("/events/master", f"Last-Event-ID: {first_id(server)}")
            read_nothing("/events/master")
            read_nothing(cover)
            await until(lambda: server.station.hub.readers == 2 * READERS)
            publish_a_ring(server)  # also traced
            await asyncio.sleep(0.3)
            after, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert (after - before) / (3 * READERS) < HELD_BYTES
            monkeypatch.setattr(streams, "EVENT_SEND_SECONDS", 0.2)
            monkeypatch.setattr(covers, "SEND_SECONDS", 0.2)
            read_nothing(cover)
            read_nothing("/events/master", f"Last-Event-ID: {first_id(server)}")
            await until_cut(server, "stalled_answers_total")
            await until_cut(server, "event_readers_cut_total")

        async def hangs(*_: object) -> None:
            raise CoverTimeoutError

        monkeypatch.setattr(Covers, "get", hangs)
        async with server.http.get(f"{server.url}{cover}") as response:
            assert (response.status, (await response.json())["code"]) == (504, "cover_timeout")
        assert await metric(server, "cover_timeouts_total") == 1


async def covers_are_whole_and_have_tags(server: RunningServer, cover: str) -> None:
    url = f"{server.url}{cover}"
    async with server.http.head(url) as response:
        assert (response.status, response.content_type) == (200, "image/png")
        assert response.headers["Content-Length"] == str(len(PICTURE))
        tag = response.headers["ETag"]
    for given, status in ((tag, 304), (f'W/"x", {tag}', 304), ("*", 304), ('"other"', 200)):
        async with server.http.get(url, headers={"If-None-Match": given}) as response:
            assert (response.status, response.headers["ETag"]) == (status, tag), given
            assert await response.read() == (PICTURE if status == 200 else b"")


async def a_replay_is_whole_and_in_order(server: RunningServer) -> None:
    kept = [frame.split(b"\n")[0] for frame in kept_frames(server.station.hub)]
    headers = {"Last-Event-ID": kept[0].removeprefix(b"id: ").decode()}
    received = b""
    async with asyncio.timeout(20), server.http.get(f"{server.url}/events/master", headers=headers) as response:
        while kept[-1] not in received:
            received += await response.content.readany()
    assert [line for line in received.split(b"\n") if line.startswith(b"id: ")][: len(kept) - 1] == kept[1:]


async def slow_bodies_are_answered_with_408(server: RunningServer) -> None:
    async def slow(path: str) -> bytes:
        reader, writer = await asyncio.open_connection(*server.url.removeprefix("http://").split(":"))
        kind = "application/sdp" if path.startswith("/whep") else "application/json"
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: 50\r\n\r\n{{"
        writer.write(head.encode())
        answer = await reader.read()
        writer.close()
        return answer

    paths = ("/whep/master", "/session/master/seek", "/api/session/create")
    for path, answer in zip(paths, await asyncio.gather(*map(slow, paths)), strict=True):
        assert answer.startswith(b"HTTP/1.1 408 "), path
        assert b'"code": "body_timeout"' in answer
    assert await metric(server, "slow_requests_total") == 3
