"""Programs that run to their end: how long they take, and how much memory."""

import asyncio
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

from benchmarks.large.library import LargeLibrary

POLL_SECONDS = 0.02


async def cost_of(*arguments: str) -> tuple[float, float]:
    """Run a program in Python; return its seconds, and its most resident memory in MB, without its children (Linux).

    Raises RuntimeError if it fails.
    """
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=DEVNULL, stderr=PIPE)
    assert process.stderr is not None
    reading, peak = asyncio.create_task(process.stderr.read()), 0.0
    try:
        while not reading.done():
            peak = max(peak, peak_mb(process.pid))
            await asyncio.wait((reading,), timeout=POLL_SECONDS)
        if await process.wait():
            raise RuntimeError(f"{' '.join(arguments)} failed: {(await reading).decode()[-500:]}")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return time.monotonic() - began, peak


def peak_mb(pid: int) -> float:
    """Return the most memory that a process has had in RAM so far, in MB; 0 if it has ended (`VmHWM`, Linux)."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (OSError, ValueError):
        return 0.0
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM")), 0.0)


async def scan_again(library: LargeLibrary) -> tuple[float, float]:
    """Run `rtc-drift scan` on a library that has not changed; return its seconds and its memory."""
    return await cost_of("-m", "rtc_drift", "scan", str(library.music), "--data-dir", str(library.data))
