"""Receptions of listeners, one after the other: thousands of them at once would hold the event loop."""

import asyncio
from collections.abc import AsyncIterator, Iterable

from rtc_drift.signaling import SentStream
from rtc_drift.webrtc.peer import Reception

SLICE = 200
"""Number of listeners after which everything else on the event loop has its turn: 1 to 2 ms."""


async def receptions(streams: Iterable[SentStream]) -> AsyncIterator[tuple[SentStream, Reception]]:
    """Yield the streams whose listeners have reported, with what they reported."""
    for number, stream in enumerate(streams, 1):
        if number % SLICE == 0:
            await asyncio.sleep(0)
        if (reception := await stream.reception()) is not None:
            yield stream, reception
