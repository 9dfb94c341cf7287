"""`python -m benchmarks.load URL N`: N listeners of a server, until standard input ends. A process of its own.

Stock aiortc from end to end, but for the decoding, which is the listener's own affair and would not fit one core.
"""

import asyncio
import os
import queue
import sys
import threading
from typing import Any

from aiortc import rtcrtpreceiver

from rtc_drift.client import Listener


async def run(url: str, count: int) -> None:
    """Join, tell, wait, tell what was lost."""
    rtcrtpreceiver.decoder_worker = discard  # type: ignore[assignment]
    listeners = [Listener(url, connect_seconds=60) for _ in range(count)]
    for at in range(0, count, 5):
        await asyncio.gather(*(listener.__aenter__() for listener in listeners[at : at + 5]))
    print("connected", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    stats = [await listener.stats() for listener in listeners]
    print(sum(each.packets_lost for each in stats), sum(each.packets_received for each in stats), flush=True)
    await asyncio.gather(*(listener.close() for listener in listeners))


def discard(
    loop: asyncio.AbstractEventLoop, encoded: queue.Queue[Any], decoded: asyncio.Queue[Any], _: threading.Event
) -> None:
    """In place of aiortc's decoding thread: takes what arrives, and ends as that does."""
    while encoded.get() is not None:
        pass
    asyncio.run_coroutine_threadsafe(decoded.put(None), loop)


def main() -> None:
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {1})
    asyncio.run(run(sys.argv[1], int(sys.argv[2])))


if __name__ == "__main__":
    main()
