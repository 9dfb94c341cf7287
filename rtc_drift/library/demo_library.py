"""The demo library as tracks: written, probed and repaired when there is no music."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from rtc_drift import demo
from rtc_drift.library import jobs
from rtc_drift.library.background_tasks import BackgroundTasks
from rtc_drift.library.resources import Resources
from rtc_drift.library.scan import ScanProgress, probe_changed, record_track
from rtc_drift.library.survey import survey
from rtc_drift.library.track import Track
from rtc_drift.library.track_table import TrackTable


class DemoLibrary:
    """The demo tracks that exist so far, by id. The owner closes resources and background tasks."""

    def __init__(
        self,
        resources: Resources,
        background: BackgroundTasks,
        folder: Path,
        *,
        is_excluded: Callable[[str], bool],
        on_change: Callable[[], None],
    ) -> None:
        """Create an empty library; `make` fills it.

        `make` doesn't load tracks whose id `is_excluded`; `on_change` is called whenever `tracks` changes.
        """
        self.tracks = TrackTable()
        self.folder = folder
        self._resources = resources
        self._background = background
        self._is_excluded = is_excluded
        self._on_change = on_change

    async def make(self) -> None:
        """Load the existing tracks, and write those that are missing or broken."""
        await self._guard(self._load())
        await self._guard(self._write_missing())

    async def _write_missing(self) -> None:
        for spec in await self._resources.files.run(self.folder, demo.missing, self.folder):
            await self._guard(self._write(spec.number))

    async def replace(self, broken: set[Path]) -> None:
        """Write broken audio files, and their ground truths, again."""
        for spec in demo.DEMO:
            path = self.folder / spec.filename
            if path in broken:
                for file in (path, path.with_suffix(".json")):
                    await self._resources.files.run(self.folder, file.unlink, missing_ok=True)
                await self._guard(self._write(spec.number))

    async def _load(self) -> None:
        await self._resources.files.run(self.folder, self.folder.mkdir, parents=True, exist_ok=True)
        surveyed = await survey(self.folder, self._resources, may_be_empty=True)
        changed = {file.path for file in surveyed.changed}
        catalogue, storage = self._resources.catalogue, self._resources.storage
        recorded = await storage.run(catalogue.tracks, [self.folder])
        kept = (it for it in recorded.values() if it.path not in changed and not self._is_excluded(it.id))
        self.tracks = TrackTable(kept)
        self._on_change()
        await probe_changed(surveyed, self._resources, on_result=self._add_result)
        broken = await storage.run(catalogue.unplayable, [self.folder])
        await self.replace({file.path for file in broken})

    def _add_result(self, progress: ScanProgress) -> None:
        if isinstance(progress.result, Track):
            self.tracks.add(progress.result)
            self._on_change()

    async def _write(self, number: int) -> None:
        is_first = not self.tracks
        path = await jobs.write_demo(self._resources.workers, number, self.folder, urgent=is_first)
        result = await jobs.probe(self._resources.workers, path, urgent=is_first)
        if not isinstance(result, Track):
            self._background.record_failure(f"A demo track can't be played: {result.reason}")
            return
        self.tracks.add(result)
        self._on_change()
        await record_track(self.folder, result, self._resources)

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        await self._background.guard(self._record_write_errors(work))

    async def _record_write_errors(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except OSError as error:
            self._background.record_failure(
                f"The demo library can't be written: {(error.strerror or 'unknown error').lower()}."
            )
