"""The CPU cost of one station, alone and with 50 listeners, and the punctuality of the engine meanwhile."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp

from benchmarks.aiortc_listener_process import aiortc_listeners
from benchmarks.figures import Figure
from benchmarks.server import MeasuredServer, scanned_server

SECONDS = 20
LISTENERS = 50
SETTLE_SECONDS = 3


async def session_alone() -> list[Figure]:
    """Measure one playing station whose only listener reads the Ogg stream."""
    async with scanned_server() as server, ogg_reader(server):
        await asyncio.sleep(SETTLE_SECONDS)
        cost = await cpu_ms_per_second(server)
    return [Figure("session", "CPU per second of audio, Ogg reader only", cost, "ms/s", at_most=30)]


async def fifty_listeners() -> list[Figure]:
    """Measure 50 stock aiortc listeners, which run in another process on another core."""
    async with scanned_server() as server:
        server.pin(0)
        async with aiortc_listeners([server.whep()] * LISTENERS) as reporting:
            before = await server.metrics()
            cost = await cpu_ms_per_second(server)
            after = await server.metrics()
        report = await reporting
    on_time = share_on_time(before, after)
    return [
        Figure("listeners", f"CPU per listener, {LISTENERS} listeners", cost / LISTENERS, "ms/s", at_most=5),
        Figure("listeners", "packets lost", report.lost, "packets", at_most=0),
        Figure("listeners", "packets received", report.received, "packets"),
        Figure("listeners", "engine's ticks at most 1 ms late, same core as control", 100 * on_time, "%"),
    ]


async def busy_control() -> list[Figure]:
    """Measure the engine's punctuality while requests without pause keep control busy."""
    async with scanned_server() as server, aiortc_listeners([server.whep()]):
        quiet = await ticks_over(server)
        control = sum(server.process.cpu_times()[:2])
        hammers = [asyncio.create_task(hammer(server)) for _ in range(8)]
        busy = await ticks_over(server)
        control = (sum(server.process.cpu_times()[:2]) - control) / SECONDS
        for task in hammers:
            task.cancel()
        await asyncio.gather(*hammers, return_exceptions=True)
    return [
        Figure("punctuality", "ticks at most 1 ms late, control idle", 100 * quiet, "%", at_least=99),
        Figure("punctuality", "ticks at most 1 ms late, control busy", 100 * busy, "%", at_least=99),
        Figure("punctuality", "how busy control was", 100 * control, "%"),
    ]


async def ticks_over(server: MeasuredServer) -> float:
    """Return the share of the engine's ticks that start at most 1 ms late, over `SECONDS`."""
    before = await server.metrics()
    await asyncio.sleep(SECONDS)
    return share_on_time(before, await server.metrics())


def share_on_time(before: dict[str, float], after: dict[str, float]) -> float:
    """Return the share of ticks between two readings that started at most 1 ms late. Ticks left out count as late."""
    name = "rtc_drift_engine_tick_late_seconds"

    def growth(sample: str) -> float:
        return after[sample] - before[sample]

    skipped = growth("rtc_drift_engine_skipped_ticks_total")
    return growth(f'{name}_bucket{{le="0.001"}}') / (growth(f"{name}_count") + skipped)


def tick_late_ms(before: dict[str, float], after: dict[str, float]) -> tuple[float, float, float]:
    """Return how late ticks between two readings started, in ms: median, 99 % and worst, rounded up to a bucket.

    Ticks beyond the last bucket count as in it.
    """
    name = "rtc_drift_engine_tick_late_seconds"
    prefix = f'{name}_bucket{{le="'
    buckets = sorted((float(it[len(prefix) : -2]), after[it] - before[it]) for it in after if it.startswith(prefix))
    count = buckets[-1][1]
    last = buckets[-2][0]
    median, most, worst = (
        min(last, next(le for le, at_most in buckets if at_most >= count * it)) for it in (0.5, 0.99, 1)
    )
    return median * 1e3, most * 1e3, worst * 1e3


async def cpu_ms_per_second(server: MeasuredServer) -> float:
    """Return the CPU time of all the server's processes in ms per second, over `SECONDS`."""
    loop = asyncio.get_running_loop()
    cpu, clock = server.cpu_seconds(), loop.time()
    await asyncio.sleep(SECONDS)
    return (server.cpu_seconds() - cpu) / (loop.time() - clock) * 1e3


async def hammer(server: MeasuredServer) -> None:
    """Send requests without pause: for the whole library, the session's state and the metrics."""
    while True:
        for path in ("/api/tracks?limit=500", "/api/session/info", "/metrics"):
            async with server.http.get(f"{server.url}{path}") as response:
                await response.read()


@contextlib.asynccontextmanager
async def ogg_reader(server: MeasuredServer) -> AsyncIterator[None]:
    """Read the Ogg stream as long as the block lasts."""

    async def read() -> None:
        async with aiohttp.ClientSession() as http, http.get(f"{server.url}/stream/master") as response:
            async for _ in response.content.iter_any():
                pass

    task = asyncio.create_task(read())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
