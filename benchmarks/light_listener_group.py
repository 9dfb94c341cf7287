"""Many light WHEP listeners in one process: `python -m benchmarks.light_listener_group --count N URL…`.

The process prints `{"connected": n, "failed": m, …}` when all have tried to join. Then it reads commands from standard
input: `mark` resets the counts, `report` prints what was received since. At the end of standard input all listeners
leave. With `--churn R --for S`, R listeners join each second for S seconds, and each leaves after 5 seconds. Then the
process prints how many could join, and ends.
"""

import argparse
import asyncio
import collections
import contextlib
import gc
import json
import os
import sys
import time
from typing import Any

import aiohttp
import numpy as np

from benchmarks.light_listener import JoinError, LightListener
from benchmarks.packet_statistics import PacketStatistics
from benchmarks.udp_receiver import DATAGRAMS, UdpReceiver
from rtc_drift.webrtc.dtls import Identity

ROUND_SECONDS = 0.2
CONSENT_SECONDS = 2.5
REPORT_SECONDS = 1.0
STAY_SECONDS = 5.0
SILENT_SECONDS = 1.0
GROUP = 64
"""Number of listeners whose sockets are read in one go."""
DECRYPTING = 50
"""Every 50th listener decrypts a packet now and then."""


class LightListenerGroup:
    """Listeners in numbered slots. A round reads all their sockets, `GROUP` after `GROUP`."""

    def __init__(self, slots: int, address: str) -> None:
        slots = -(-slots // GROUP) * GROUP
        self.packets = PacketStatistics(slots)
        self.failures = collections.Counter[str]()
        self.connected = self.consent_failures = self.undecryptable = self.ended = 0
        """The last three count only listeners that have left."""
        self._identity = Identity()
        self._address = address
        self._receiver = UdpReceiver(GROUP)
        self._slots: list[LightListener | None] = [None] * slots
        self._descriptors = [-1] * slots
        self._free = list(range(slots))[::-1]
        self._consent_at = np.full(slots, np.inf)
        self._report_at = np.full(slots, np.inf)

    @property
    def listeners(self) -> list[LightListener]:
        """The connected listeners."""
        return [it for it in self._slots if it is not None]

    async def join(self, http: aiohttp.ClientSession, url: str) -> int | None:
        """Let one more listener join. Return its slot, or None if it could not join."""
        listener = LightListener(self._identity, self._address)
        try:
            await listener.join(http, url)
        except JoinError as error:
            self.failures[str(error)] += 1
            listener.close()
            return None
        self.connected += 1
        slot = self._free.pop()
        self.packets.clear(slot)
        self._slots[slot], self._descriptors[slot] = listener, listener.descriptor
        self._consent_at[slot] = listener.connected_at + CONSENT_SECONDS
        self._report_at[slot] = listener.connected_at + REPORT_SECONDS
        return slot

    def leave(self, slot: int) -> LightListener:
        """Free a slot, and return its listener, still open."""
        listener = self._slots[slot]
        assert listener is not None
        self.consent_failures += listener.consent_failures
        self.undecryptable += listener.undecryptable
        self._slots[slot], self._descriptors[slot] = None, -1
        self._consent_at[slot] = self._report_at[slot] = np.inf
        self._free.append(slot)
        return listener

    async def rounds(self) -> None:
        """Do rounds for ever: read all sockets and send what is due, spread evenly over the time of a round."""
        pause = ROUND_SECONDS * GROUP / len(self._slots)
        due = time.monotonic()
        while True:
            for start in range(0, len(self._slots), GROUP):
                self._drain(start)
                self._send_due(start)
                due = max(due + pause, time.monotonic() - ROUND_SECONDS)
                await asyncio.sleep(max(0.0, due - time.monotonic()))

    def drain(self) -> None:
        """Receive what waits in all sockets."""
        for start in range(0, len(self._slots), GROUP):
            self._drain(start)

    def report(self) -> dict[str, Any]:
        """Return what was received since `packets.reset`, and the failures since the start."""
        self.drain()
        listeners, now_ns = self.listeners, time.time_ns()
        taken = [slot for slot, it in enumerate(self._slots) if it is not None]
        silent = now_ns - self.packets.arrived_ns[taken] > SILENT_SECONDS * 1e9
        return self.packets.report() | {
            "listeners": len(listeners),
            "silent": int(np.count_nonzero(silent)),
            "fewest": int(self.packets.received[taken].min(initial=1 << 60)) if taken else 0,
            "failed": self.failures.total(),
            "ended": sum(it.ended for it in listeners),
            "consent_failures": self.consent_failures + sum(it.consent_failures for it in listeners),
            "undecryptable": self.undecryptable + sum(it.undecryptable for it in listeners),
        }

    def _drain(self, start: int) -> None:
        receiver, more = self._receiver, True
        while more:
            rows = receiver.receive(self._descriptors[start : start + GROUP])
            if not len(rows):
                return
            slots = start + rows // DATAGRAMS
            kind = receiver.data[rows, 1]
            is_rtp = (receiver.data[rows, 0] >> 6 == 2) & ((kind < 192) | (kind > 223))
            media, arrived_ns = rows[is_rtp], receiver.arrived_ns(rows)
            self.packets.add(slots[is_rtp], receiver.data[media, :12], receiver.lengths(media), arrived_ns[is_rtp])
            for n in np.flatnonzero(~is_rtp).tolist():
                datagram = receiver.datagram(int(rows[n]))
                self._listener(int(slots[n])).receive(datagram, int(arrived_ns[n]))
            decrypting = np.flatnonzero(is_rtp & (slots % DECRYPTING == 0))[-1:]
            for n in decrypting.tolist():
                self._listener(int(slots[n])).decrypt(receiver.datagram(int(rows[n])))
            more = bool(np.any(rows % DATAGRAMS == DATAGRAMS - 1))

    def _send_due(self, start: int) -> None:
        """Send the consent requests and receiver reports that are due."""
        now, group = time.monotonic(), slice(start, start + GROUP)
        for n in np.flatnonzero(self._consent_at[group] <= now).tolist():
            self._listener(start + n).check()
            self._consent_at[start + n] += CONSENT_SECONDS
        for n in np.flatnonzero(self._report_at[group] <= now).tolist():
            slot = start + n
            index, jitter = int(self.packets.index[slot]), int(self.packets.jitter[slot])
            self._listener(slot).report(index=index, jitter=jitter)
            self._report_at[slot] += REPORT_SECONDS

    def _listener(self, slot: int) -> LightListener:
        listener = self._slots[slot]
        assert listener is not None
        return listener


async def hold(urls: list[str], count: int, joins_per_second: float, address: str) -> None:
    """Let `count` listeners join, and keep them until standard input ends."""
    group = LightListenerGroup(count, address)
    async with http_session() as http, rounds_of(group):
        await asyncio.gather(*(join_at(group, http, urls[n % len(urls)], n / joins_per_second) for n in range(count)))
        now = time.monotonic()
        stayed = sum(now - it.connected_at for it in group.listeners)
        print_line(joined(group) | {"listener_seconds": stayed})
        marked = time.process_time()
        gc.collect()
        gc.disable()  # a pause here would look like packets that are late
        async for command in commands():
            if command == "mark":
                group.drain()
                group.packets.reset()
                marked = time.process_time()
            elif command == "report":
                print_line(group.report() | {"cpu_seconds": time.process_time() - marked})
        for number, listener in enumerate(group.listeners):
            listener.close()
            if number % GROUP == 0:
                await asyncio.sleep(0.02)


async def churn(urls: list[str], joins_per_second: float, seconds: float, address: str) -> None:
    """Let listeners come and go."""
    group = LightListenerGroup(int(joins_per_second * (STAY_SECONDS + 10)) + GROUP, address)
    async with http_session() as http, rounds_of(group):

        async def visit(number: int) -> None:
            slot = await join_at(group, http, urls[number % len(urls)], number / joins_per_second)
            if slot is not None:
                await asyncio.sleep(STAY_SECONDS)
                listener = group.leave(slot)
                with contextlib.suppress(aiohttp.ClientError):
                    await listener.delete(http)
                listener.close()

        await asyncio.gather(*(visit(number) for number in range(int(joins_per_second * seconds))))
        print_line(joined(group) | {"undecryptable": group.undecryptable, "consent_failures": group.consent_failures})


async def join_at(group: LightListenerGroup, http: aiohttp.ClientSession, url: str, seconds: float) -> int | None:
    """Join after some seconds. Return the slot, or None if the listener could not join."""
    await asyncio.sleep(seconds)
    return await group.join(http, url)


def joined(group: LightListenerGroup) -> dict[str, Any]:
    """Return how many have joined, how many could not, and why."""
    return {"connected": group.connected, "failed": group.failures.total(), "reasons": dict(group.failures)}


def http_session() -> aiohttp.ClientSession:
    """Return an HTTP client with 64 connections and a limit of 30 s for each request."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64), timeout=aiohttp.ClientTimeout(total=30))


@contextlib.asynccontextmanager
async def rounds_of(group: LightListenerGroup) -> Any:
    """Do rounds as long as the block lasts. If they fail, the process ends."""
    task = asyncio.create_task(group.rounds(), name="rounds")
    task.add_done_callback(lambda it: None if it.cancelled() else os._exit(1))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def commands() -> Any:
    """Yield the lines of standard input."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        yield line.decode().strip()


def print_line(message: dict[str, Any]) -> None:
    """Print a message as a JSON line."""
    print(json.dumps(message), flush=True)


def main() -> None:
    """Run the process, on core 1 where there is one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.light_listener_group", description=__doc__)
    parser.add_argument("urls", metavar="URL", nargs="+", help="WHEP endpoints, taken in turn")
    parser.add_argument("--count", type=int, default=20, metavar="N", help="listeners (20)")
    parser.add_argument("--joins-per-second", type=float, default=20.0, metavar="R", help="joins per second (20)")
    parser.add_argument("--churn", type=float, metavar="R", help="listeners that join per second, each for 5 seconds")
    parser.add_argument(
        "--for", dest="seconds", type=float, default=30.0, metavar="S", help="duration of --churn in seconds (30)"
    )
    parser.add_argument(
        "--address",
        default="127.0.0.1",
        metavar="A",
        help="address of the listeners, and of the server's media (127.0.0.1)",
    )
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {1})
    if options.churn:
        asyncio.run(churn(options.urls, options.churn, options.seconds, options.address))
    else:
        asyncio.run(hold(options.urls, options.count, options.joins_per_second, options.address))


if __name__ == "__main__":
    main()
