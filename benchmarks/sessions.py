"""Many sessions: their cost while they play and while they are idle, the time to the first packet, and many events."""

import asyncio
import json
import statistics
import sys
import time

from benchmarks.aiortc_listener_process import Report, aiortc_listeners
from benchmarks.figures import Figure
from benchmarks.server import MeasuredServer, scanned_server
from benchmarks.station_cost import cpu_ms_per_second, share_on_time
from rtc_drift.client import Listener

COUNTS = (40, 32, 25, 20, 15, 10)
IDLE_SESSIONS = 60
CREATED = 15
READERS = 200
EVENTS_PER_SECOND = 1_000
EVENT_SECONDS = 10
LINGER_SECONDS = 5


async def many_sessions() -> list[Figure]:
    """Measure 40 sessions on one core, each with a stock aiortc listener; fewer if packets are late, until none is."""
    figures: list[Figure] = []
    for count in COUNTS:
        cost, report, missed, on_time = await playing(count)
        name = f"{count} sessions"
        figures += [
            # Only the first count, which is the one required, has a bound.
            Figure(name, "CPU per session-second", cost, "ms", at_most=None if figures else 20),
            Figure(name, "packets lost", report.lost, "packets", at_most=0),
            Figure(name, "ticks left out, blocks starved", missed, "", at_most=0),
            Figure(name, "packets more than 20 ms late", 100 * report.late_packets / report.received, "%"),
            Figure(name, "lateness of packets, 99 %", report.late_ms[1], "ms"),
            Figure(name, "lateness of packets, worst", report.late_ms[3], "ms"),
            Figure(name, "engine's ticks at most 1 ms late", 100 * on_time, "%"),
        ]
        if not report.late_packets:
            return [*figures, Figure("sessions", "hold on one core without a late packet", count, "sessions")]
    return figures


async def playing(count: int) -> tuple[float, Report, float, float]:
    """Return CPU ms per session-second, the listeners' report, missed ticks and blocks, and share of punctual ticks."""
    async with scanned_server() as server:
        names = [await create(server, f"room-{number}") for number in range(count)]
        server.pin(0)
        async with aiortc_listeners([server.whep(name) for name in names]) as reporting:
            before = await server.metrics()
            cost = await cpu_ms_per_second(server)
            after = await server.metrics()
        report = await reporting
    missed = ("rtc_drift_engine_skipped_ticks_total", "rtc_drift_engine_starved_blocks")
    return cost / count, report, sum(after[name] - before[name] for name in missed), share_on_time(before, after)


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
        Figure("idle", "CPU of the server while nobody listens", cpu, "ms/s"),
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
