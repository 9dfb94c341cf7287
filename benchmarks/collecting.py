"""Music to mix: a folder, or the demo library, scanned and listened to."""

import contextlib
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from rich.console import Console

from rtc_drift.cli.scanning import Reader, progress_of_files
from rtc_drift.library.catalogue import Catalogue
from rtc_drift.rendering import MemoryLibrary
from rtc_drift.workers.pool import Workers

MUSIC = "RTC_DRIFT_BENCH_MUSIC"
"""The environment variable that names a folder to take in place of the demo library."""


@contextlib.asynccontextmanager
async def collected(music: Path | None = None, data_dir: Path | None = None) -> AsyncIterator[MemoryLibrary]:
    """All of a folder. Without one it is the demo library, which is made; without `data_dir` nothing is kept."""
    with tempfile.TemporaryDirectory(prefix="rtc-drift-bench-") as temporary:
        data_dir = data_dir or Path(temporary)
        data_dir.mkdir(parents=True, exist_ok=True)
        named = os.environ.get(MUSIC)
        music = music or (Path(named) if named else None)
        with contextlib.closing(Catalogue.open(data_dir / "catalogue.sqlite")) as catalogue:
            async with Workers(os.cpu_count() or 1) as workers:
                with progress_of_files(Console(stderr=True)) as progress:
                    reader = Reader(catalogue, workers, progress)
                    folder = music.absolute() if music is not None else data_dir / "demo"
                    if music is None:
                        await reader.make_demo(folder)
                    await reader.scan(folder)
                    hearing, _ = await reader.listen([folder])
            yield MemoryLibrary(catalogue.tracks([folder]), hearing.known, whole_analysis=hearing.of)
