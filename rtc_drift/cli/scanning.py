"""Reads music ahead, with progress bars: what `scan` is about, and `render` begins with."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rtc_drift import demo
from rtc_drift.analysis.model import Analysis
from rtc_drift.library import jobs
from rtc_drift.library import scan as scanning
from rtc_drift.library.analyses import Analyses
from rtc_drift.library.catalogue import Catalogue
from rtc_drift.library.track import Track, Unplayable, legible
from rtc_drift.workers.pool import Workers


class Reader:
    """Fills a catalogue. What is in it already is not done again."""

    def __init__(self, catalogue: Catalogue, workers: Workers, progress: Progress) -> None:
        self._catalogue = catalogue
        self._workers = workers
        self._progress = progress

    async def make_demo(self, folder: Path) -> None:
        """Make what is missing of the demo library. Raises WorkerError."""
        missing = await asyncio.to_thread(demo.missing, folder)
        if not missing:
            return
        task = self._progress.add_task("demo library", total=len(missing))
        waiting = iter(missing)

        async def work() -> None:
            for spec in waiting:
                await jobs.write_demo(self._workers, spec.number, folder)
                self._progress.advance(task)

        await self._workers.side_by_side(work, "demo", most=len(missing))

    async def scan(self, folder: Path) -> scanning.ScanSummary:
        """Examine what is new in a folder. Raises RootError, CatalogueError and WorkerError."""
        task = self._progress.add_task(legible(folder), total=None)

        def show(seen: scanning.ScanProgress) -> None:
            self._progress.update(task, completed=seen.done, total=seen.total)
            if isinstance(seen.result, Unplayable):
                self._tell(seen.result)

        return await scanning.scan(folder, self._catalogue, self._workers, on_result=show)

    async def listen(self, folders: Sequence[Path]) -> tuple[Analyses, int]:
        """Listen to what is in the folders; gives how it sounds, and how many tracks were new.

        What they are like is in the catalogue at once, each by itself. Raises CatalogueError and WorkerError.
        """
        tracks = await asyncio.to_thread(self._catalogue.tracks, folders)
        hearing = Analyses(self._catalogue, self._workers, lambda: tracks)
        await hearing.load()
        known = hearing.done(tracks)
        task = self._progress.add_task("listening", total=len(tracks), completed=known)

        def show(track: Track, result: Analysis | Unplayable) -> None:
            self._progress.advance(task)
            if isinstance(result, Unplayable):
                self._tell(result)

        await hearing.listen(show)
        return hearing, hearing.done(tracks) - known

    def _tell(self, it: Unplayable) -> None:
        self._progress.console.print(f"{legible(it.path)}: {it.reason}", markup=False, soft_wrap=True)


def progress_of_files(console: Console) -> Progress:
    """Bars that count files."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console)
