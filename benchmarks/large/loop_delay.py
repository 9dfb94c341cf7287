"""The delays of a server's event loop, as a client sees them who asks all the time, in a process of its own.

`python -m benchmarks.large.loop_delay URL` asks until its standard input is closed, and prints the delays as JSON.
"""

import asyncio
import contextlib
import http.client
import json
import math
import select
import statistics
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from dataclasses import dataclass

INTERVAL_SECONDS = 0.005
END_SECONDS = 10.0


@dataclass
class LoopDelay:
    """How long the answers took, in ms; NaN before the watch has ended."""

    median: float = math.nan
    worst: float = math.nan


@contextlib.asynccontextmanager
async def watched_loop(url: str) -> AsyncIterator[LoopDelay]:
    """Watch the event loop of a server during the block."""
    delay = LoopDelay()
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", __name__, url, stdin=PIPE, stdout=PIPE)
    assert process.stdout is not None
    try:
        await process.stdout.readline()
        yield delay
        printed, _ = await asyncio.wait_for(process.communicate(b""), END_SECONDS)
        delay.median, delay.worst = json.loads(printed)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def watch(url: str) -> None:
    """Ask a server if it is alive every few milliseconds, and print how long the answers took."""
    connection, delays = http.client.HTTPConnection(url.removeprefix("http://")), list[float]()
    print(flush=True)
    pause = 0.0
    while not select.select([sys.stdin], [], [], pause)[0]:
        began = time.perf_counter()
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        took = time.perf_counter() - began
        delays.append(took * 1e3)
        pause = max(0.0, INTERVAL_SECONDS - took)
    print(json.dumps((statistics.median(delays), max(delays))), flush=True)


if __name__ == "__main__":
    watch(sys.argv[1])
