"""Other ways to serve listeners, measured like this one: stock aiortc, a peer connection for each, and Janus."""

import contextlib
import sys
from collections.abc import AsyncIterator

import psutil

from benchmarks.children import child, first_line
from benchmarks.cpu import marginal_ms_per_second
from benchmarks.figures import Figure
from benchmarks.janus import NoJanusError, janus_server
from benchmarks.server import scanned_server


async def comparators(ours: float) -> list[Figure]:
    """What a listener costs elsewhere, in ms/s and as a multiple of `ours`; what is not installed is left out."""
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
    """A minimal server of aiortc's parts."""
    async with pinned("-m", "benchmarks.relay_server") as (url, process):
        return await marginal_ms_per_second(lambda: sum(process.cpu_times()[:2]), [url], few, many, joins_per_second=10)


async def one_port_each(few: int, many: int) -> float:
    """This server, with a stock peer connection and a UDP port for each listener."""
    async with scanned_server("--udp-port", "0") as server:
        server.pin(0)
        return await marginal_ms_per_second(server.cpu_seconds, [server.whep()], few, many, joins_per_second=10)


async def janus(few: int, many: int) -> float:
    """Janus with one thread for all its listeners: one each, its default, costs it more. Raises NoJanusError."""
    async with janus_server(event_loops=1) as server:
        return await marginal_ms_per_second(
            server.cpu_seconds, [server.whep], few, many, joins_per_second=10, place=server.place
        )


@contextlib.asynccontextmanager
async def pinned(*arguments: str) -> AsyncIterator[tuple[str, psutil.Process]]:
    """A Python program on core 0, once it has printed its url."""
    async with child(sys.executable, *arguments) as it:
        url = await first_line(it)
        process = psutil.Process(it.pid)
        process.cpu_affinity([0])
        yield url, process
