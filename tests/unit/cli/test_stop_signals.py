"""Signals that end the server: gracefully, at once, or in spite of what hangs. Each test is a process of its own."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.server_process import REPOSITORY

PROGRAM = """
import asyncio, logging, signal, sys, time
from rtc_drift.cli import stop_signals

logging.basicConfig(format="%(message)s", level="INFO")
mode, saved, ignored = sys.argv[1:]
if mode != "patient":
    stop_signals.STOP_SECONDS = 0.2

class Service:
    is_saved = saved == "saved"
    hung = "reading /music"
    def kill_processes(self):
        print("killed", flush=True)

async def main():
    stop = asyncio.Event()
    signals = stop_signals.StopSignals(Service(), lambda: (print("stopping", flush=True), stop.set()))
    print("ready", flush=True)
    if mode == "hung loop":
        time.sleep(3600)
    await stop.wait()
    if mode != "graceful":
        await asyncio.sleep(3600)
    signals.close(0 if Service.is_saved else 1)

if ignored == "ignored":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
asyncio.run(main())
"""


class Program:
    """A process that takes signals as the server does."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> str:
        """Return the next line that it prints."""
        assert self._process.stdout is not None
        return (await self._process.stdout.readline()).decode().strip()

    def send(self, number: int) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    async def end(self) -> tuple[int, str]:
        """Return its exit code and all that it prints until then."""
        printed, _ = await self._process.communicate()
        assert self._process.returncode is not None
        return self._process.returncode, printed.decode()


@asynccontextmanager
async def program(mode: str, saved: str = "saved", hangup: str = "") -> AsyncIterator[Program]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, mode, saved, hangup),
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    it = Program(process)
    try:
        async with asyncio.timeout(60):
            assert await it.line() == "ready"
            yield it
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_hangup_ends_the_server_gracefully() -> None:
    async with program("graceful") as it:
        it.send(signal.SIGHUP)
        assert await it.end() == (0, "stopping\n")


async def test_a_hangup_that_was_ignored_at_the_start_stays_so() -> None:
    async with program("graceful", hangup="ignored") as it:
        it.send(signal.SIGHUP)
        it.send(signal.SIGTERM)
        assert await it.end() == (0, "stopping\n")


async def test_a_second_signal_ends_the_server_at_once_but_a_second_hangup_does_not() -> None:
    async with program("patient") as it:
        it.send(signal.SIGHUP)
        assert await it.line() == "stopping"
        it.send(signal.SIGHUP)
        it.send(signal.SIGTERM)
        assert await it.end() == (130, "killed\n")


async def test_after_some_seconds_the_server_ends_without_what_hangs() -> None:
    async with program("hung") as it:
        it.send(signal.SIGTERM)
        code, printed = await it.end()
    assert code == 0
    assert printed == (
        "stopping\nThe server ends without what hangs: reading /music. The sessions are saved.\nkilled\n"
    )


async def test_the_server_ends_even_if_its_event_loop_hangs() -> None:
    async with program("hung loop", saved="unsaved") as it:
        it.send(signal.SIGTERM)
        code, printed = await it.end()
    assert code == 1
    assert printed.endswith("The sessions could not be saved.\nkilled\n")
