"""The soak's WebRTC listeners, in a process of their own: `python -m benchmarks.soak.listeners FILE --slots N`.

It reads commands from standard input, a JSON object a line: `stay` (so many listeners of a URL, until the end),
`visitors` (how many come and go, and where), `events_dropped` (the event streams broke, as the page would notice), and
`status`. It appends what it observes to the file, a JSON object a line: seconds of reception, joins, failures, losses.
All listeners leave at the end of standard input.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import os
import socket
import struct
import time
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import numpy as np

from benchmarks.light_listener import LightListener
from benchmarks.light_listener_group import LightListenerGroup, commands, http_session, print_line, rounds_of
from benchmarks.soak.reception import SecondsOfReception, new_record
from benchmarks.soak.rejoining import backoff_seconds, is_lost

LOOPBACK = "127.0.0.1"
JOINS_PER_SECOND = 20.0
WATCH_SECONDS = 1.0
"""Seconds between two looks at a connection, as in the page."""
SILENT_SECONDS = 1.0
_SO_MEMINFO, _DROPS = 55, 8
"""The socket option that tells, among nine numbers, how many datagrams a full socket has dropped (Linux)."""


class SoakListeners(LightListenerGroup):
    """The listeners who stay and the visitors, and the file of what they observe."""

    def __init__(self, slots: int, file: Path, seed: int) -> None:
        super().__init__(slots, LOOPBACK)
        self.reception = SecondsOfReception(len(self._slots))
        self.packets = self.reception
        self.joined = self.rejoined = 0
        self.dropped = 0
        """Datagrams that the listeners' own sockets had no room for, of listeners who have left."""
        self.urls: list[str] = []
        self.visitors = 0
        """Number of visitors at a time."""
        self.stay_seconds = (3.0, 30.0)
        self.events_dropped_at = -1e9
        """When the event streams of the pages broke, by `time.time`."""
        self._random = Random(seed)
        self._file = file.open("a", encoding="utf-8")
        self._tasks = set[asyncio.Task[None]]()
        self._visits = set[asyncio.Task[None]]()

    async def run(self) -> None:
        """Carry out commands until standard input ends."""
        async with http_session() as http, rounds_of(self):
            gc.collect()
            gc.freeze()
            keeping = [asyncio.create_task(self._keep_writing()), asyncio.create_task(self._keep_visiting(http))]
            async for line in commands():
                self._carry_out(http, json.loads(line))
            for task in [*keeping, *self._tasks, *self._visits]:
                task.cancel()
            await asyncio.gather(*keeping, *self._tasks, *self._visits, return_exceptions=True)
            for record in self.reception.finished(float("inf")):
                self._write(record)
            for listener in self.listeners:
                listener.close()

    def _carry_out(self, http: aiohttp.ClientSession, command: dict[str, Any]) -> None:
        match command["do"]:
            case "stay":
                for number in range(command["count"]):
                    pause = number / JOINS_PER_SECOND
                    self._tasks.add(asyncio.create_task(self._stay(http, command["url"], pause)))
            case "visitors":
                self.visitors, self.urls = command["count"], command["urls"]
            case "events_dropped":
                self.events_dropped_at = time.time()
            case "status":
                stays = int(np.count_nonzero(self.reception.stays))
                counts = {"stay": stays, "visit": len(self.listeners) - stays, "joined": self.joined}
                counts |= {
                    "rejoined": self.rejoined,
                    "dropped": self._all_dropped(),
                    "strangers": self.reception.strangers,
                }
                undecryptable = self.undecryptable + sum(it.undecryptable for it in self.listeners)
                failures = self.consent_failures + sum(it.consent_failures for it in self.listeners)
                print_line(counts | {"undecryptable": undecryptable, "consent_failures": failures})

    # --- those who stay ---------------------------------------------------------------------------------------------

    async def _stay(self, http: aiohttp.ClientSession, url: str, pause: float) -> None:
        """Listen until the end, and join again as the page does."""
        await asyncio.sleep(pause)
        attempt, is_again = 0, False
        while True:
            slot = await self._join(http, url, stays=True, is_again=is_again)
            if slot is None:
                await asyncio.sleep(backoff_seconds(attempt, self._random))
                attempt += 1
                continue
            attempt = 0
            await self._until_lost(slot)
            self.reception.stays[slot] = False
            self._write({"event": "lost", "url": url, "at": time.time()})
            self.leave(slot).close()
            is_again = True
            await asyncio.sleep(backoff_seconds(attempt, self._random))

    async def _until_lost(self, slot: int) -> None:
        listener = self._listener(slot)
        connected_at = time.time()
        while not listener.ended:
            await asyncio.sleep(WATCH_SECONDS)
            packet_at = max(connected_at, self.reception.arrived_ns[slot] / 1e9)
            dropped = self.events_dropped_at >= packet_at - 1.5
            if is_lost(time.time() - packet_at, events_dropped=dropped):
                return

    # --- visitors ---------------------------------------------------------------------------------------------------

    async def _keep_visiting(self, http: aiohttp.ClientSession) -> None:
        """Keep as many visitors there as wanted. If none are wanted, they all leave at once."""
        while True:
            await asyncio.sleep(1 / JOINS_PER_SECOND)
            if len(self._visits) < self.visitors and self.urls:
                task = asyncio.create_task(self._visit(http, self._random.choice(self.urls)))
                self._visits.add(task)
                task.add_done_callback(self._visits.discard)

    async def _visit(self, http: aiohttp.ClientSession, url: str) -> None:
        """Join, stay for a while, and leave by DELETE, by closing DTLS, or without a word."""
        slot = await self._join(http, url, stays=False, is_again=False)
        if slot is None:
            await asyncio.sleep(self._random.uniform(1, 3))
            return
        listener, leaves_at = self._listener(slot), time.monotonic() + self._random.uniform(*self.stay_seconds)
        try:
            while True:
                await asyncio.sleep(0.2)
                if time.monotonic() >= leaves_at or not self.visitors or listener.ended:
                    break
        finally:
            self.leave(slot)
            way = self._random.choice(("delete", "close", "vanish")) if self.visitors else "delete"
            if way == "delete":
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    await listener.delete(http)
            if way == "vanish":
                listener.connected_at = 0.0  # it closes its socket and says nothing
            listener.close()

    # --- joining, leaving and writing down --------------------------------------------------------------------------

    async def _join(self, http: aiohttp.ClientSession, url: str, *, stays: bool, is_again: bool) -> int | None:
        started, failures = time.time(), dict(self.failures)
        slot = await self.join(http, url)
        now = time.time()
        if slot is None:
            reasons = [it for it in self.failures if self.failures[it] > failures.get(it, 0)]
            self._write({"event": "failed", "reasons": reasons[:1], "url": url, "at": now, "again": is_again})
            return None
        self.reception.begin(slot, self._listener(slot).ssrc, stays=stays)
        self.joined += 1
        self.rejoined += is_again
        seconds = round(now - started, 3)
        self._write({"event": "joined", "url": url, "at": now, "seconds": seconds, "again": is_again})
        return slot

    def leave(self, slot: int) -> LightListener:
        """Free a slot, and return its listener, still open."""
        listener = super().leave(slot)
        self.dropped += _drops(listener.socket)
        return listener

    def _all_dropped(self) -> int:
        return self.dropped + sum(_drops(it.socket) for it in self.listeners)

    async def _keep_writing(self) -> None:
        while True:
            await asyncio.sleep(1)
            self._write_seconds(time.time())

    def _write_seconds(self, now: float) -> None:
        for record in self.reception.finished(now):
            self._write(record)
        arrived_ns = self.reception.arrived_ns[self.reception.stays]
        quiet = now - arrived_ns[arrived_ns > 0] / 1e9
        if silent := int(np.count_nonzero(quiet > SILENT_SECONDS)):
            waiting = {"silent": silent, "quiet_ms": round(float(quiet.max()) * 1e3)}
            self._write(new_record(int(now)) | waiting)

    def _write(self, message: dict[str, Any]) -> None:
        self._file.write(json.dumps(message) + "\n")
        self._file.flush()


def _drops(sock: socket.socket) -> int:
    try:
        return struct.unpack("=9I", sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36))[_DROPS]  # type: ignore[no-any-return]
    except (OSError, struct.error):  # another system
        return 0


def main() -> None:
    """Run the process, on core 1 where there is one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak.listeners", description=__doc__)
    parser.add_argument("file", type=Path, metavar="FILE", help="file that gets what is observed")
    parser.add_argument("--slots", type=int, default=320, metavar="N", help="most listeners at once (320)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="seed of the visitors' choices (1)")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {1})
    asyncio.run(SoakListeners(options.slots, options.file, options.seed).run())


if __name__ == "__main__":
    main()
