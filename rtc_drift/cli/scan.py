"""`rtc-drift scan DIR`: read a music folder ahead of time."""

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
    """Examine what is new, then listen to it, with progress bars; gives the exit code."""
    console = Console(stderr=True)
    make_data_dir(data_dir)
    try:
        catalogue = Catalogue.open(data_dir / "catalogue.sqlite")
    except CatalogueError as error:
        print(f"rtc-drift: {error}", file=sys.stderr)
        return 1
    try:
        async with Workers(os.cpu_count() or 1) as workers:
            with progress_of_files(console) as progress:
                reader, root = Reader(catalogue, workers, progress), folder.expanduser().absolute()
                summary = await reader.scan(root)
                _, heard = await reader.listen([root])
    except scanning.RootError as error:
        print(f"rtc-drift: {error}", file=sys.stderr)
        return 2
    except (CatalogueError, WorkerError) as error:
        print(f"rtc-drift: {error}", file=sys.stderr)
        return 1
    finally:
        catalogue.close()
    console.print(
        f"{summary.found} files: {summary.added} tracks added, {summary.unplayable} can't be played, "
        f"{summary.removed} gone, {summary.found - summary.examined} unchanged. {heard} tracks were listened to."
    )
    return 0
