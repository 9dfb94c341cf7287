"""However clients leave, nobody stays behind: not those of one session, not those of a hundred."""

import asyncio
import gc
import os
from collections.abc import Callable
from pathlib import Path

import aiohttp
import psutil

from rtc_drift.client import Listener
from rtc_drift.media import samples
from tests.conftest import Serve, Served
from tests.peers.conftest import ONE_PORT
from tests.waiting import until

VISITED = 140


async def test_clients_of_each_kind_that_vanish_are_counted_out(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        follower = await served.follow("master")
        for name in ("master", follower):
            session = served.service.sessions[name]
            for kind, path in (("ogg", "stream"), ("events", "events")):
                async with aiohttp.ClientSession() as http:
                    response = await http.get(f"{served.url}/{path}/{name}")
                    await response.content.readany()
                    assert sum(session.clients.values()) == 1, kind
                    assert response.connection is not None
                    assert response.connection.transport is not None
                    response.connection.transport.abort()
                await until(lambda session=session: not any(session.clients.values()))  # type: ignore[misc]
            listener = Listener(f"{served.url}/whep/{name}")
            async with listener:
                await listener.read(samples(0.2))
                assert session.clients["webrtc"] == 1
                listener._resource = None  # it goes without a word to the server
            await until(lambda session=session: not any(session.clients.values()))  # type: ignore[misc]
        station = served.service.sessions.master.station
        assert (station.listeners, station.hub.readers, station.packets.readers) == (0, 0, 0)


async def visit(served: Served, number: int) -> None:
    """A session is created, listened to as WebRTC by every tenth and as Ogg by all, followed, watched, deleted."""
    name = f"room-{number}"
    await served.create(name)
    follower = await served.follow(name)
    async with (
        served.http.get(f"{served.url}/stream/{follower}") as stream,
        served.http.get(f"{served.url}/events/{follower}") as events,
    ):
        await events.content.readany()
        await stream.content.readany()
        if number % 10 == 0:
            async with served.listener(name) as listener:
                await listener.read(samples(0.1))
        await served.post(f"/session/{name}/next-track")
        assert await served.delete(f"/api/session/{name}") == 204
        await stream.content.read()
        await events.content.read()


@ONE_PORT
async def test_a_hundred_sessions_leave_nothing_behind(serve: Serve, music: Path) -> None:
    async with serve(music, max_sessions=40) as served:
        await until(lambda: not served.service.library.status().scanning, 30)
        gate = asyncio.Semaphore(4)

        async def visits(first: int, count: int) -> None:
            async def one(number: int) -> None:
                async with gate:
                    await visit(served, number)

            await asyncio.gather(*(one(number) for number in range(first, first + count)))

        await visits(0, 40)  # what is kept for good is there now: thread pools, caches, connections
        engine = psutil.Process(served.service.engines.pid)
        before = footprint(engine)
        await visits(40, VISITED - 40)
        await until(lambda: set(served.service.sessions) == {"master"} and not served.service.listeners)
        await settled(lambda: not grown(before, footprint(engine)))
        after = footprint(engine)
        assert not grown(before, after), (before, after)
        assert after[4] - before[4] < 20e6, "bytes of both processes"
        async with served.listener() as listener:
            assert abs(await listener.read(samples(0.5))).max() > 0.01


async def settled(true: Callable[[], bool]) -> None:
    """Wait a while for something, and leave the verdict to whoever asks."""
    for _ in range(100):
        if true():
            return
        await asyncio.sleep(0.1)


def grown(before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    """Whether there is more of anything that is counted exactly."""
    return any(now > then for then, now in zip(before[:4], after[:4], strict=True))


def footprint(engine: psutil.Process) -> tuple[int, int, int, int, int]:
    """Tasks, descriptors here, threads and descriptors of the engine, and the memory of both."""
    gc.collect()
    tasks = sum(1 for task in asyncio.all_tasks() if "visit" not in str(task.get_coro()))
    here = psutil.Process(os.getpid())
    memory = int(here.memory_info().rss + engine.memory_info().rss)
    return tasks, here.num_fds(), engine.num_threads(), engine.num_fds(), memory
