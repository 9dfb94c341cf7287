"""A stock aiortc listener for each WHEP url, until standard input ends: `python -m benchmarks.aiortc_listeners URL…`.

Only the decoding is left out: it costs the server nothing, and all of it would not fit on one core. Each packet is
timed twice: by the kernel when it arrives, and here when aiortc takes it. The difference is this process's own delay.
"""

import asyncio
import gc
import json
import os
import queue
import socket
import sys
import threading
import time
from array import array
from typing import Any, ClassVar

import numpy as np
from aiortc import rtcrtpreceiver
from numpy.typing import NDArray

from benchmarks.packet_statistics import LATE_MS, PERCENTILES
from benchmarks.udp_receiver import SO_TIMESTAMPNS
from rtc_drift.client import Listener
from rtc_drift.media import SAMPLE_RATE

_CONTROL_BYTES = 64


class Arrivals:
    """Times of arrival of one stream's packets: by the kernel, and when aiortc took them."""

    def __init__(self) -> None:
        self.kernel = array("q")
        """The kernel's time stamp (ns) and the RTP timestamp of each packet, in turn."""
        self.taken = array("q")
        """The same when aiortc took the packet."""


class TimedSocket(socket.socket):
    """A UDP socket that notes when the kernel received each RTP packet."""

    streams: ClassVar[dict[int, Arrivals]] = {}
    """Arrivals by SSRC. Packets of other streams are not noted."""

    def recvfrom(self, bytes_: int, flags: int = 0) -> tuple[bytes, Any]:
        """Receive a datagram, as asyncio asks for one."""
        data, control, _, address = self.recvmsg(bytes_, _CONTROL_BYTES, flags)
        if len(data) >= 12 and (stream := self.streams.get(int.from_bytes(data[8:12], "big"))) is not None and control:
            seconds, rest = (int.from_bytes(control[0][2][at : at + 8], sys.byteorder) for at in (0, 8))
            stream.kernel.extend((seconds * 1_000_000_000 + rest, int.from_bytes(data[4:8], "big")))
        return data, address


class TimedLoop(asyncio.SelectorEventLoop):
    """An event loop whose UDP sockets are timed."""

    async def create_datagram_endpoint(self, factory: Any, local_addr: Any = None, **options: Any) -> Any:  # type: ignore[override]
        """Open a UDP socket on a local address. Everything else goes its usual way."""
        if local_addr is None or options:
            return await super().create_datagram_endpoint(factory, local_addr=local_addr, **options)
        sock = TimedSocket(socket.AF_INET6 if ":" in local_addr[0] else socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sock.bind(local_addr)
        return await super().create_datagram_endpoint(factory, sock=sock)


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
    taken, kernel = (
        np.concatenate([lateness_ms(times) for times in each])
        for each in ([it.taken for it in arrivals], [it.kernel for it in arrivals])
    )
    stats = [await listener.stats() for listener in listeners]
    report = {
        "lost": sum(each.packets_lost for each in stats),
        "received": sum(each.packets_received for each in stats),
        "late_ms": percentiles(taken),
        "late_packets": int(np.count_nonzero(taken > LATE_MS)),
        "kernel_late_ms": percentiles(kernel),
        "kernel_late_packets": int(np.count_nonzero(kernel > LATE_MS)),
    }
    print(json.dumps(report), flush=True)
    await asyncio.gather(*(listener.close() for listener in listeners))


def note_arrivals(listener: Listener) -> Arrivals:
    """Note the arrivals of all packets of a listener from its next packet on."""
    receiver = listener._peer.getTransceivers()[0].receiver
    take, arrivals = receiver._handle_rtp_packet, Arrivals()

    async def note(packet: Any, **options: Any) -> None:
        TimedSocket.streams.setdefault(packet.ssrc, arrivals)
        arrivals.taken.extend((time.time_ns(), packet.timestamp))
        await take(packet, **options)

    receiver._handle_rtp_packet = note  # type: ignore[method-assign, assignment]
    return arrivals


def lateness_ms(arrivals: "array[int]") -> NDArray[np.float64]:
    """Return how many ms each packet came later than the most punctual one, by its own timestamp."""
    arrived_ns, timestamps = np.asarray(arrivals).reshape(-1, 2).T
    behind_ns = arrived_ns - np.unwrap(timestamps, period=2**32) * 1_000_000_000 // SAMPLE_RATE
    return np.asarray((behind_ns - behind_ns.min()) / 1e6)


def percentiles(late_ms: NDArray[np.float64]) -> list[float]:
    """Return the median, 99 %, 99.9 % and the worst."""
    return [float(np.percentile(late_ms, at)) for at in PERCENTILES]


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
    with asyncio.Runner(loop_factory=TimedLoop) as runner:
        runner.run(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
