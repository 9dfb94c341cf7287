"""Clients over HTTP that come and go: they read, or they stop reading, or they never finish their request."""

import asyncio
import contextlib
import socket
import time
from random import Random
from urllib.parse import urlsplit

import aiohttp

from benchmarks.soak.world import Action, World

STOPPED_SECONDS = 40.0
"""Time for which a client that has stopped stays; by then the server should have cut it off."""
RECEIVE_BUFFER_BYTES = 4096


def _any_session(world: World, random: Random) -> str:
    return random.choice([*world.leaders, *world.followers, *world.passing])


async def ogg_reader(world: World, random: Random) -> None:
    """Read the Ogg stream for a while."""
    await _read(world, f"/stream/{_any_session(world, random)}", random.uniform(2, 40))


async def event_reader(world: World, random: Random) -> None:
    """Read events for a while, disconnect, and go on after the last event."""
    path, last = f"/events/{_any_session(world, random)}", ""
    for _ in range(random.randint(1, 3)):
        last = await _read(world, path, random.uniform(1, 20), last)
        await asyncio.sleep(random.uniform(0, 2))


async def _read(world: World, path: str, seconds: float, last_event: str = "") -> str:
    """Read an endless answer for some seconds. Return the id of the last event in it.

    A stream that the server ends before, while it should not, counts as unanswered.
    """
    headers = {"Last-Event-ID": last_event} if last_event else {}
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
    try:
        async with (
            asyncio.timeout(seconds),
            aiohttp.ClientSession(timeout=timeout) as http,
            http.get(world.server.url + path, headers=headers) as response,
        ):
            world.answers.counts[response.status, ""] += 1
            async for chunk in response.content.iter_any():
                _, found, rest = chunk.rpartition(b"id: ")
                last_event = rest.partition(b"\n")[0].decode() if found else last_event
    except TimeoutError:
        return last_event
    except aiohttp.ClientError as error:
        await asyncio.sleep(0.1)
        if world.server.is_up and path.rpartition("/")[2] in world.leaders:
            world.answers.unanswered.append((time.time(), f"GET {path}", f"broke off: {type(error).__name__}"))
    return last_event


async def stops(world: World, random: Random, path: str) -> None:
    """Request an endless answer and never read it."""
    with contextlib.closing(socket.socket()) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        sock.setblocking(False)
        where = urlsplit(world.server.url)
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            await loop.sock_connect(sock, (where.hostname, where.port))
            await loop.sock_sendall(sock, f"GET {path} HTTP/1.1\r\nHost: {where.netloc}\r\n\r\n".encode())
        await asyncio.sleep(STOPPED_SECONDS)


async def ogg_reader_that_stops(world: World, random: Random) -> None:
    """Begin to read the Ogg stream, and stop."""
    await stops(world, random, f"/stream/{random.choice(world.leaders)}")


async def event_reader_that_stops(world: World, random: Random) -> None:
    """Begin to read events, and stop."""
    await stops(world, random, f"/events/{random.choice(world.leaders)}")


async def half_a_request(world: World, random: Random) -> None:
    """Send half a request, and nothing more."""
    where = urlsplit(world.server.url)
    half = random.choice(
        (b"", b"GET / HT", b"POST /api/session/create HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{")
    )
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection(where.hostname, where.port)
        try:
            writer.write(half)
            await asyncio.sleep(STOPPED_SECONDS / 2)
        finally:
            writer.close()


CLIENT_ACTIONS: dict[str, Action] = {
    "Ogg reader": ogg_reader,
    "event reader": event_reader,
    "Ogg reader that stops": ogg_reader_that_stops,
    "event reader that stops": event_reader_that_stops,
    "half a request": half_a_request,
}
