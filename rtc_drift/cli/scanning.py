"""Fills the catalogue with progress bars, for `scan` and `render`."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rtc_drift import demo
from rtc_drift.analysis.model import Analysis
from rtc_drift.library import jobs
from rtc_drift.library import scan as scanning
from rtc_drift.library.catalogue import Catalogue
from rtc_drift.library.resources import Resources
from rtc_drift.library.track import Track, Unplayable, legible
from rtc_drift.library.unanalysed import FolderAnalysis
from rtc_drift.workers.pool import Workers

PACE_SECONDS = 300.0
"""Time over which the pace is measured by which the time left is estimated: files take from one second to minutes."""


class Reader:
    """Probes and analyses music into a catalogue. What is in the catalogue already is not done again.

    Used as an asynchronous context manager, which lets its threads end.
    """

    def __init__(self, catalogue: Catalogue, workers: Workers, progress: Progress) -> None:
        self._resources = Resources(catalogue, workers)
        self._progress = progress

    async def make_demo(self, folder: Path) -> None:
        """Synthesise the missing files of the demo library. Raises WorkerError."""
        missing = await self._resources.files.run(folder, demo.missing, folder)
        if not missing:
            return
        task = self._progress.add_task("demo library", total=len(missing))
        waiting, workers = iter(missing), self._resources.workers

        async def work() -> None:
            for spec in waiting:
                await jobs.write_demo(workers, spec.number, folder)
                self._progress.advance(task)

        await workers.run_concurrently(work, "demo", max_tasks=len(missing))

    async def scan(self, folder: Path) -> scanning.ScanSummary:
        """Probe the new files of a folder. Raises RootError, CatalogueError and WorkerError."""
        task = self._progress.add_task(legible(folder), total=None)

        def show(step: scanning.ScanProgress) -> None:
            self._progress.update(task, completed=step.done, total=step.total)
            if isinstance(step.result, Unplayable):
                self._print(step.result)

        return await scanning.scan(folder, self._resources, on_result=show)

    async def analyse(self, folders: Sequence[Path]) -> int:
        """Analyse the new tracks of folders. Return their number.

        Each analysis is written to the catalogue at once. Raises RootError, CatalogueError and WorkerError.
        """
        analysis = FolderAnalysis(folders, self._resources)
        total, missing = await analysis.count()
        task = self._progress.add_task("analysing", total=total, completed=total - missing)

        def show(track: Track, result: Analysis | Unplayable) -> None:
            self._progress.advance(task)
            if isinstance(result, Unplayable):
                self._print(result)

        return await analysis.run(show)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close_threads()
        await self._resources.storage.close()

    def _print(self, it: Unplayable) -> None:
        self._progress.console.print(f"{legible(it.path)}: {it.reason}", markup=False, soft_wrap=True)


def progress_of_files(console: Console) -> Progress:
    """Return progress bars that count files and show the time left, by the pace of the last minutes."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, speed_estimate_period=PACE_SECONDS)
