"""Listeners in a process of their own, and what they report."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

SETTLE_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Report:
    """What all listeners together received; lateness against each one's most punctual packet."""

    lost: int
    received: int
    late_ms: tuple[float, float, float, float]
    """Median, 99 %, 99.9 % and worst."""
    late_packets: int
    """More than 20 ms late."""


@contextlib.asynccontextmanager
async def listeners(urls: Sequence[str]) -> AsyncIterator[asyncio.Future[Report]]:
    """A listener for each WHEP url, all connected; afterwards the future has their report."""
    heard: asyncio.Future[Report] = asyncio.get_running_loop().create_future()
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.load", *urls),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        assert (await child.stdout.readline()) == b"connected\n"
        await asyncio.sleep(SETTLE_SECONDS)
        yield heard
        child.stdin.close()
        heard.set_result(Report(**json.loads(await child.stdout.readline())))
    finally:
        if child.returncode is None and not heard.done():
            child.kill()
        await child.wait()
