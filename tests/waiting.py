"""Waiting for what happens soon, without saying how long it takes."""

import asyncio
from collections.abc import Callable


async def until(true: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for something that happens soon."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.02)
