"""`rtc-drift scan DIR`: probes and analyses a music folder ahead of time."""

import os
import sys
from pathlib import Path

from rich.console import Console

from rtc_drift.cli.scanning import Reader, progress_of_files
from rtc_drift.config import make_data_dir
from rtc_drift.library import scan as scanning
from rtc_drift.library.catalogue import Catalogue, CatalogueError
from rtc_drift.workers.pool import WorkerError, Workers


async def scan(folder: Path, data_dir: Path) -> int:
    """Probe new files, then analyse new tracks, with progress bars. Returns the exit code."""
    console = Console(stderr=True)
    make_data_dir(data_dir)
    try:
        catalogue = Catalogue.open(data_dir / "catalogue.sqlite")
    except CatalogueError as error:
        print(f"rtc-drift: {error}", file=sys.stderr)
        return 1
    try:
        root = folder.expanduser().absolute()
        async with Workers(os.cpu_count() or 1, reads=[root]) as workers:
            with progress_of_files(console) as progress:
                async with Reader(catalogue, workers, progress) as reader:
                    summary = await reader.scan(root)
                    analysed = await reader.analyse([root])
    except scanning.RootError as error:
        print(f"rtc-drift: {error}", file=sys.stderr)
        return 2
    except (CatalogueError, WorkerError) as error:
        print(f"rtc-drift: {error}", file=sys.stderr)
        return 1
    finally:
        catalogue.close()
    console.print(
        f"{summary.found} files: {summary.added} tracks added, {summary.unplayable} not playable, "
        f"{summary.removed} removed, {summary.found - summary.probed} unchanged. {analysed} tracks analysed."
    )
    return 0
