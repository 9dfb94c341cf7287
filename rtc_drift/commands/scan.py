"""`rtc-drift scan DIR`: read a music folder ahead of time."""

import os
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rtc_drift.library import scan as scanning
from rtc_drift.library.catalogue import Catalogue
from rtc_drift.library.track import Unplayable
from rtc_drift.library.workers import Workers


async def scan(folder: Path, data_dir: Path) -> int:
    """Scan with a progress bar; gives the exit code."""
    console = Console(stderr=True)
    data_dir.mkdir(parents=True, exist_ok=True)
    catalogue = Catalogue.open(data_dir / "catalogue.sqlite")
    try:
        async with Workers(os.cpu_count() or 1) as workers:
            with _progress(console) as progress:
                task = progress.add_task(str(folder), total=None)

                def show(seen: scanning.ScanProgress) -> None:
                    progress.update(task, completed=seen.done, total=seen.total)
                    if isinstance(seen.result, Unplayable):
                        progress.console.print(
                            f"{scanning.legible(seen.result.path)}: {seen.result.reason}", markup=False
                        )

                summary = await scanning.scan(folder.expanduser().absolute(), catalogue, workers, on_result=show)
    except scanning.RootError as error:
        print(f"rtc-drift: {error}", file=sys.stderr)
        return 2
    finally:
        catalogue.close()
    console.print(
        f"{summary.found} files: {summary.added} tracks added, {summary.unplayable} can't be played, "
        f"{summary.removed} gone, {summary.found - summary.examined} unchanged."
    )
    return 0


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console)
