"""Measures what a server with a large library answers: map, search, explorer, and how its event loop does meanwhile."""

import asyncio
import gzip
import json
import statistics
import time
from typing import Any

from benchmarks.large.figures import FiguresOf
from benchmarks.large.loop_delay import watched_loop
from benchmarks.server import MeasuredServer

MAX_MAP_MS = 60.0
MAX_MAP_MB = 2.5
NOT_MODIFIED = 304
MAX_SEARCH_MS = 20.0
SEARCHES = (
    *("", "a", "th", "the", "love", "midn", "midnight yesterday", "blue love night", "é", "brömst", "a e i o"),
    *("song of the river in my heart", "dance dance dance", "glou", "nothing at all is called so"),
)
"""Searches of different breadth, from everything to nothing."""
REPEATS = 10
MAPS = 5
STEPS = 8


async def measure_answers(server: MeasuredServer, figures: FiguresOf) -> None:
    """Ask for everything whose cost grows with the library, and add the figures."""
    await _measure_map(server, figures)
    await _measure_search(server, figures)
    await _measure_explorer(server, figures)
    figures.add("status of the library, median", await _median_ms(server, "/api/library"), "ms")


async def _measure_map(server: MeasuredServer, figures: FiguresOf) -> None:
    async with watched_loop(server.url) as delay:
        cpu = server.loop_cpu_ms()
        first, body, etag = await _map(server)
        cpu = server.loop_cpu_ms() - cpu
        again = [(await _map(server))[0] for _ in range(MAPS)]
        status, not_modified_ms = await _map_if_changed(server, etag)
    decoded = json.loads(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
    tracks = len(decoded["ids"] if "ids" in decoded else decoded["points"])
    assert tracks == figures.count, f"{tracks} tracks on the map instead of {figures.count}"
    figures.add("map, the first time", first, "ms", at_most=MAX_MAP_MS)
    figures.add("map, the first time, CPU of the event loop", cpu, "ms")
    figures.add("map, later, median", statistics.median(again), "ms", at_most=MAX_MAP_MS)
    figures.add("map on the wire", len(body) / 1e6, "MB", at_most=MAX_MAP_MB)
    figures.add("map with If-None-Match: status", status, "", at_most=NOT_MODIFIED, at_least=NOT_MODIFIED)
    figures.add("map with If-None-Match", not_modified_ms, "ms")
    figures.add("event loop blocked, map, worst", delay.worst, "ms")


async def _map(server: MeasuredServer) -> tuple[float, bytes, str]:
    """Return how long the map took, its bytes on the wire, and its ETag."""
    headers, began = {"Accept-Encoding": "gzip"}, time.perf_counter()
    async with server.http.get(f"{server.url}/api/map", headers=headers, auto_decompress=False) as response:
        body = await response.read()
        return (time.perf_counter() - began) * 1e3, body, response.headers.get("ETag", "")


async def _map_if_changed(server: MeasuredServer, etag: str) -> tuple[int, float]:
    headers, began = {"Accept-Encoding": "gzip", "If-None-Match": etag}, time.perf_counter()
    async with server.http.get(f"{server.url}/api/map", headers=headers) as response:
        await response.read()
        return response.status, (time.perf_counter() - began) * 1e3


async def _measure_search(server: MeasuredServer, figures: FiguresOf) -> None:
    async with watched_loop(server.url) as delay:
        figures.add("search, the first time", await _search_ms(server, "love"), "ms")
        cpu = server.loop_cpu_ms()
        taken = {query: [await _search_ms(server, query) for _ in range(REPEATS)] for query in SEARCHES}
        cpu = (server.loop_cpu_ms() - cpu) / len(SEARCHES) / REPEATS
    medians = {query: statistics.median(times) for query, times in taken.items()}
    slowest = max(medians, key=medians.__getitem__)
    everything = [time_ms for times in taken.values() for time_ms in times]
    figures.add("search, median", statistics.median(everything), "ms", at_most=MAX_SEARCH_MS)
    figures.add(f"search, slowest ({slowest!r}), median", medians[slowest], "ms", at_most=MAX_SEARCH_MS)
    figures.add("search, worst of all", max(everything), "ms")
    figures.add("search, CPU of the event loop, the watch included, mean", cpu, "ms")
    figures.add("event loop blocked, search, worst", delay.worst, "ms")


async def _search_ms(server: MeasuredServer, query: str) -> float:
    _, took = await _timed(server, "/api/tracks", {"q": query})
    await asyncio.sleep(0.01)
    return took


async def _measure_explorer(server: MeasuredServer, figures: FiguresOf) -> None:
    """Steer to and fro, and look at the explorer each time, as a page does."""
    explored, steered = list[float](), list[float]()
    async with watched_loop(server.url) as delay:
        for step in range(STEPS):
            body = {"direction": ("brighter", "darker")[step % 2]}
            began = time.perf_counter()
            async with server.http.post(f"{server.url}/session/master/direction", json=body) as response:
                assert response.status == 202, await response.text()
            steered.append((time.perf_counter() - began) * 1e3)
            found, took = await _timed(server, "/api/explorer", {})
            explored.append(took)
            await asyncio.sleep(0.5)
    assert found["directions"], "the explorer knows no direction"
    figures.add("explorer, median", statistics.median(explored), "ms")
    figures.add("command to steer, median", statistics.median(steered), "ms")
    figures.add("event loop blocked, steering and explorer, worst", delay.worst, "ms")


async def _median_ms(server: MeasuredServer, path: str) -> float:
    return statistics.median([(await _timed(server, path, {}))[1] for _ in range(REPEATS)])


async def _timed(server: MeasuredServer, path: str, query: dict[str, str]) -> tuple[Any, float]:
    """Return an answer, and how long it took in ms."""
    began = time.perf_counter()
    async with server.http.get(f"{server.url}{path}", params=query) as response:
        body = await response.read()
        took = (time.perf_counter() - began) * 1e3
        assert response.status == 200, f"{path}: {body[:200]!r}"
    return json.loads(body), took
