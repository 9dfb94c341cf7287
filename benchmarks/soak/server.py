"""The server under test: started, killed and started again on the same ports and data folder, with its log."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from benchmarks.soak.processes import children

START_SECONDS = 60.0
END_SECONDS = 15.0


class SoakServer:
    """`rtc-drift serve` on loopback, on core 0 where there is more than one."""

    def __init__(
        self, music: Path, data: Path, ports: tuple[int, int], log: Path, environment: Mapping[str, str]
    ) -> None:
        """Describe a server that is not started yet. `ports` are those of TCP and UDP."""
        self.url = f"http://127.0.0.1:{ports[0]}"
        self.lines: list[tuple[float, str]] = []
        """The lines of its log, with the time at which each came."""
        self.is_up = False
        """True while it should answer."""
        self._options = (
            "--port",
            str(ports[0]),
            "--udp-port",
            str(ports[1]),
            "--music",
            str(music),
            "--data-dir",
            str(data),
        )
        self._log = log
        self._environment = os.environ | environment
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._serves = asyncio.Event()

    @property
    def pid(self) -> int:
        """Id of control."""
        assert self._process is not None
        return self._process.pid

    def pids(self, role: str) -> list[int]:
        """Return the ids of its engines, decoders or workers."""
        return children(self.pid).get(role, [])

    async def start(self) -> None:
        """Start it, and wait until it serves HTTP. Raises RuntimeError if it ends before, and TimeoutError."""
        pin = ("taskset", "-c", "0") if shutil.which("taskset") and (os.cpu_count() or 1) > 1 else ()
        self._process = await asyncio.create_subprocess_exec(
            *(*pin, sys.executable, "-m", "rtc_drift", "serve", *self._options),
            env=self._environment,
            stderr=asyncio.subprocess.PIPE,
        )
        self._serves.clear()
        self._reading = asyncio.create_task(self._read_log(self._process))
        serving = asyncio.create_task(self._serves.wait())
        await asyncio.wait({serving, self._reading}, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        serving.cancel()
        if not self._serves.is_set():
            raise RuntimeError(f"the server did not start: {self.lines[-1][1] if self.lines else 'it said nothing'}")
        self.is_up = True

    async def kill(self) -> None:
        """Kill control; its children end by themselves."""
        assert self._process is not None
        self.is_up = False
        self._process.kill()
        await self._gone()

    async def end(self) -> float:
        """End it by SIGTERM, and return how many seconds that took. Kill it if it takes too long."""
        assert self._process is not None
        self.is_up, started = False, time.monotonic()
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), END_SECONDS)
        except (TimeoutError, asyncio.CancelledError):
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        took = time.monotonic() - started
        await self._gone()
        return took

    async def _gone(self) -> None:
        assert self._process is not None
        await self._process.wait()
        if self._reading is not None:
            await self._reading

    async def _read_log(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        with self._log.open("ab") as log:
            async for line in process.stderr:
                log.write(line)
                log.flush()
                self.lines.append((time.time(), line.decode(errors="replace").rstrip()))
                if re.search(rb"Serving http", line):
                    self._serves.set()


@contextlib.asynccontextmanager
async def soak_server(
    music: Path, data: Path, ports: tuple[int, int], log: Path, environment: Mapping[str, str]
) -> AsyncIterator[SoakServer]:
    """Run a server; it is ended with the block."""
    server = SoakServer(music, data, ports, log, environment)
    await server.start()
    try:
        yield server
    finally:
        await server.end()
