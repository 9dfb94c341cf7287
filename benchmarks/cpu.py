"""CPU time by the operating system's account, and what of it one listener more costs."""

import asyncio
import sys
from collections.abc import Callable, Sequence

from benchmarks.crowds import LOOPBACK, SETTLE_SECONDS, Place, crowd, heard

SECONDS = 12
PACKETS_PER_SECOND = 50
WORTH_TELLING = 0.01
"""Share of packets."""


async def cpu_ms_per_second(cpu_seconds: Callable[[], float], seconds: float = SECONDS) -> float:
    """How fast a count of CPU seconds grows."""
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
    place: Place = LOOPBACK,
) -> float:
    """What each listener beyond the first `few` costs a server: ms of CPU per second.

    Says on standard error when the server can't serve so many, as the figure is too low then.
    """
    async with crowd(urls, few, joins_per_second, place) as first:
        await asyncio.sleep(SETTLE_SECONDS)
        before = await cpu_ms_per_second(cpu_seconds)
        async with crowd(urls, many - few, joins_per_second, place) as rest:
            await asyncio.sleep(SETTLE_SECONDS)
            after, it = await asyncio.gather(cpu_ms_per_second(cpu_seconds), heard((first, rest), SECONDS))
    missing = many * SECONDS * PACKETS_PER_SECOND - it.expected + it.gaps + it.skipped
    if missing > WORTH_TELLING * it.expected:
        print(f"{urls[0]}: {missing} packets were not sent or did not arrive", file=sys.stderr)
    if it.undecryptable:
        print(f"{urls[0]}: {it.undecryptable} packets could not be decrypted", file=sys.stderr)
    return (after - before) / (many - few)
