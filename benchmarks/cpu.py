"""CPU time as the operating system counts it, and the part that one more listener costs."""

import asyncio
import sys
from collections.abc import Callable, Sequence

from benchmarks.light_listener_processes import LOOPBACK, SETTLE_SECONDS, Network, light_listeners, receive

SECONDS = 12
PACKETS_PER_SECOND = 50
WARN_SHARE = 0.01
"""Share of missing packets above which a line on standard error reports them."""


async def cpu_ms_per_second(cpu_seconds: Callable[[], float], seconds: float = SECONDS) -> float:
    """Return how fast a count of CPU seconds grows, in ms per second."""
    loop = asyncio.get_running_loop()
    cpu, clock = cpu_seconds(), loop.time()
    await asyncio.sleep(seconds)
    return (cpu_seconds() - cpu) / (loop.time() - clock) * 1e3


async def marginal_ms_per_second(
    cpu_seconds: Callable[[], float],
    urls: Sequence[str],
    few: int,
    many: int,
    *,
    joins_per_second: float = 50.0,
    network: Network = LOOPBACK,
) -> float:
    """Return the CPU time that each listener beyond the first `few` costs a server, in ms per second.

    The figure is too low if the server can't serve all `many` listeners; then a line on standard error reports it.
    """
    async with light_listeners(urls, few, joins_per_second, network) as first:
        await asyncio.sleep(SETTLE_SECONDS)
        before = await cpu_ms_per_second(cpu_seconds)
        async with light_listeners(urls, many - few, joins_per_second, network) as rest:
            await asyncio.sleep(SETTLE_SECONDS)
            after, received = await asyncio.gather(cpu_ms_per_second(cpu_seconds), receive((first, rest), SECONDS))
    missing = many * SECONDS * PACKETS_PER_SECOND - received.expected + received.gaps + received.skipped
    if missing > WARN_SHARE * received.expected:
        print(f"{urls[0]}: {missing} packets were not sent or did not arrive", file=sys.stderr)
    if received.undecryptable:
        print(f"{urls[0]}: {received.undecryptable} packets could not be decrypted", file=sys.stderr)
    return (after - before) / (many - few)
