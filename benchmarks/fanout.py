"""Measure the cost and the punctuality of sending one programme to thousands: `python -m benchmarks.fanout [NAME…]`.

The server runs on core 0, the listeners on core 1. Each figure is a JSON line.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable

from benchmarks.comparators import comparators
from benchmarks.cpu import cpu_ms_per_second, marginal_ms_per_second
from benchmarks.figures import Figure
from benchmarks.light_listener_processes import SETTLE_SECONDS, Received, churn, light_listeners, receive
from benchmarks.runner import main
from benchmarks.server import MeasuredServer, scanned_server
from benchmarks.sessions import create

FEW, MANY, MOST = 200, 1_000, 2_000
COST_SECONDS = 15
HOLD_SECONDS = 60
FULL_SECONDS = 30
FULL_JOINS_PER_SECOND = 20
"""Joins per second of the second half: little CPU time is left for them."""
STORM_SECONDS = 30
STORM_JOINS_PER_SECOND = 20
GREAT_STORM_JOINS_PER_SECOND = 100


async def thousand() -> list[Figure]:
    """Measure 1,000 listeners of one programme: the cost of each, and the reception, alone and while others join."""
    async with fan_server() as server, light_listeners([server.whep()], FEW) as first:
        await asyncio.sleep(SETTLE_SECONDS)
        few, few_control = await costs(server, COST_SECONDS)
        memory = server.memory_mb()
        async with light_listeners([server.whep()], MANY - FEW) as rest:
            await asyncio.sleep(SETTLE_SECONDS)
            (many, many_control), calm = await asyncio.gather(
                costs(server, HOLD_SECONDS), receive((first, rest), HOLD_SECONDS)
            )
            memory = server.memory_mb() - memory
            async with churn(server.whep(), STORM_JOINS_PER_SECOND, STORM_SECONDS + 3 * SETTLE_SECONDS) as visitors:
                await asyncio.sleep(2 * SETTLE_SECONDS)
                storm = await receive((first, rest), STORM_SECONDS)
                visits = await visitors
    more = MANY - FEW
    name = f"{MANY} listeners"
    return [
        Figure(name, f"CPU per listener, {FEW} to {MANY}", (many - few) / more, "ms/s", at_most=0.5),
        # Packets are the engine's; all else that a connected listener costs is control's.
        Figure(
            name, "of which not for media (consent, reports)", (many_control - few_control) / more, "ms/s", at_most=0.1
        ),
        Figure(name, "CPU of the server", many, "ms/s"),
        Figure(name, f"memory per listener, {FEW} to {MANY}", memory / more * 1e3, "kB", at_most=150),
        *reception(name, calm, HOLD_SECONDS, at_least_percent=99.99, most_gaps=0, most_deviation_ms=3),
        *reception(f"{name}, {STORM_JOINS_PER_SECOND} joins/s", storm, STORM_SECONDS, most_deviation_ms=5),
        Figure(name, "visitors who could not join", visits["failed"], "", at_most=0),
    ]


async def storm() -> list[Figure]:
    """Measure 200 listeners while 100 others join per second."""
    async with fan_server() as server, light_listeners([server.whep()], FEW) as present:
        await asyncio.sleep(SETTLE_SECONDS)
        async with churn(server.whep(), GREAT_STORM_JOINS_PER_SECOND, STORM_SECONDS + 3 * SETTLE_SECONDS) as visitors:
            await asyncio.sleep(2 * SETTLE_SECONDS)
            (cost, _), received = await asyncio.gather(costs(server, STORM_SECONDS), receive((present,), STORM_SECONDS))
            visits = await visitors
    name = f"{FEW} listeners, {GREAT_STORM_JOINS_PER_SECOND} joins/s"
    return [
        *reception(name, received, STORM_SECONDS, at_least_percent=99.99, most_gaps=0, most_deviation_ms=5),
        Figure(name, "CPU of the server", cost, "ms/s"),
        Figure(name, "visitors who were there", visits["connected"], ""),
        Figure(name, "visitors who could not join", visits["failed"], ""),
    ]


async def full() -> list[Figure]:
    """Measure 2,000 listeners of one programme on one core."""
    half = MOST // 2
    async with (
        fan_server() as server,
        light_listeners([server.whep()], half) as first,
        light_listeners([server.whep()], MOST - half, FULL_JOINS_PER_SECOND) as rest,
    ):
        await asyncio.sleep(SETTLE_SECONDS)
        (cost, _), calm = await asyncio.gather(costs(server, FULL_SECONDS), receive((first, rest), FULL_SECONDS))
    name = f"{MOST} listeners"
    return [
        Figure(name, "CPU of all per listener", cost / MOST, "ms/s"),
        *reception(name, calm, FULL_SECONDS),
    ]


async def joins() -> list[Figure]:
    """Measure the cost of a join, from the offer to connected, on the shared port and with stock peer connections."""
    async with fan_server() as server:
        ours = await join_cost_ms(server)
    async with scanned_server("--udp-port", "0") as server:
        server.pin(0)
        stock = await join_cost_ms(server, count=60, joins_per_second=10)
    return [
        Figure("joins", "CPU per join", ours, "ms", at_most=4),
        Figure("joins", "CPU per join, stock peer connections", stock, "ms"),
        Figure("joins", "stock by ours", stock / ours, ""),
    ]


async def join_cost_ms(server: MeasuredServer, count: int = 200, joins_per_second: float = 20) -> float:
    """Return the CPU time of one join in ms, without what the server spends on connected listeners."""
    few = 20
    async with light_listeners([server.whep()], few):
        await asyncio.sleep(SETTLE_SECONDS)
        before = await cpu_ms_per_second(server.cpu_seconds, COST_SECONDS)
        loop = asyncio.get_running_loop()
        cpu, clock = server.cpu_seconds(), loop.time()
        async with light_listeners([server.whep()], count, joins_per_second) as joined:
            joining_ms, seconds = (server.cpu_seconds() - cpu) * 1e3, loop.time() - clock
            await asyncio.sleep(SETTLE_SECONDS)
            after = await cpu_ms_per_second(server.cpu_seconds, COST_SECONDS)
    connected_ms = (after - before) / count * joined.listener_seconds
    return (joining_ms - before * seconds - connected_ms) / count


async def engines() -> list[Figure]:
    """Measure two programmes sent by one engine and by two, all on one core."""
    measured = []
    for count in (1, 2):
        async with fan_server("--engines", str(count)) as server:
            urls = [server.whep(await create(server, name)) for name in ("a", "b")]
            measured.append(await marginal_ms_per_second(server.cpu_seconds, urls, FEW, MANY))
    one, two = measured
    return [
        Figure("engines", "CPU per listener, one engine", one, "ms/s"),
        Figure("engines", "CPU per listener, two engines", two, "ms/s"),
        Figure("engines", "two engines by one", two / one, "", at_most=1.10),
    ]


async def compared() -> list[Figure]:
    """Measure other ways to serve listeners, and this one in the same run."""
    async with fan_server() as server:
        ours = await marginal_ms_per_second(server.cpu_seconds, [server.whep()], FEW, MANY)
    return await comparators(ours)


def reception(
    bench: str,
    received: Received,
    seconds: float,
    *,
    at_least_percent: float | None = None,
    most_gaps: float | None = None,
    most_deviation_ms: float | None = None,
) -> list[Figure]:
    """Return the figures of what listeners received. Failed listeners and undecryptable packets always have a bound."""
    deviation = dict(zip(("median", "99 %", "99.9 %", "worst"), received.deviation_ms, strict=True))
    return [
        Figure(bench, "packets delivered", received.delivered_percent, "%", at_least=at_least_percent),
        Figure(bench, "packets missing in the sequence numbers", received.gaps, "packets", at_most=most_gaps),
        Figure(bench, "packets left out by the server", received.skipped, "packets"),
        *(
            Figure(
                *(bench, f"spacing of packets, away from 20 ms, {name}", value, "ms"),
                at_most=most_deviation_ms if name == "99 %" else None,
            )
            for name, value in deviation.items()
        ),
        Figure(bench, "listeners failed, ended or silent", received.failed + received.silent, "", at_most=0),
        Figure(bench, "requests for consent without an answer", received.consent_failures, ""),
        Figure(bench, "packets that could not be decrypted", received.undecryptable, "packets", at_most=0),
        Figure(bench, "how busy the listeners' core was", 100 * received.listeners_cpu_seconds / seconds, "%"),
    ]


async def costs(server: MeasuredServer, seconds: float) -> tuple[float, float]:
    """Return the CPU time in ms/s of all the server's processes, and of control alone."""
    control: Callable[[], float] = lambda: sum(server.process.cpu_times()[:2])  # noqa: E731
    everything, control_alone = await asyncio.gather(
        cpu_ms_per_second(server.cpu_seconds, seconds), cpu_ms_per_second(control, seconds)
    )
    return everything, control_alone


@contextlib.asynccontextmanager
async def fan_server(*options: str) -> AsyncIterator[MeasuredServer]:
    """Run a server on core 0 that sends to all listeners from one UDP port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    limit = str(MOST + MANY)
    async with scanned_server("--udp-port", str(port), "--max-listeners", limit, *options) as server:
        server.pin(0)
        yield server


PARTS = {
    "thousand": thousand,
    "storm": storm,
    "full": full,
    "joins": joins,
    "engines": engines,
    "comparators": compared,
}


if __name__ == "__main__":
    main(PARTS, "python -m benchmarks.fanout", __doc__)
