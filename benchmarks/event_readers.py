"""Event readers of a session, and the commands that make the events, in a process of their own.

`python -m benchmarks.event_readers URL READERS EVENTS_PER_SECOND SECONDS` prints how many commands were accepted,
and how many events the readers with the fewest and with the most of them received.
"""

import asyncio
import json
import os
import sys
import time

import aiohttp

EVENT = b'"type":"direction_changed"'
COMMANDERS = 50
"""Number of clients that send commands in turn."""


async def run(url: str, count: int, rate: float, seconds: float) -> None:
    """Read events, send commands at a rate, and print the counts as JSON."""
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as http:
        counts = [0] * count
        connected = asyncio.Semaphore(0)
        readers = [asyncio.create_task(read(http, url, counts, number, connected)) for number in range(count)]
        for _ in range(count):
            await connected.acquire()
        started = time.monotonic()
        accepted = sum(
            await asyncio.gather(*(command(http, url, started, number, rate, seconds) for number in range(COMMANDERS)))
        )
        took = time.monotonic() - started
        await asyncio.sleep(1)
        ended = sum(reader.done() for reader in readers)
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
    report = {"accepted": accepted, "seconds": took, "least": min(counts), "most": max(counts), "cut": ended}
    print(json.dumps(report), flush=True)


async def read(
    http: aiohttp.ClientSession, url: str, counts: list[int], number: int, connected: asyncio.Semaphore
) -> None:
    """Count the events of one stream in `counts[number]`, also those cut in two by the network."""
    rest = b""
    async with http.get(f"{url}/events/master") as response:
        connected.release()
        async for chunk in response.content.iter_any():
            received = rest + chunk
            counts[number] += received.count(EVENT)
            rest = received[-len(EVENT) + 1 :]


async def command(
    http: aiohttp.ClientSession, url: str, started: float, number: int, rate: float, seconds: float
) -> int:
    """Send one client's share of the commands at its times. Return how many were accepted."""
    accepted = 0
    for turn in range(int(rate * seconds / COMMANDERS)):
        due = started + (turn * COMMANDERS + number) / rate
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        body = {"direction": "brighter" if turn % 2 else None}
        async with http.post(f"{url}/session/master/direction", json=body) as response:
            accepted += response.status == 202
    return accepted


def main() -> None:
    """Run the process, on core 1 where there is one."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {1})
    url, count, rate, seconds = sys.argv[1:]
    asyncio.run(run(url, int(count), float(rate), float(seconds)))


if __name__ == "__main__":
    main()
