"""Processes of light listeners (`benchmarks.light_listener_group`), and what they report."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

SETTLE_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Network:
    """The network in which listeners run."""

    address: str = "127.0.0.1"
    """The listeners' own address. The server has to send from it too."""
    command: tuple[str, ...] = ()
    """The command that runs a program in this network, put before the program's own."""


LOOPBACK = Network()


@dataclass(frozen=True, slots=True)
class Received:
    """The packets that the listeners of some processes received in an interval, all together."""

    expected: int
    gaps: int
    skipped: int
    """Packets the server left out without a gap in the sequence numbers."""
    silent: int
    """Listeners that had received nothing for the last second."""
    failed: int
    """Listeners that could not join, or whose connection the server has closed."""
    consent_failures: int
    undecryptable: int
    deviation_ms: tuple[float, ...]
    """Deviation of the packets' spacing from 20 ms, in the worst process: 50 %, 99 %, 99.9 % and the largest."""
    late_ms: tuple[float, ...]
    """Lateness of packets by the kernel's time stamps, in the worst process: 50 %, 99 %, 99.9 % and the largest."""
    late_packets: int
    """Packets more than 20 ms late."""
    fewest: int
    """Packets of the listener that received the fewest."""
    listeners_cpu_seconds: float
    """CPU time of the listeners' processes. Near the length of the interval, they limit what is measured."""

    @property
    def delivered_percent(self) -> float:
        """Packets received, as a percentage of those expected."""
        return 100 * (1 - self.gaps / self.expected) if self.expected else 0.0


@dataclass(frozen=True, slots=True)
class LightListenerProcess:
    """One process of connected light listeners."""

    process: asyncio.subprocess.Process
    connected: int
    failed: int
    listener_seconds: float
    """The connection times of all its listeners, added up, when the last one had joined."""

    async def mark(self) -> None:
        """Reset the counts."""
        await self._send(b"mark\n")

    async def report(self) -> dict[str, Any]:
        """Return what was received since `mark`."""
        await self._send(b"report\n")
        return await _line(self.process)

    async def _send(self, command: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(command)
        await self.process.stdin.drain()


@contextlib.asynccontextmanager
async def light_listeners(
    urls: Sequence[str], count: int, joins_per_second: float = 50.0, network: Network = LOOPBACK
) -> AsyncIterator[LightListenerProcess]:
    """Connect `count` listeners to WHEP urls, in a process of their own.

    Raises RuntimeError if more than one in a hundred can't join.
    """
    process = await _start(network, "--count", str(count), "--joins-per-second", str(joins_per_second), *urls)
    try:
        joined = await _line(process)
        if joined["failed"] > count / 100:
            raise RuntimeError(f"{joined['failed']} of {count} listeners could not join: {joined['reasons']}")
        yield LightListenerProcess(process, joined["connected"], joined["failed"], joined["listener_seconds"])
    finally:
        await _end(process)


@contextlib.asynccontextmanager
async def churn(url: str, joins_per_second: float, seconds: float) -> AsyncIterator["asyncio.Task[dict[str, Any]]"]:
    """Let listeners come and go meanwhile. The task's result says how many were connected, and how many failed."""
    process = await _start(LOOPBACK, "--churn", str(joins_per_second), "--for", str(seconds), url)
    task = asyncio.create_task(_line(process))
    try:
        yield task
    finally:
        await _end(process)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def receive(processes: Sequence[LightListenerProcess], seconds: float) -> Received:
    """Receive for some seconds, and return what all listeners received."""
    for each in processes:
        await each.mark()
    await asyncio.sleep(seconds)
    reports = [await each.report() for each in processes]

    def total(name: str) -> int:
        return sum(report[name] for report in reports)

    return Received(
        expected=total("expected"),
        gaps=total("gaps"),
        skipped=total("skipped"),
        silent=total("silent"),
        failed=total("failed") + total("ended"),
        consent_failures=total("consent_failures"),
        undecryptable=total("undecryptable"),
        deviation_ms=max(tuple(report["deviation_ms"]) for report in reports),
        late_ms=max(tuple(report["late_ms"]) for report in reports),
        late_packets=total("late_packets"),
        fewest=min(report["fewest"] for report in reports),
        listeners_cpu_seconds=sum(report["cpu_seconds"] for report in reports),
    )


async def _start(network: Network, *options: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(
            *network.command,
            sys.executable,
            "-m",
            "benchmarks.light_listener_group",
            "--address",
            network.address,
            *options,
        ),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )


async def _line(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise RuntimeError("a process of light listeners has ended by itself")
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
