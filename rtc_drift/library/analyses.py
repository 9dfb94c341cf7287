"""The analyses of all tracks. Tracks without one are analysed in the background."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from rtc_drift.analysis.model import CURVES, Analysis
from rtc_drift.library import jobs
from rtc_drift.library.catalogue import Catalogue, CatalogueError
from rtc_drift.library.track import Track, Unplayable, legible
from rtc_drift.workers.pool import Workers

logger = logging.getLogger(__name__)

_MAX_RECENT = 64
"""Most analyses with beats and curves in memory; each takes about 100 kB."""


class Analyses:
    """Analyses of tracks by id. A content is analysed once, even if its file moves or the analysis fails.

    Beats and curves stay in the catalogue; `get` and `read` load them. The owner closes catalogue and workers.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        workers: Workers,
        tracks: Callable[[], Sequence[Track]],
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        """Create an empty set of analyses; `load` and `run` fill it.

        `tracks` returns the tracks to analyse, the most urgent first; `on_change` is called after each new analysis.
        """
        self._catalogue = catalogue
        self._workers = workers
        self._tracks = tracks
        self._on_change = on_change
        self._analyses: dict[str, Analysis] = {}
        self._recent: dict[str, Analysis] = {}
        """Analyses with beats and curves that were asked for last, the oldest first."""
        self._failed = set[str]()
        """Tracks that can't be analysed; they are not tried again."""
        self._skipped = set[str]()
        """Tracks whose analysis failed for a temporary reason; the next start tries them again."""
        self._logged_reasons = set[str]()
        self._busy = set[str]()
        self._wakeup = asyncio.Event()

    @property
    def known(self) -> Mapping[str, Analysis]:
        """Analyses by track id, without beats and curves: a read-only view that grows."""
        return MappingProxyType(self._analyses)

    def count_done(self, tracks: Sequence[Track]) -> int:
        """Count the tracks that are analysed or can't be."""
        return sum(track.id in self._analyses or track.id in self._failed for track in tracks)

    def get(self, track_id: str) -> Analysis | None:
        """Return the analysis of a track with beats and curves; None if there is none or it can't be read.

        Synchronous: it is in memory, or reading it takes about a millisecond.
        """
        analysis = self._recent.pop(track_id, None)
        if analysis is None and track_id in self._analyses:
            try:
                analysis = self._catalogue.analysis(track_id)
            except CatalogueError:
                logger.exception("The analysis of %s can't be read", track_id)
        if analysis is not None:
            self._recent[track_id] = analysis
            if len(self._recent) > _MAX_RECENT:
                self._recent.pop(next(iter(self._recent)))
        return analysis

    async def read(self, track_id: str) -> Analysis | None:
        """Read the analysis of a track with beats and curves from the catalogue. Raises CatalogueError."""
        return await asyncio.to_thread(self._catalogue.analysis, track_id)

    async def load(self) -> None:
        """Load the analyses of earlier runs, without beats and curves. Raises CatalogueError."""
        self._analyses, self._failed = await asyncio.to_thread(self._catalogue.analyses)

    def wake(self) -> None:
        """Let `run` look for tracks that are not analysed yet."""
        self._wakeup.set()

    async def run(self) -> None:
        """Analyse all tracks, and more when they come. Never returns. Raises CatalogueError and WorkerError."""
        while True:
            self._wakeup.clear()
            await self.analyse_all()
            await self._wakeup.wait()

    async def analyse_all(self, on_done: Callable[[Track, Analysis | Unplayable], None] = lambda *_: None) -> None:
        """Analyse all tracks, one in each worker at a time. Raises CatalogueError and WorkerError."""

        async def work() -> None:
            while (track := self._next()) is not None:
                self._busy.add(track.id)
                try:
                    on_done(track, await self._analyse(track))
                finally:
                    self._busy.discard(track.id)

        await self._workers.run_concurrently(work, "analyse")

    def _next(self) -> Track | None:
        excluded = (self._analyses, self._failed, self._skipped, self._busy)
        return next((track for track in self._tracks() if not any(track.id in ids for ids in excluded)), None)

    async def _analyse(self, track: Track) -> Analysis | Unplayable:
        result = await jobs.analyse(self._workers, track)
        if isinstance(result, Analysis):
            self._analyses[track.id] = result.model_copy(update=dict.fromkeys(CURVES, ()))
            await asyncio.to_thread(self._catalogue.record_analysis, track.id, result)
            self._on_change()
            return result
        if result.reason not in self._logged_reasons:
            self._logged_reasons.add(result.reason)
            logger.warning("%s can't be analysed: %s", legible(track.path), result.reason)
        if result.temporary:
            self._skipped.add(track.id)
        else:
            self._failed.add(track.id)
            await asyncio.to_thread(self._catalogue.record_analysis, track.id, None)
        return result
