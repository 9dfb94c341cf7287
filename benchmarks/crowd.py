"""`python -m benchmarks.crowd --count N --joins-per-second R URL…`: N light WHEP listeners in a process of their own.

Prints `{"connected": n, "failed": m, …}` when all have tried, and then obeys standard input: `mark` begins to count
anew, `report` prints what was received since, and its end lets everybody go. With `--churn R --for S` R listeners
join each second for S seconds and leave again after 5 seconds each; then it prints how many could, and ends.
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

from benchmarks.inbox import DATAGRAMS, Inbox
from benchmarks.light_listener import JoinError, LightListener
from benchmarks.reception import Reception
from rtc_drift.webrtc.dtls import Identity

ROUND_SECONDS = 0.2
CONSENT_SECONDS = 2.5
REPORT_SECONDS = 1.0
STAY_SECONDS = 5.0
SILENT_SECONDS = 1.0
GROUP = 64
"""Listeners whose sockets are emptied in one go."""
PROVING = 50
"""Every so manieth listener decrypts a packet now and then."""


class Crowd:
    """Listeners in numbered seats. A round empties all their sockets, one group after the other."""

    def __init__(self, seats: int, address: str) -> None:
        seats = -(-seats // GROUP) * GROUP
        self.reception = Reception(seats)
        self.failures = collections.Counter[str]()
        self.connected = self.consent_failures = self.undecryptable = self.ended = 0
        """The last three of those who have left."""
        self._identity = Identity()
        self._address = address
        self._inbox = Inbox(GROUP)
        self._seats: list[LightListener | None] = [None] * seats
        self._descriptors = [-1] * seats
        self._free = list(range(seats))[::-1]
        self._consent_at = np.full(seats, np.inf)
        self._report_at = np.full(seats, np.inf)

    @property
    def listeners(self) -> list[LightListener]:
        return [it for it in self._seats if it is not None]

    async def join(self, http: aiohttp.ClientSession, url: str) -> int | None:
        """One listener more; gives its seat, or None if it could not join."""
        listener = LightListener(self._identity, self._address)
        try:
            await listener.join(http, url)
        except JoinError as error:
            self.failures[str(error)] += 1
            listener.close()
            return None
        self.connected += 1
        seat = self._free.pop()
        self.reception.clear(seat)
        self._seats[seat], self._descriptors[seat] = listener, listener.descriptor
        self._consent_at[seat] = listener.connected_at + CONSENT_SECONDS
        self._report_at[seat] = listener.connected_at + REPORT_SECONDS
        return seat

    def leave(self, seat: int) -> LightListener:
        """The listener of a seat gives it up; close it."""
        listener = self._seats[seat]
        assert listener is not None
        self.consent_failures += listener.consent_failures
        self.undecryptable += listener.undecryptable
        self._seats[seat], self._descriptors[seat] = None, -1
        self._consent_at[seat] = self._report_at[seat] = np.inf
        self._free.append(seat)
        return listener

    async def rounds(self) -> None:
        """For ever: each group in its turn, spread evenly over the time of a round."""
        pause = ROUND_SECONDS * GROUP / len(self._seats)
        due = time.monotonic()
        while True:
            for start in range(0, len(self._seats), GROUP):
                self._drain(start)
                self._speak(start)
                due = max(due + pause, time.monotonic() - ROUND_SECONDS)
                await asyncio.sleep(max(0.0, due - time.monotonic()))

    def drain(self) -> None:
        """Take what waits in all sockets."""
        for start in range(0, len(self._seats), GROUP):
            self._drain(start)

    def report(self) -> dict[str, Any]:
        """What was received since `reception.forget`, and what went wrong since the start."""
        self.drain()
        listeners, now_ns = self.listeners, time.time_ns()
        taken = [seat for seat, it in enumerate(self._seats) if it is not None]
        silent = now_ns - self.reception.arrived_ns[taken] > SILENT_SECONDS * 1e9
        return self.reception.report() | {
            "listeners": len(listeners),
            "silent": int(np.count_nonzero(silent)),
            "fewest": int(self.reception.received[taken].min(initial=1 << 60)) if taken else 0,
            "failed": self.failures.total(),
            "ended": sum(it.ended for it in listeners),
            "consent_failures": self.consent_failures + sum(it.consent_failures for it in listeners),
            "undecryptable": self.undecryptable + sum(it.undecryptable for it in listeners),
        }

    def _drain(self, start: int) -> None:
        inbox, more = self._inbox, True
        while more:
            rows = inbox.receive(self._descriptors[start : start + GROUP])
            if not len(rows):
                return
            seats = start + rows // DATAGRAMS
            kind = inbox.data[rows, 1]
            is_rtp = (inbox.data[rows, 0] >> 6 == 2) & ((kind < 192) | (kind > 223))
            media, arrived_ns = rows[is_rtp], inbox.arrived_ns(rows)
            self.reception.take(seats[is_rtp], inbox.data[media, :12], inbox.lengths(media), arrived_ns[is_rtp])
            for place in np.flatnonzero(~is_rtp).tolist():
                datagram = inbox.datagram(int(rows[place]))
                self._listener(int(seats[place])).receive(datagram, int(arrived_ns[place]))
            proving = np.flatnonzero(is_rtp & (seats % PROVING == 0))[-1:]
            for place in proving.tolist():
                self._listener(int(seats[place])).prove(inbox.datagram(int(rows[place])))
            more = bool(np.any(rows % DATAGRAMS == DATAGRAMS - 1))

    def _speak(self, start: int) -> None:
        """Consent and receiver reports that are due."""
        now, group = time.monotonic(), slice(start, start + GROUP)
        for place in np.flatnonzero(self._consent_at[group] <= now).tolist():
            self._listener(start + place).check()
            self._consent_at[start + place] += CONSENT_SECONDS
        for place in np.flatnonzero(self._report_at[group] <= now).tolist():
            seat = start + place
            index, jitter = int(self.reception.index[seat]), int(self.reception.jitter[seat])
            self._listener(seat).report(index=index, jitter=jitter)
            self._report_at[seat] += REPORT_SECONDS

    def _listener(self, seat: int) -> LightListener:
        listener = self._seats[seat]
        assert listener is not None
        return listener


async def hold(urls: list[str], count: int, joins_per_second: float, address: str) -> None:
    """The whole crowd joins, and stays until standard input ends."""
    crowd = Crowd(count, address)
    async with http_session() as http, running(crowd):
        await asyncio.gather(*(join_at(crowd, http, urls[n % len(urls)], n / joins_per_second) for n in range(count)))
        now = time.monotonic()
        stayed = sum(now - it.connected_at for it in crowd.listeners)
        say(joined(crowd) | {"listener_seconds": stayed})
        marked = time.process_time()
        gc.collect()
        gc.disable()  # a pause here would look like packets that are late
        async for command in commands():
            if command == "mark":
                crowd.drain()
                crowd.reception.forget()
                marked = time.process_time()
            elif command == "report":
                say(crowd.report() | {"cpu_seconds": time.process_time() - marked})
        for number, listener in enumerate(crowd.listeners):
            listener.close()
            if number % GROUP == 0:
                await asyncio.sleep(0.02)


async def churn(urls: list[str], joins_per_second: float, seconds: float, address: str) -> None:
    """Listeners come and go."""
    crowd = Crowd(int(joins_per_second * (STAY_SECONDS + 10)) + GROUP, address)
    async with http_session() as http, running(crowd):

        async def visit(number: int) -> None:
            seat = await join_at(crowd, http, urls[number % len(urls)], number / joins_per_second)
            if seat is not None:
                await asyncio.sleep(STAY_SECONDS)
                listener = crowd.leave(seat)
                with contextlib.suppress(aiohttp.ClientError):
                    await listener.delete(http)
                listener.close()

        await asyncio.gather(*(visit(number) for number in range(int(joins_per_second * seconds))))
        say(joined(crowd) | {"undecryptable": crowd.undecryptable, "consent_failures": crowd.consent_failures})


async def join_at(crowd: Crowd, http: aiohttp.ClientSession, url: str, seconds: float) -> int | None:
    """Join so many seconds from now."""
    await asyncio.sleep(seconds)
    return await crowd.join(http, url)


def joined(crowd: Crowd) -> dict[str, Any]:
    return {"connected": crowd.connected, "failed": crowd.failures.total(), "reasons": dict(crowd.failures)}


def http_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64), timeout=aiohttp.ClientTimeout(total=30))


@contextlib.asynccontextmanager
async def running(crowd: Crowd) -> Any:
    """Keep the rounds going; a crowd whose rounds have failed ends the process."""
    task = asyncio.create_task(crowd.rounds(), name="rounds")
    task.add_done_callback(lambda it: None if it.cancelled() else os._exit(1))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def commands() -> Any:
    """The lines of standard input."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        yield line.decode().strip()


def say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crowd", description=__doc__)
    parser.add_argument("urls", metavar="URL", nargs="+", help="WHEP endpoints; listeners take them in turn")
    parser.add_argument("--count", type=int, default=20, metavar="N", help="listeners (20)")
    parser.add_argument("--joins-per-second", type=float, default=20.0, metavar="R", help="how fast they join (20)")
    parser.add_argument("--churn", type=float, metavar="R", help="join so many a second, each for 5 seconds")
    parser.add_argument("--for", dest="seconds", type=float, default=30.0, metavar="S", help="how long (30)")
    parser.add_argument(
        "--address", default="127.0.0.1", metavar="A", help="where they and the server's media are (127.0.0.1)"
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
