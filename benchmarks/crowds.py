"""Crowds of light listeners in processes of their own, and what they report."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

SETTLE_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where a crowd is."""

    address: str = "127.0.0.1"
    """Local; the server's media must be there too."""
    command: tuple[str, ...] = ()
    """What runs a program there, before the program's own."""


LOOPBACK = Place()


@dataclass(frozen=True, slots=True)
class Heard:
    """What some crowds received in an interval, all together."""

    expected: int
    gaps: int
    skipped: int
    """Packets the server left out without a gap in the sequence numbers."""
    silent: int
    """Listeners who had heard nothing for a second when asked."""
    failed: int
    """Who could not join, or whom the server has closed."""
    consent_failures: int
    undecryptable: int
    deviation_ms: tuple[float, ...]
    """Of the time between two packets from 20 ms: 50 %, 99 %, 99.9 % and the greatest; of the worst crowd."""
    crowd_cpu_seconds: float
    """What the crowds took themselves; near the length of the interval they would be what was measured."""

    @property
    def delivered_percent(self) -> float:
        return 100 * (1 - self.gaps / self.expected) if self.expected else 0.0


@dataclass(frozen=True, slots=True)
class CrowdProcess:
    """One crowd, connected."""

    process: asyncio.subprocess.Process
    connected: int
    failed: int
    listener_seconds: float
    """How long its listeners had been there together when the last had joined."""

    async def mark(self) -> None:
        """Begin to count anew."""
        await self._say(b"mark\n")

    async def report(self) -> dict[str, Any]:
        """What was received since `mark`."""
        await self._say(b"report\n")
        return await _line(self.process)

    async def _say(self, command: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(command)
        await self.process.stdin.drain()


@contextlib.asynccontextmanager
async def crowd(
    urls: Sequence[str], count: int, joins_per_second: float = 50.0, place: Place = LOOPBACK
) -> AsyncIterator[CrowdProcess]:
    """So many listeners at WHEP urls, connected. Raises RuntimeError if one in a hundred can't join."""
    process = await _start(place, "--count", str(count), "--joins-per-second", str(joins_per_second), *urls)
    try:
        joined = await _line(process)
        if joined["failed"] > count / 100:
            raise RuntimeError(f"{joined['failed']} of {count} listeners could not join: {joined['reasons']}")
        yield CrowdProcess(process, joined["connected"], joined["failed"], joined["listener_seconds"])
    finally:
        await _end(process)


@contextlib.asynccontextmanager
async def churn(url: str, joins_per_second: float, seconds: float) -> AsyncIterator["asyncio.Task[dict[str, Any]]"]:
    """Listeners who come and go meanwhile; the task has how many were connected, and how many failed."""
    process = await _start(LOOPBACK, "--churn", str(joins_per_second), "--for", str(seconds), url)
    task = asyncio.create_task(_line(process))
    try:
        yield task
    finally:
        await _end(process)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def heard(crowds: Sequence[CrowdProcess], seconds: float) -> Heard:
    """What they receive in the next so many seconds."""
    for each in crowds:
        await each.mark()
    await asyncio.sleep(seconds)
    reports = [await each.report() for each in crowds]

    def total(name: str) -> int:
        return sum(report[name] for report in reports)

    return Heard(
        expected=total("expected"),
        gaps=total("gaps"),
        skipped=total("skipped"),
        silent=total("silent"),
        failed=total("failed") + total("ended"),
        consent_failures=total("consent_failures"),
        undecryptable=total("undecryptable"),
        deviation_ms=max(tuple(report["deviation_ms"]) for report in reports),
        crowd_cpu_seconds=sum(report["cpu_seconds"] for report in reports),
    )


async def _start(place: Place, *options: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(*place.command, sys.executable, "-m", "benchmarks.crowd", "--address", place.address, *options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )


async def _line(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise RuntimeError("a crowd has ended by itself")
    message: dict[str, Any] = json.loads(line)
    return message


async def _end(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), 10)
    except (TimeoutError, asyncio.CancelledError):
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
