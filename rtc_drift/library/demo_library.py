"""The demo library as tracks: made, examined and repaired when there is no music."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from rtc_drift import demo
from rtc_drift.library import jobs
from rtc_drift.library.background_tasks import BackgroundTasks
from rtc_drift.library.catalogue import Catalogue
from rtc_drift.library.scan import ScanProgress, examine_changed, remember, survey
from rtc_drift.library.track import Track
from rtc_drift.workers.pool import Workers


class DemoLibrary:
    """The demo tracks there are so far, by id. It tells when they `changed`, and borrows everything else."""

    def __init__(
        self,
        catalogue: Catalogue,
        workers: Workers,
        background: BackgroundTasks,
        folder: Path,
        *,
        left_out: Callable[[str], bool],
        changed: Callable[[], None],
    ) -> None:
        self.tracks: dict[str, Track] = {}
        self.folder = folder
        self._catalogue = catalogue
        self._workers = workers
        self._background = background
        self._left_out = left_out
        self._changed = changed

    async def make(self) -> None:
        """Load what there is, and make what is missing or broken."""
        await self._guard(self._load())
        for spec in await asyncio.to_thread(demo.missing, self.folder):
            await self._guard(self._add(spec.number))

    async def make_anew(self, broken: set[Path]) -> None:
        """Replace files, each of which has its ground truth beside it."""
        for spec in demo.DEMO:
            path = self.folder / spec.filename
            if path in broken:
                for file in (path, path.with_suffix(".json")):
                    await asyncio.to_thread(file.unlink, missing_ok=True)
                await self._guard(self._add(spec.number))

    async def _load(self) -> None:
        await asyncio.to_thread(self.folder.mkdir, parents=True, exist_ok=True)
        surveyed = await survey(self.folder, self._catalogue, may_be_empty=True)
        changed = {file.path for file in surveyed.changed}
        known = await asyncio.to_thread(self._catalogue.tracks, [self.folder])
        self.tracks = {it.id: it for it in known if it.path not in changed and not self._left_out(it.id)}
        self._changed()
        await examine_changed(surveyed, self._catalogue, self._workers, on_result=self._take)
        broken = await asyncio.to_thread(self._catalogue.unplayable, [self.folder])
        await self.make_anew({file.path for file in broken})

    def _take(self, progress: ScanProgress) -> None:
        if isinstance(progress.result, Track):
            self.tracks[progress.result.id] = progress.result
            self._changed()

    async def _add(self, number: int) -> None:
        path = await jobs.write_demo(self._workers, number, self.folder, urgent=not self.tracks)
        result = await jobs.probe(self._workers, path)
        if not isinstance(result, Track):
            self._background.failed(f"A demo track can't be played: {result.reason}")
            return
        self.tracks[result.id] = result
        self._changed()
        await remember(self._catalogue, result)

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        await self._background.guard(self._told(work))

    async def _told(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except OSError as error:
            self._background.failed(
                f"The demo library can't be written: {(error.strerror or 'unknown error').lower()}."
            )
