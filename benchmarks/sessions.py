"""Many sessions: their cost while they play and while they are idle, the time to the first packet, and many events."""

import asyncio
import json
import statistics
import sys
import time
from dataclasses import dataclass

from benchmarks.aiortc_listener_process import aiortc_listeners
from benchmarks.figures import Figure
from benchmarks.light_listener_processes import Received, light_listeners, receive
from benchmarks.server import THIS, Launch, MeasuredServer, scanned_server
from benchmarks.station_cost import SECONDS, cpu_ms_per_second, share_on_time, tick_late_ms
from rtc_drift.client import Listener

COUNTS = (40, 25, 10)
BOUND = 25
"""Number of sessions on one core for which the figures have bounds."""
SETTLE_SECONDS = 10
"""Time from the last join to the measurement: by then every deck is decoded ahead."""
PACKETS = 50 * SECONDS
"""Packets that a listener gets meanwhile."""
IDLE_SESSIONS = 60
CREATED = 15
READERS = 200
EVENTS_PER_SECOND = 1_000
EVENT_SECONDS = 10
LINGER_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Playing:
    """Sessions that play on one core, a listener each."""

    cost: float
    """CPU time of the server in ms per session-second."""
    received: Received
    missed: float
    """Ticks left out, and blocks for which decks had too little decoded."""
    on_time: float
    """Share of ticks at most 1 ms late."""
    tick_late_ms: tuple[float, float, float]
    """Lateness of the engine's ticks: median, 99 % and worst."""


async def many_sessions() -> list[Figure]:
    """Measure 40, 25 and 10 sessions on one core, each with a light listener. The kernel says when packets arrive."""
    figures: list[Figure] = []
    for count in COUNTS:
        figures += playing_figures(count, await playing(count), has_bounds=count == BOUND)
    return figures


def playing_figures(count: int, played: Playing, *, has_bounds: bool) -> list[Figure]:
    """Return the figures of sessions on one core."""
    name, received = f"{count} sessions", played.received

    def figure(
        text: str, value: float, unit: str, at_most: float | None = None, at_least: float | None = None
    ) -> Figure:
        return Figure(name, text, value, unit, *((at_most, at_least) if has_bounds else (None, None)))

    return [
        figure("CPU per session-second", played.cost, "ms", at_most=31),
        figure("packets lost", received.gaps + received.skipped, "packets", at_most=0),
        figure("fewest packets of a listener", received.fewest, "packets", at_least=0.99 * PACKETS),
        figure("ticks left out, blocks starved", played.missed, "", at_most=0),
        figure("packets more than 20 ms late", received.late_packets, "packets", at_most=0),
        figure("lateness of packets, median", received.late_ms[0], "ms"),
        figure("lateness of packets, 99 %", received.late_ms[1], "ms", at_most=4),
        figure("lateness of packets, worst", received.late_ms[3], "ms"),
        figure("engine's ticks at most 1 ms late", 100 * played.on_time, "%"),
    ]


async def playing(count: int, launch: Launch = THIS) -> Playing:
    """Measure sessions on core 0, with control, engine and workers of the server; the listeners are on core 1."""
    async with scanned_server(launch=launch) as server:
        names = [await create(server, f"room-{number}") for number in range(count)]
        server.pin(0)
        async with light_listeners([server.whep(name) for name in names], count) as listeners:
            await asyncio.sleep(SETTLE_SECONDS)
            before = await server.metrics()
            cost, received = await asyncio.gather(cpu_ms_per_second(server), receive((listeners,), SECONDS))
            after = await server.metrics()
    missed = ("rtc_drift_engine_skipped_ticks_total", "rtc_drift_engine_starved_blocks_total")
    lost = sum(after[name] - before[name] for name in missed)
    return Playing(cost / count, received, lost, share_on_time(before, after), tick_late_ms(before, after))


