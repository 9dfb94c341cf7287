"""`rtc-drift scan DIR`: read a music folder ahead of time."""

import asyncio
import os
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rtc_drift.config import make_data_dir
from rtc_drift.library import scan as scanning
from rtc_drift.library.analysis.model import Analysis
from rtc_drift.library.catalogue import Catalogue, CatalogueError
from rtc_drift.library.hearing import Hearing
from rtc_drift.library.track import Track, Unplayable
from rtc_drift.library.workers import WorkerError, Workers


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
            with _progress(console) as progress:
                task = progress.add_task(str(folder), total=None)

                def show(seen: scanning.ScanProgress) -> None:
                    progress.update(task, completed=seen.done, total=seen.total)
                    if isinstance(seen.result, Unplayable):
                        progress.console.print(
                            f"{scanning.legible(seen.result.path)}: {seen.result.reason}", markup=False
                        )

                root = folder.expanduser().absolute()
                summary = await scanning.scan(root, catalogue, workers, on_result=show)
                heard = await _listen(root, catalogue, workers, progress)
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


async def _listen(root: Path, catalogue: Catalogue, workers: Workers, progress: Progress) -> int:
    """Gives how many tracks were listened to. What they are like is in the catalogue at once, each by itself."""
    tracks = await asyncio.to_thread(catalogue.tracks, [root])
    hearing = Hearing(catalogue, workers, lambda: tracks)
    await hearing.load()
    known = hearing.done(tracks)
    task = progress.add_task("listening", total=len(tracks), completed=known)

    def show(track: Track, heard: Analysis | Unplayable) -> None:
        progress.advance(task)
        if isinstance(heard, Unplayable):
            progress.console.print(f"{scanning.legible(track.path)}: {heard.reason}", markup=False)

    await hearing.listen(show)
    return hearing.done(tracks) - known


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console)
