"""A server to measure: `rtc-drift serve` in a process of its own, on loopback, with synthesised music."""

import asyncio
import contextlib
import math
import os
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import psutil

from rtc_drift.demo import DEMO, write

TRACKS = 8


@dataclass(frozen=True, slots=True)
class Launch:
    """The way to start a server: which checkout runs, by which Python, and with which rights."""

    checkout: Path | None = None
    """Folder of the checkout; None is the folder in which the bench runs."""
    python: str = sys.executable
    is_real_time: bool = True
    """False takes the right to raise priorities from a server that root starts. Others may not have it anyway."""

    def command(self, *arguments: str) -> list[str]:
        """Return the command of `rtc-drift` with these arguments. It is to be run in the folder of the checkout."""
        bounded = ("setpriv", "--bounding-set", "-sys_nice", "--inh-caps", "-sys_nice")
        prefix = bounded if not self.is_real_time and os.geteuid() == 0 else ()
        return [*prefix, self.python, "-m", "rtc_drift", *arguments]


THIS = Launch()


@dataclass(frozen=True)
class MeasuredServer:
    """A ready server, measured by the operating system and by its own metrics."""

    url: str
    process: psutil.Process
    started: float
    """Time of its start by the monotonic clock."""
    ready_seconds: float
    """Seconds from its start until it was ready; NaN before."""
    http: aiohttp.ClientSession
    log: bytearray
    """Its log since it serves; it grows."""

    def whep(self, session: str = "master") -> str:
        """Return the WHEP url of a session."""
        return f"{self.url}/whep/{session}"

    def processes(self) -> list[psutil.Process]:
        """Return the processes of the server: control, engines, and workers if there are any."""
        return [self.process, *self.process.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """Return the CPU time of all its processes so far, in seconds, as the operating system counts it."""
        return sum(sum(process.cpu_times()[:2]) for process in self.processes())

    def loop_cpu_ms(self) -> float:
        """Return the CPU time of control's main thread, the one of its event loop, so far in ms (Linux)."""
        return int(Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[0]) / 1e6

    def control_cpu_seconds(self) -> float:
        """Return the CPU time of control with all its threads so far, in seconds."""
        return sum(self.process.cpu_times()[:2])

    def memory_mb(self) -> float:
        """Return the proportional set size of all its processes in MB: the memory that they would free together."""
        return sum(process.memory_full_info().pss for process in self.processes()) / 1e6

    def pin(self, *cores: int) -> None:
        """Keep all its threads on certain cores (Linux). Threads and processes that they start later stay there too."""
        for process in self.processes():
            for thread in process.threads():
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setaffinity(thread.id, cores)

    async def metrics(self) -> dict[str, float]:
        """Return the Prometheus samples by name, labels included."""
        async with self.http.get(f"{self.url}/metrics") as response:
            lines = (await response.text()).splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[:1] != "#")}


@contextlib.asynccontextmanager
async def measured_server(
    music: Path | None, data_dir: Path, *options: str, launch: Launch = THIS
) -> AsyncIterator[MeasuredServer]:
    """Start a server, wait until it is ready, and end it afterwards. Without music it makes the demo library."""
    async with serving_server(music, data_dir, *options, launch=launch) as server:
        yield await until_ready(server)


@contextlib.asynccontextmanager
async def serving_server(
    music: Path | None, data_dir: Path, *options: str, launch: Launch = THIS
) -> AsyncIterator[MeasuredServer]:
    """Start a server, wait until it answers, which may be before it is ready, and end it afterwards."""
    folder = [] if music is None else ["--music", str(music)]
    command = launch.command("serve", "--port", "0", "--seed", "1", *folder, "--data-dir", str(data_dir))
    started = time.monotonic()
    child = await asyncio.create_subprocess_exec(
        *command, *options, cwd=launch.checkout, stderr=asyncio.subprocess.PIPE
    )
    drain: asyncio.Task[None] | None = None
    try:
        url = await asyncio.wait_for(_announced_url(child), 60)
        log = bytearray()
        drain = asyncio.create_task(_keep_log(child, log))
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as http:
            yield MeasuredServer(url, psutil.Process(child.pid), started, math.nan, http, log)
    finally:
        if child.returncode is None:
            child.terminate()
        await child.wait()
        if drain is not None:
            await drain


async def until_ready(server: MeasuredServer) -> MeasuredServer:
    """Wait until a server is ready, and return it with the time that took."""
    while True:
        async with server.http.get(f"{server.url}/readyz") as response:
            if response.status == 200:
                return replace(server, ready_seconds=time.monotonic() - server.started)
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def scanned_server(*options: str, launch: Launch = THIS) -> AsyncIterator[MeasuredServer]:
    """Run a server whose library is scanned already, so that only playing is measured."""
    with tempfile.TemporaryDirectory(prefix="rtc-drift-bench-") as folder:
        music = make_music(Path(folder) / "music")
        data = Path(folder) / "data"
        await scan(music, data, launch)
        async with measured_server(music, data, *options, launch=launch) as server:
            yield server


def make_music(folder: Path) -> Path:
    """Write the first `TRACKS` tracks of the demo library into a new folder, and return it."""
    folder.mkdir()
    for spec in DEMO[:TRACKS]:
        write(spec, folder)
    return folder


async def scan(music: Path, data_dir: Path, launch: Launch = THIS) -> None:
    """Read a folder into the catalogue by `rtc-drift scan`. Raises RuntimeError if that fails."""
    command = launch.command("scan", str(music), "--data-dir", str(data_dir))
    scanner = await asyncio.create_subprocess_exec(*command, cwd=launch.checkout, stderr=asyncio.subprocess.DEVNULL)
    if await scanner.wait():
        raise RuntimeError("the scan failed")


async def _announced_url(child: asyncio.subprocess.Process) -> str:
    assert child.stderr is not None
    async for line in child.stderr:
        if match := re.search(rb"Serving (http://\S+)", line):
            return match[1].decode()
    raise RuntimeError("the server did not start")


async def _keep_log(child: asyncio.subprocess.Process, log: bytearray) -> None:
    assert child.stderr is not None
    while part := await child.stderr.read(1 << 16):
        log += part
