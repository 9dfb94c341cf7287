"""A process of stock aiortc listeners (`benchmarks.aiortc_listeners`), and its report."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

SETTLE_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Report:
    """Packets received by all listeners together. Lateness is against a listener's most punctual packet."""

    lost: int
    received: int
    late_ms: tuple[float, float, float, float]
    """Lateness of packets in ms when aiortc took them: median, 99 %, 99.9 % and worst."""
    late_packets: int
    """Number of packets more than 20 ms late when aiortc took them."""
    kernel_late_ms: tuple[float, float, float, float]
    """The same of the kernel's time stamps."""
    kernel_late_packets: int


@contextlib.asynccontextmanager
async def aiortc_listeners(urls: Sequence[str]) -> AsyncIterator[asyncio.Future[Report]]:
    """Connect a listener for each WHEP url. The future has their report when the block has ended."""
    reporting: asyncio.Future[Report] = asyncio.get_running_loop().create_future()
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.aiortc_listeners", *urls),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        assert (await child.stdout.readline()) == b"connected\n"
        await asyncio.sleep(SETTLE_SECONDS)
        yield reporting
        child.stdin.close()
        reporting.set_result(Report(**json.loads(await child.stdout.readline())))
    finally:
        if child.returncode is None and not reporting.done():
            child.kill()
        await child.wait()
