"""The bench of large libraries: makes them, and measures everything that could grow with them."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.large.choosing import measure_choices
from benchmarks.large.figures import BENCH, FiguresOf
from benchmarks.large.library import bench_folder, make_large_library
from benchmarks.large.old_catalogue import measure_migration
from benchmarks.large.programs import scan_again
from benchmarks.large.serving import measure_server

COUNTS = (10_000, 100_000)
MAX_SCAN_GROWTH_MB = 20.0
"""Most memory by which a scan of the largest library may exceed that of the smallest."""


async def large() -> list[Figure]:
    """Measure both sizes."""
    return [figure async for figure in measure(COUNTS)]


async def measure(counts: Sequence[int]) -> AsyncIterator[Figure]:
    """Yield the figures of libraries of some sizes, and how the memory of a scan grows with them."""
    scans = list[float]()
    with bench_folder() as folder:
        for count in counts:
            figures, library = FiguresOf(count), await asyncio.to_thread(make_large_library, folder, count)
            await measure_server(library, figures)
            seconds, memory = await scan_again(library)
            figures.add("rtc-drift scan again", seconds, "s")
            figures.add("rtc-drift scan again: memory", memory, "MB")
            scans.append(memory)
            for figure in figures.take():
                yield figure
            with tempfile.TemporaryDirectory(prefix="scratch-", dir=folder) as scratch:
                await measure_choices(library, Path(scratch), figures)
                await measure_migration(library, Path(scratch), figures)
            for figure in figures.take():
                yield figure
    if len(scans) > 1:
        yield Figure(BENCH, "rtc-drift scan again: growth", scans[-1] - scans[0], "MB", at_most=MAX_SCAN_GROWTH_MB)
