"""A server to measure: `rtc-drift serve` in a process of its own, on loopback, with synthesised music."""

import asyncio
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil

from rtc_drift.demo import DEMO, write

TRACKS = 8


@dataclass(frozen=True)
class MeasuredServer:
    """A ready server, measured by the operating system and by its own metrics."""

    url: str
    process: psutil.Process
    ready_seconds: float
    http: aiohttp.ClientSession

    def whep(self, session: str = "master") -> str:
        """Return the WHEP url of a session."""
        return f"{self.url}/whep/{session}"

    def processes(self) -> list[psutil.Process]:
        """Return the processes of the server: control, engines, and workers if there are any."""
        return [self.process, *self.process.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """Return the CPU time of all its processes so far, in seconds, as the operating system counts it."""
        return sum(sum(process.cpu_times()[:2]) for process in self.processes())

    def memory_mb(self) -> float:
        """Return the proportional set size of all its processes in MB: the memory that they would free together."""
        return sum(process.memory_full_info().pss for process in self.processes()) / 1e6

    def pin(self, *cores: int) -> None:
        """Keep all its threads on certain cores (Linux)."""
        for process in self.processes():
            process.cpu_affinity(list(cores))

    async def metrics(self) -> dict[str, float]:
        """Return the Prometheus samples by name, labels included."""
        async with self.http.get(f"{self.url}/metrics") as response:
            lines = (await response.text()).splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[:1] != "#")}


@asynccontextmanager
async def measured_server(music: Path, data_dir: Path, *options: str) -> AsyncIterator[MeasuredServer]:
    """Start a server, wait until it is ready, and end it afterwards."""
    command = [sys.executable, "-m", "rtc_drift", "serve", "--port", "0", "--seed", "1", "--music", str(music)]
    started = time.monotonic()
    child = await asyncio.create_subprocess_exec(
        *command, "--data-dir", str(data_dir), *options, stderr=asyncio.subprocess.PIPE
    )
    drain: asyncio.Task[bytes] | None = None
    try:
        url = await asyncio.wait_for(_announced_url(child), 60)
        assert child.stderr is not None
        drain = asyncio.create_task(child.stderr.read())
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as http:
            while True:
                async with http.get(f"{url}/readyz") as response:
                    if response.status == 200:
                        break
                await asyncio.sleep(0.01)
            yield MeasuredServer(url, psutil.Process(child.pid), time.monotonic() - started, http)
    finally:
        if child.returncode is None:
            child.terminate()
        await child.wait()
        if drain is not None:
            await drain


@asynccontextmanager
async def scanned_server(*options: str) -> AsyncIterator[MeasuredServer]:
    """Run a server whose library is scanned already, so that only playing is measured."""
    with tempfile.TemporaryDirectory(prefix="rtc-drift-bench-") as folder:
        music = make_music(Path(folder) / "music")
        data = Path(folder) / "data"
        await scan(music, data)
        async with measured_server(music, data, *options) as server:
            yield server


def make_music(folder: Path) -> Path:
    """Write the first `TRACKS` tracks of the demo library into a new folder, and return it."""
    folder.mkdir()
    for spec in DEMO[:TRACKS]:
        write(spec, folder)
    return folder


async def scan(music: Path, data_dir: Path) -> None:
    """Read a folder into the catalogue by `rtc-drift scan`. Raises RuntimeError if that fails."""
    command = [sys.executable, "-m", "rtc_drift", "scan", str(music), "--data-dir", str(data_dir)]
    scanner = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    if await scanner.wait():
        raise RuntimeError("the scan failed")


async def _announced_url(child: asyncio.subprocess.Process) -> str:
    assert child.stderr is not None
    async for line in child.stderr:
        if match := re.search(rb"Serving (http://\S+)", line):
            return match[1].decode()
    raise RuntimeError("the server did not start")
