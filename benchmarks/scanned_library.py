"""A scanned and analysed music library: a folder's, or the demo library."""

import contextlib
import os
import tempfile
from collections.abc import AsyncIterator
from functools import lru_cache
from pathlib import Path

from rich.console import Console

from rtc_drift.cli.scanning import Reader, progress_of_files
from rtc_drift.library.analysed import Analysed
from rtc_drift.library.catalogue import Catalogue
from rtc_drift.rendering import MemoryLibrary
from rtc_drift.workers.pool import Workers

MUSIC_VARIABLE = "RTC_DRIFT_BENCH_MUSIC"
"""Name of the environment variable with a music folder to use in place of the demo library."""


@contextlib.asynccontextmanager
async def scanned_library(music: Path | None = None, data_dir: Path | None = None) -> AsyncIterator[MemoryLibrary]:
    """Scan and analyse the folder `music`, and yield its library.

    Without `music` it is the folder that `MUSIC_VARIABLE` names, or the demo library, which is made. `data_dir` keeps
    the catalogue for the next time; without it nothing is kept.
    """
    with tempfile.TemporaryDirectory(prefix="rtc-drift-bench-") as temporary:
        data_dir = data_dir or Path(temporary)
        data_dir.mkdir(parents=True, exist_ok=True)
        variable = os.environ.get(MUSIC_VARIABLE)
        music = music or (Path(variable) if variable else None)
        with contextlib.closing(Catalogue.open(data_dir / "catalogue.sqlite")) as catalogue:
            folder = music.absolute() if music is not None else data_dir / "demo"
            async with Workers(os.cpu_count() or 1, reads=[folder]) as workers:
                with progress_of_files(Console(stderr=True)) as progress:
                    async with Reader(catalogue, workers, progress) as reader:
                        if music is None:
                            await reader.make_demo(folder)
                        await reader.scan(folder)
                        await reader.analyse([folder])
            analysed, _ = catalogue.analysed()
            whole_analysis = lru_cache(64)(catalogue.analysis)
            yield MemoryLibrary(catalogue.tracks([folder]), Analysed(analysed), whole_analysis=whole_analysis)
