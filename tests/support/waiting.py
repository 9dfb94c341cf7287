"""Wait for a condition without asserting how long it takes."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], bool], seconds: float = 10, *, interval_seconds: float = 0.02) -> None:
    """Poll until a condition holds. Raise TimeoutError if it does not hold within `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(interval_seconds)
