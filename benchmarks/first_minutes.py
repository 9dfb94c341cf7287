"""Measure a newcomer's first minutes: Chromium listens while the library is being made, or a folder scanned."""

import asyncio
import itertools
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.chromium import delay_ms
from benchmarks.figures import Figure
from benchmarks.server import MeasuredServer, measured_server
from rtc_drift.demo import DEMO, write
from tests.browser.chromium import chromium_path, launched, listen, page_on, stats
from tests.support.udp import free_udp_port

BENCH = "first-minutes"
SECONDS = 20
SCANNED_TRACKS = 14
"""Number of tracks to scan and analyse: more than can be done while somebody listens for `SECONDS`."""


@dataclass(frozen=True, slots=True)
class Listening:
    """What Chromium reported, and what the library did meanwhile."""

    concealed: int
    """Number of samples that Chromium made up because none had come."""
    delay_ms: float
    """Median of the jitter-buffer delay of each second."""
    progress: int
    """Number of tracks that were made, scanned or analysed meanwhile."""


async def first_minutes() -> list[Figure]:
    """Listen for 20 s in each situation. Return no figures if Chromium is not installed."""
    if chromium_path() is None:
        return []
    with tempfile.TemporaryDirectory(prefix="rtc-drift-bench-") as folder:
        return await situations(Path(folder))


async def situations(folder: Path) -> list[Figure]:
    """Listen in all situations: the demo library is made, a folder is scanned, and everything is ready."""
    music, data = folder / "music", folder / "scanned"
    async with measured_server(None, folder / "demo", *own_port()) as server:
        figures = figures_of("demo library being made", await listened(server))
    for spec in DEMO[:SCANNED_TRACKS]:
        await asyncio.to_thread(write, spec, music)
    async with measured_server(music, data, *own_port()) as server:
        figures += figures_of("folder being scanned", await listened(server))
        await until_analysed(server)
    async with measured_server(music, data, *own_port()) as server:
        return figures + figures_of("library ready", await listened(server), is_busy=False)


def own_port() -> tuple[str, str]:
    """Return the options for a UDP port of its own, so that another server may run beside it."""
    return "--udp-port", str(free_udp_port())


def figures_of(situation: str, it: Listening, *, is_busy: bool = True) -> list[Figure]:
    """Return the figures of a situation, with bounds if workers were busy in it."""
    concealed, delay, progress = (240, 35, 1) if is_busy else (None, None, None)
    return [
        Figure(BENCH, f"{situation}: concealed samples in {SECONDS} s", it.concealed, "samples", at_most=concealed),
        Figure(BENCH, f"{situation}: jitter-buffer delay, median", it.delay_ms, "ms", at_most=delay),
        Figure(BENCH, f"{situation}: tracks made or analysed meanwhile", it.progress, "", at_least=progress),
    ]


async def listened(server: MeasuredServer) -> Listening:
    """Press Listen on a fresh page, and read its statistics once a second from the first audible sample on."""
    async with launched() as browser, page_on(browser, server.url) as page:
        await listen(page)
        done = progress(await library(server))
        readings = [await stats(page)]
        for _ in range(SECONDS):
            await asyncio.sleep(1)
            readings.append(await stats(page))
        done = progress(await library(server)) - done
    delays = [delay_ms(before, after) for before, after in itertools.pairwise(readings)]
    return Listening(
        readings[-1]["concealedSamples"] - readings[0]["concealedSamples"], statistics.median(delays), done
    )


async def library(server: MeasuredServer) -> dict[str, Any]:
    """Return the status of the library."""
    async with server.http.get(f"{server.url}/api/library") as response:
        status: dict[str, Any] = await response.json()
        return status


def progress(status: dict[str, Any]) -> int:
    """Return the number of tracks that were made or scanned, plus those that were analysed."""
    return int(status["tracks"] + status["analysed"])


async def until_analysed(server: MeasuredServer) -> None:
    """Wait until all tracks are scanned and analysed."""
    while True:
        status = await library(server)
        if not status["scanning"] and status["analysed"] == status["tracks"]:
            return
        await asyncio.sleep(1)