async def stock_listeners() -> list[Figure]:
    """Measure 25 sessions with stock aiortc listeners in one process: the kernel's arrivals and aiortc's, both."""
    async with scanned_server() as server:
        names = [await create(server, f"room-{number}") for number in range(BOUND)]
        server.pin(0)
        async with aiortc_listeners([server.whep(name) for name in names]) as reporting:
            await asyncio.sleep(SETTLE_SECONDS + SECONDS)
        report = await reporting
    name = f"{BOUND} sessions, stock aiortc listeners"
    return [
        Figure(name, "packets lost", report.lost, "packets", at_most=0),
        *(
            Figure(name, f"{text}, {clock}", value, unit)
            for clock, late_ms, late_packets in (
                ("by the kernel", report.kernel_late_ms, report.kernel_late_packets),
                ("when aiortc takes them", report.late_ms, report.late_packets),
            )
            for text, value, unit in (
                ("packets more than 20 ms late", late_packets, "packets"),
                ("lateness of packets, 99 %", late_ms[1], "ms"),
                ("lateness of packets, worst", late_ms[3], "ms"),
            )
        ),
    ]


async def idle_sessions() -> list[Figure]:
    """Measure the memory and CPU time of named sessions that had a listener once and have none now."""
    async with scanned_server() as server:
        await asyncio.sleep(LINGER_SECONDS)
        memory, cpu = server.memory_mb(), await cpu_ms_per_second(server)
        for number in range(IDLE_SESSIONS):
            name = await create(server, f"room-{number}")
            async with server.http.get(f"{server.url}/stream/{name}") as response:
                await response.content.readany()
        await asyncio.sleep(LINGER_SECONDS)
        more_memory, more_cpu = server.memory_mb() - memory, await cpu_ms_per_second(server) - cpu
    return [
        Figure("idle", "memory per idle session that was heard once", more_memory / IDLE_SESSIONS, "MB", at_most=2),
        Figure("idle", "CPU per idle session", more_cpu / IDLE_SESSIONS, "ms/s", at_most=0.05),
        Figure("idle", "CPU of the server while nobody listens", cpu, "ms/s", at_most=3),
    ]


async def create_to_first_packet() -> list[Figure]:
    """Measure the time until a stock aiortc listener has its first packet: of a new session, and of an idle one."""
    created_ms, resumed_ms = list[float](), list[float]()
    async with scanned_server() as server:
        for number in range(CREATED):
            started = time.monotonic()
            name = await create(server, f"room-{number}")
            created_ms.append(await first_frame_ms(server, name, started))
        await asyncio.sleep(LINGER_SECONDS)
        for number in range(CREATED):
            resumed_ms.append(await first_frame_ms(server, f"room-{number}", time.monotonic()))
    return [
        Figure("create", "create to first packet, median", statistics.median(created_ms), "ms", at_most=300),
        Figure("create", "create to first packet, worst", max(created_ms), "ms"),
        Figure("create", "idle session, offer to first packet, median", statistics.median(resumed_ms), "ms"),
    ]


async def many_events() -> list[Figure]:
    """Send 1,000 commands a second, each of which makes an event for 200 readers, while one listener receives audio."""
    async with scanned_server() as server, aiortc_listeners([server.whep()]) as reporting:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.event_readers", server.url),
            *(str(READERS), str(EVENTS_PER_SECOND), str(EVENT_SECONDS)),
            stdout=asyncio.subprocess.PIPE,
        )
        cpu = sum(server.process.cpu_times()[:2])
        output, _ = await child.communicate()
        cpu = sum(server.process.cpu_times()[:2]) - cpu
        readers = json.loads(output)
    report = await reporting
    return [
        Figure("events", "events per second", readers["accepted"] / readers["seconds"], "1/s", at_least=990),
        Figure("events", f"events lost, {READERS} readers", readers["accepted"] - readers["least"], "", at_most=0),
        Figure("events", "readers cut off", readers["cut"], "", at_most=0),
        Figure("events", "CPU of control meanwhile", 100 * cpu / readers["seconds"], "%"),
        Figure("events", "lateness of the programme's packets meanwhile, 99 %", report.late_ms[1], "ms"),
    ]


async def create(server: MeasuredServer, name: str) -> str:
    """Create a session, and return its id."""
    async with server.http.post(f"{server.url}/api/session/create", json={"sessionName": name}) as response:
        assert response.status == 201, await response.text()
        return name


async def first_frame_ms(server: MeasuredServer, session: str, started: float) -> float:
    """Join, and return how many ms after `started` the first 20 ms of audio were decoded."""
    async with Listener(server.whep(session)) as listener:
        await listener.frame()
        return (time.monotonic() - started) * 1e3
