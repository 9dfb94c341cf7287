"""The process of WebRTC listeners as seen from the soak: its commands, and the file of what it observes."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

END_SECONDS = 15.0
STATUS_SECONDS = 30.0


class Population:
    """A process of `benchmarks.soak.listeners`."""

    def __init__(self, process: asyncio.subprocess.Process, file: Path) -> None:
        self._process = process
        self._file = file

    async def stay(self, url: str, count: int) -> None:
        """Let so many listeners join who stay until the end."""
        await self._send(do="stay", url=url, count=count)

    async def visitors(self, count: int, urls: Sequence[str]) -> None:
        """Let visitors come and go, so many at a time; 0 = they all leave."""
        await self._send(do="visitors", count=count, urls=list(urls))

    async def events_dropped(self) -> None:
        """Say that the event streams have broken."""
        await self._send(do="events_dropped")

    async def status(self) -> dict[str, Any]:
        """Return the counts of the process."""
        await self._send(do="status")
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), STATUS_SECONDS)
        if not line:
            raise RuntimeError("the process of listeners has ended by itself")
        status: dict[str, Any] = json.loads(line)
        return status

    async def until_there(self, count: int, seconds: float = 60) -> None:
        """Wait until so many of those who stay are connected. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while True:
                if (await self.status())["stay"] >= count:
                    return
                await asyncio.sleep(0.2)

    def observed(self) -> list[dict[str, Any]]:
        """Return what the listeners have observed so far, in order."""
        return read_lines(self._file)

    async def _send(self, **command: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        await self._process.stdin.drain()


def read_lines(file: Path) -> list[dict[str, Any]]:
    """Return the JSON objects of a file to which a line may just be added."""
    with file.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.endswith("\n")]


@contextlib.asynccontextmanager
async def population(file: Path, slots: int, seed: int) -> AsyncIterator[Population]:
    """Run a process of listeners; all of them leave at the end of the block."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.soak.listeners", str(file), "--slots", str(slots), "--seed", str(seed)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Population(process, file)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), END_SECONDS)
        except (TimeoutError, asyncio.CancelledError):
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
