"""However clients leave, and however many sessions there were, nothing of them is left."""

import asyncio
import gc
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import aiohttp
import psutil

from rtc_drift.client import Listener
from rtc_drift.media import samples
from tests.support.deliveries import SHARED_PORT
from tests.support.server import RunningServer, Serve
from tests.support.waiting import until

VISITED = 140


async def test_clients_that_vanish_are_no_longer_counted(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        follower = await server.follow("master")
        for name in ("master", follower):
            session = server.service.sessions[name]
            for kind, path in (("ogg", "stream"), ("events", "events")):
                async with aiohttp.ClientSession() as http:
                    response = await http.get(f"{server.url}/{path}/{name}")
                    await response.content.readany()
                    assert sum(session.clients.values()) == 1, kind
                    assert response.connection is not None
                    assert response.connection.transport is not None
                    response.connection.transport.abort()
                await until(lambda session=session: not any(session.clients.values()))  # type: ignore[misc]
            listener = Listener(f"{server.url}/whep/{name}")
            async with listener:
                await listener.read(samples(0.2))
                assert session.clients["webrtc"] == 1
                listener._resource = None  # it leaves without a request to the server
            await until(lambda session=session: not any(session.clients.values()))  # type: ignore[misc]
        station = server.station
        assert (station.listeners, station.hub.readers, station.packets.readers) == (0, 0, 0)


async def visit(server: RunningServer, number: int) -> None:
    """Create a session, follow it, read its streams, skip a track, and delete it; listen to every tenth."""
    name = f"room-{number}"
    await server.create(name)
    follower = await server.follow(name)
    async with (
        server.http.get(f"{server.url}/stream/{follower}") as stream,
        server.http.get(f"{server.url}/events/{follower}") as events,
    ):
        await events.content.readany()
        await stream.content.readany()
        if number % 10 == 0:
            async with server.listener(name) as listener:
                await listener.read(samples(0.1))
        await server.post(f"/session/{name}/next-track")
        assert await server.delete(f"/api/session/{name}") == 204
        await stream.content.read()
        await events.content.read()


@SHARED_PORT
async def test_a_hundred_sessions_leave_nothing(serve: Serve, music: Path) -> None:
    async with serve(music, max_sessions=40) as server:
        await server.scanned_tracks()
        gate = asyncio.Semaphore(12)

        async def visit_in_turn(number: int) -> None:
            async with gate:
                await visit(server, number)

        async def visits(first: int, count: int) -> None:
            await asyncio.gather(*(visit_in_turn(number) for number in range(first, first + count)))

        await visits(0, 40)  # after these, thread pools, caches and connections have their final size
        engine = psutil.Process(server.service.engines.pid)
        before = footprint(engine)
        await visits(40, VISITED - 40)
        await until(lambda: set(server.service.sessions) == {"master"} and not server.service.listeners)
        await wait_a_while(lambda: not has_grown(before, footprint(engine)))
        after = footprint(engine)
        assert not has_grown(before, after), (before, after)
        assert after[4] - before[4] < 20e6, "bytes of both processes"
        async with server.listener() as listener:
            assert abs(await listener.read(samples(0.5))).max() > 0.01


async def wait_a_while(condition: Callable[[], bool]) -> None:
    """Wait up to ten seconds for a condition; the caller asserts."""
    with suppress(TimeoutError):
        await until(condition, 10, interval_seconds=0.1)


def has_grown(before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    """Return True if any of the exact counts has grown."""
    return any(now > then for then, now in zip(before[:4], after[:4], strict=True))


def footprint(engine: psutil.Process) -> tuple[int, int, int, int, int]:
    """Count tasks, descriptors here, threads and descriptors of the engine, and the memory of both processes."""
    gc.collect()
    tasks = sum(1 for task in asyncio.all_tasks() if "visit" not in str(task.get_coro()))
    here = psutil.Process(os.getpid())
    memory = int(here.memory_info().rss + engine.memory_info().rss)
    return tasks, here.num_fds(), engine.num_threads(), engine.num_fds(), memory
