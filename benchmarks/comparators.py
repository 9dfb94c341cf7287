"""Other ways to serve listeners, measured in the same way: stock aiortc, a peer connection each, and Janus."""

import contextlib
import sys
from collections.abc import AsyncIterator

import psutil

from benchmarks.child_process import child, first_line
from benchmarks.cpu import marginal_ms_per_second
from benchmarks.figures import Figure
from benchmarks.janus import NoJanusError, janus_server
from benchmarks.server import scanned_server


async def comparators(ours: float) -> list[Figure]:
    """Measure what a listener costs elsewhere, in ms/s and as a multiple of `ours`. Leave out what is not installed."""
    measured = [
        ("aiortc's MediaRelay, an encoder each", await relay(4, 20)),
        ("a peer connection each (--udp-port 0)", await one_port_each(10, 50)),
    ]
    try:
        measured.append(("Janus (Streaming plugin)", await janus(20, 120)))
    except NoJanusError as error:
        print(f"Janus is skipped: {error}", file=sys.stderr)
    figures = [Figure("comparators", "CPU per listener, one UDP port for all", ours, "ms/s")]
    for name, cost in measured:
        figures.append(Figure("comparators", f"CPU per listener, {name}", cost, "ms/s"))
        figures.append(Figure("comparators", f"{name}, by ours", cost / ours, ""))
    return figures


async def relay(few: int, many: int) -> float:
    """Measure a minimal server of aiortc's parts: ms of CPU per second and listener."""
    async with pinned("-m", "benchmarks.relay_server") as (url, process):
        return await marginal_ms_per_second(lambda: sum(process.cpu_times()[:2]), [url], few, many, joins_per_second=10)


async def one_port_each(few: int, many: int) -> float:
    """Measure this server with a stock peer connection and a UDP port for each listener: ms/s per listener."""
    async with scanned_server("--udp-port", "0") as server:
        server.pin(0)
        return await marginal_ms_per_second(server.cpu_seconds, [server.whep()], few, many, joins_per_second=10)


async def janus(few: int, many: int) -> float:
    """Measure Janus with one thread for all its listeners: ms/s per listener. Its default, one thread each, costs more.

    Raises NoJanusError.
    """
    async with janus_server(event_loops=1) as server:
        return await marginal_ms_per_second(
            server.cpu_seconds, [server.whep], few, many, joins_per_second=10, network=server.network
        )


@contextlib.asynccontextmanager
async def pinned(*arguments: str) -> AsyncIterator[tuple[str, psutil.Process]]:
    """Run a Python program on core 0, and yield its url and its process when it has printed the url."""
    async with child(sys.executable, *arguments) as program:
        url = await first_line(program)
        process = psutil.Process(program.pid)
        process.cpu_affinity([0])
        yield url, process
