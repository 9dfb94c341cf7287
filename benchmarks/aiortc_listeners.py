"""A stock aiortc listener for each WHEP url, until standard input ends: `python -m benchmarks.aiortc_listeners URL…`.

Only the decoding is left out: it costs the server nothing, and all of it would not fit on one core.
"""

import asyncio
import gc
import json
import os
import queue
import sys
import threading
import time
from array import array
from typing import Any

import numpy as np
from aiortc import rtcrtpreceiver

from rtc_drift.client import Listener
from rtc_drift.media import SAMPLE_RATE


async def run(urls: list[str]) -> None:
    """Join, print `connected`, wait for the end of standard input, and print the report as JSON."""
    rtcrtpreceiver.decoder_worker = discard  # type: ignore[assignment]
    listeners = [Listener(url, connect_seconds=60) for url in urls]
    for at in range(0, len(listeners), 5):
        await asyncio.gather(*(listener.__aenter__() for listener in listeners[at : at + 5]))
    arrivals = [note_arrivals(listener) for listener in listeners]
    gc.collect()
    gc.disable()  # a pause here would look like packets that are late
    print("connected", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    late = np.concatenate([lateness_ms(each) for each in arrivals])
    stats = [await listener.stats() for listener in listeners]
    report = {
        "lost": sum(each.packets_lost for each in stats),
        "received": sum(each.packets_received for each in stats),
        "late_ms": [float(np.percentile(late, at)) for at in (50, 99, 99.9, 100)],
        "late_packets": int(np.count_nonzero(late > 20)),
    }
    print(json.dumps(report), flush=True)
    await asyncio.gather(*(listener.close() for listener in listeners))


def note_arrivals(listener: Listener) -> "array[float]":
    """Return an array that grows by the arrival time (s) and the RTP timestamp of each packet from now on, in turn."""
    receiver = listener._peer.getTransceivers()[0].receiver
    take, arrivals = receiver._handle_rtp_packet, array("d")

    async def note(packet: Any, **options: Any) -> None:
        arrivals.extend((time.monotonic(), packet.timestamp))
        await take(packet, **options)

    receiver._handle_rtp_packet = note  # type: ignore[method-assign, assignment]
    return arrivals


def lateness_ms(arrivals: "array[float]") -> "np.ndarray[Any, np.dtype[np.float64]]":
    """Return how many ms each packet came later than the most punctual one, by its own timestamp."""
    seconds, timestamps = np.asarray(arrivals).reshape(-1, 2).T
    media = np.unwrap(timestamps, period=2.0**32) / SAMPLE_RATE
    behind = seconds - media
    return np.asarray((behind - behind.min()) * 1e3)


def discard(
    loop: asyncio.AbstractEventLoop, encoded: queue.Queue[Any], decoded: asyncio.Queue[Any], _: threading.Event
) -> None:
    """Take packets in place of aiortc's decoding thread, and end as it does."""
    while encoded.get() is not None:
        pass
    asyncio.run_coroutine_threadsafe(decoded.put(None), loop)


def main() -> None:
    """Run the process, on core 1 where there is one."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {1})
    asyncio.run(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
