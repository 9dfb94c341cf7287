"""Waiting for signs of life of other processes, without counting the time in which this process stood itself."""

import asyncio
from typing import Any

STOOD_SECONDS = 0.5
"""Lateness of a timer above which this process stood: it was stopped, the machine slept, or its event loop hung."""


async def done_within(awaited: asyncio.Future[Any], seconds: float) -> bool:
    """Wait until something is done, or `seconds` have passed. Return True if it is done; it is never cancelled.

    After a time in which this process stood, which others may have done too, it waits `seconds` more.
    """
    loop = asyncio.get_running_loop()
    while not awaited.done():
        due = loop.time() + seconds
        await asyncio.wait({awaited}, timeout=seconds)
        if loop.time() < due + STOOD_SECONDS:
            break
    return awaited.done()
