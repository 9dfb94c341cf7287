"""The start of a server with a large, scanned library: the time until it is ready, and the memory of all processes."""

import asyncio
import shutil
import tempfile
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.server import measured_server
from rtc_drift.demo import DEMO, write
from rtc_drift.library.catalogue import Catalogue
from rtc_drift.library.probe import probe
from rtc_drift.library.track import Track

FILES = 1_000
SETTLE_SECONDS = 15
"""Seconds after which the workers that the start needed have ended."""


async def startup_and_memory() -> list[Figure]:
    """Measure the start with a library of 1,000 files, scanned before."""
    with tempfile.TemporaryDirectory(prefix="rtc-drift-bench-") as folder:
        music, data = Path(folder) / "music", Path(folder) / "data"
        await asyncio.to_thread(make_large_library, music, data)
        async with measured_server(music, data) as server:
            await asyncio.sleep(SETTLE_SECONDS)
            memory = server.memory_mb()
            async with server.http.get(f"{server.url}/api/library") as response:
                tracks = (await response.json())["tracks"]
        assert tracks == FILES, f"{tracks} tracks instead of {FILES}"
        return [
            Figure("startup", f"start to ready, {FILES} files scanned", server.ready_seconds, "s", at_most=3),
            Figure("memory", "all processes, proportional set size", memory, "MB", at_most=350),
        ]


def make_large_library(music: Path, data: Path) -> None:
    """Copy one piece of music 1,000 times, and record each copy as a scanned track with an id of its own."""
    music.mkdir()
    data.mkdir()
    original = write(DEMO[0], music, bars=8)
    examined = probe(original)
    assert isinstance(examined, Track)
    catalogue = Catalogue.open(data / "catalogue.sqlite")
    for number in range(FILES):
        path = music / f"{number // 20:02d}" / f"{number:04d}.opus"
        path.parent.mkdir(exist_ok=True)
        shutil.copyfile(original, path)
        track = examined.model_copy(update={"id": f"{number:016x}", "path": path, "title": f"Number {number}"})
        state = path.stat()
        catalogue.record(path, state.st_size, state.st_mtime_ns, track)
    original.unlink()
    catalogue.close()
