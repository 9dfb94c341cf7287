"""Measures a server with a large library: start, memory, first sound, and a scan of what has not changed."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable

from benchmarks.large.answers import measure_answers
from benchmarks.large.figures import FiguresOf
from benchmarks.large.first_audio import wait_for_sound
from benchmarks.large.library import LargeLibrary
from benchmarks.large.loop_delay import watched_loop
from benchmarks.large.programs import peak_mb
from benchmarks.server import MeasuredServer, serving_server, until_ready
from tests.support.udp import free_udp_port

START_SECONDS = 20
"""Seconds after the start in which the event loop is watched."""
SETTLE_SECONDS = 15
"""Seconds after which memory is measured."""
MAX_READY_SECONDS = 4.0
MAX_CONTROL_MB = 450.0
MAX_CATALOGUE_MB = 600.0
MAX_SCAN_SECONDS = 5.0
MAX_SCAN_LINES = 5
SCAN_BEGINS_SECONDS = 10.0
"""Longest time until a change in a folder is noticed."""
_POLL_SECONDS = 0.2


async def measure_server(library: LargeLibrary, figures: FiguresOf) -> None:
    """Start servers with a library, one after the other, and add what they cost."""
    figures.add("catalogue", library.catalogue.stat().st_size / 1e6, "MB", at_most=MAX_CATALOGUE_MB)
    library.forget_sessions()
    await asyncio.to_thread(os.sync)  # else the disk is still busy with what was just made
    async with serving_server(library.music, library.data, *_own_port()) as server:
        await _measure_start(server, figures)
        await measure_answers(server, figures)
        await _measure_rescan(server, library, figures)
        figures.add("control, most resident memory ever", peak_mb(server.process.pid), "MB")
    library.forget_sessions()
    async with serving_server(library.music, library.data, *_own_port()) as server:
        await _measure_start_with_listener(server, figures)


def _own_port() -> tuple[str, str]:
    return "--udp-port", str(free_udp_port())


async def _measure_start(server: MeasuredServer, figures: FiguresOf) -> None:
    figures.add("start to the first answer", time.monotonic() - server.started, "s")
    async with watched_loop(server.url) as delay:
        began = time.monotonic()
        server = await until_ready(server)
        ready = time.monotonic()
        figures.add("start to ready", server.ready_seconds, "s", at_most=MAX_READY_SECONDS)
        figures.add("start to ready, CPU of control", server.control_cpu_seconds(), "s")
        await _until(lambda: _is_space_ready(server))
        figures.add("start to all directions known", time.monotonic() - server.started, "s")
        await asyncio.sleep(max(0.0, began + START_SECONDS - time.monotonic()))
    figures.add(f"event loop blocked, first {START_SECONDS} s, worst", delay.worst, "ms")
    await asyncio.sleep(max(0.0, ready + SETTLE_SECONDS - time.monotonic()))
    memory = server.process.memory_full_info()
    figures.add(f"control, PSS after {SETTLE_SECONDS} s", memory.pss / 1e6, "MB", at_most=MAX_CONTROL_MB)
    figures.add(f"control, RSS after {SETTLE_SECONDS} s", memory.rss / 1e6, "MB", at_most=MAX_CONTROL_MB)
    figures.add(f"all processes, PSS after {SETTLE_SECONDS} s", server.memory_mb(), "MB")
    figures.add("control, most resident memory of the start", peak_mb(server.process.pid), "MB")
    async with watched_loop(server.url) as delay:
        await asyncio.sleep(3)
    figures.add("event loop blocked while nothing is asked, worst", delay.worst, "ms")


async def _is_space_ready(server: MeasuredServer) -> bool:
    """Return True once the feature space is there: a large library has directions of its own."""
    async with server.http.get(f"{server.url}/api/directions") as response:
        return any(direction["discovered"] for direction in (await response.json())["directions"])


async def _measure_rescan(server: MeasuredServer, library: LargeLibrary, figures: FiguresOf) -> None:
    """Have the unchanged library scanned: what appears in its folder has no music in it."""
    lines, fresh = server.log.count(b"\n"), library.music / "no-music"
    fresh.unlink(missing_ok=True)
    try:
        async with watched_loop(server.url) as delay:
            fresh.touch()
            await _until(lambda: _is_scanning(server), SCAN_BEGINS_SECONDS)
            began, cpu = time.monotonic(), server.control_cpu_seconds()
            await _until(lambda: _is_not_scanning(server))
            seconds, cpu = time.monotonic() - began, server.control_cpu_seconds() - cpu
        figures.add("scan after a change without music", seconds, "s", at_most=MAX_SCAN_SECONDS)
        figures.add("scan after a change without music, CPU of control", cpu, "s")
        figures.add("scan after a change without music: lines in the log", server.log.count(b"\n") - lines, "")
        figures.add("event loop blocked, scan, worst", delay.worst, "ms")
    except TimeoutError:  # so short that nobody has seen it
        figures.add("scan after a change without music", _POLL_SECONDS, "s", at_most=MAX_SCAN_SECONDS)
    finally:
        fresh.unlink(missing_ok=True)


async def _measure_start_with_listener(server: MeasuredServer, figures: FiguresOf) -> None:
    """Measure a start at which somebody listens from the first moment on, and the scan that follows."""
    lines = server.log.count(b"\n")
    async with watched_loop(server.url) as delay:
        began = time.monotonic()
        await wait_for_sound(server.http, f"{server.url}/stream/master")
        figures.add("start to the first sound of a listener", time.monotonic() - server.started, "s")
        await _until(lambda: _is_not_scanning(server))
        scanned = time.monotonic() - began
        await asyncio.sleep(max(0.0, began + START_SECONDS - time.monotonic()))
    figures.add("first answer to end of the first scan", scanned, "s", at_most=MAX_SCAN_SECONDS)
    lines = server.log.count(b"\n") - lines
    figures.add("lines in the log after the first answer", lines, "", at_most=MAX_SCAN_LINES)
    figures.add(f"event loop blocked, first {START_SECONDS} s with a listener, worst", delay.worst, "ms")


async def _is_scanning(server: MeasuredServer) -> bool:
    async with server.http.get(f"{server.url}/api/library") as response:
        return bool((await response.json())["scanning"])


async def _is_not_scanning(server: MeasuredServer) -> bool:
    return not await _is_scanning(server)


async def _until(condition: Callable[[], Awaitable[bool]], seconds: float = 120.0) -> None:
    """Wait for a condition. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            if await condition():
                return
            await asyncio.sleep(_POLL_SECONDS)
