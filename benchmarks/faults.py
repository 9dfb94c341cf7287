"""Measure the gap that listeners hear when the engine, the decoder or a worker is killed."""

import asyncio
import contextlib
import os
import signal
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.server import MeasuredServer, make_music, measured_server, scan
from benchmarks.soak import measures
from benchmarks.soak.population import Population, population
from benchmarks.soak.processes import children
from tests.support.udp import free_udp_port
from tests.support.waiting import until

BENCH = "faults"
KILLS = 10
LISTENERS = 50
SETTLE_SECONDS = 12.0
"""Time from the last join to the first kill: after a steady run of 10 s a process is replaced at once."""
SPACING_SECONDS = 31.0
"""Time between two deaths of the engine: two within 30 s are no accident to the server."""
SOON_SECONDS = 11.0
"""Time between two deaths of any other process."""
WORKER_SECONDS = 10.0
HEARD_SECONDS = 5.0
"""Time after a death in which a gap counts as its consequence."""
BOUNDS_MS = {"engine": 250.0, "decoder": 20.0, "worker": 20.0}
"""Longest gap for each process that is killed."""


async def faults() -> list[Figure]:
    """Kill each kind of process ten times, and return the median and the worst gap of its deaths."""
    with tempfile.TemporaryDirectory(prefix="rtc-drift-bench-") as folder:
        return await _faults(Path(folder))


async def _faults(folder: Path) -> list[Figure]:
    music = await asyncio.to_thread(make_music, folder / "music")
    await scan(music, folder / "data")
    options = ("--udp-port", str(free_udp_port()))
    async with measured_server(music, folder / "data", *options) as server:
        server.pin(0)
        async with population(folder / "listeners.jsonl", LISTENERS, 1) as listeners:
            await listeners.stay(server.whep(), LISTENERS)
            await listeners.until_there(LISTENERS)
            await asyncio.sleep(SETTLE_SECONDS)
            deaths = {role: await _kill_often(server, music, role) for role in BOUNDS_MS}
            await asyncio.sleep(HEARD_SECONDS)
            return [figure for role, times in deaths.items() for figure in _figures(role, times, listeners)]


async def _kill_often(server: MeasuredServer, music: Path, role: str) -> list[float]:
    """Kill the process of a role `KILLS` times. Return when, in seconds since the epoch."""
    times = []
    for _ in range(KILLS):
        pid = await _process(server, music, role)
        times.append(time.time())
        os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(SPACING_SECONDS if role == "engine" else SOON_SECONDS)
    return times


async def _process(server: MeasuredServer, music: Path, role: str) -> int:
    """Return the id of a process of a role. A worker first gets something to do."""

    def pids() -> list[int]:
        return children(server.process.pid).get(role, [])

    while role == "worker" and not pids():
        for path in music.iterdir():
            path.touch()
        with contextlib.suppress(TimeoutError):
            await until(lambda: bool(pids()), WORKER_SECONDS)
    await until(lambda: bool(pids()), WORKER_SECONDS)
    return pids()[0]


def _figures(role: str, deaths: list[float], listeners: Population) -> list[Figure]:
    seconds = [it for it in listeners.observed() if "second" in it]
    windows = [measures.Window(at, at + HEARD_SECONDS) for at in deaths]
    gaps = [measures.longest_gap(measures.inside(seconds, window)) for window in windows]
    lost = sum(it["lost"] for window in windows for it in measures.inside(seconds, window))
    arrivals, media = [it.arrival_ms for it in gaps], [it.media_ms for it in gaps]
    bound, text = BOUNDS_MS[role], f"{role} killed {KILLS} times: longest gap"
    return [
        Figure(BENCH, f"{text} by arrivals, median", statistics.median(arrivals), "ms"),
        Figure(BENCH, f"{text} by arrivals, worst", max(arrivals), "ms", at_most=bound),
        Figure(BENCH, f"{text} by missing media, median", statistics.median(media), "ms"),
        Figure(BENCH, f"{text} by missing media, worst", max(media), "ms", at_most=bound),
        Figure(
            BENCH, f"{role} killed {KILLS} times: packets lost per listener and death", lost / LISTENERS / KILLS, ""
        ),
    ]
