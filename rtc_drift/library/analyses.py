"""How the tracks sound, as far as they have been listened to; the others are listened to in the background."""

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

_KEPT = 64
"""Analyses with beats and curves: some 100 kB each."""


class Analyses:
    """Analyses of tracks by id. A content is listened to once, wherever its file is moved to and however it went.

    Beats and curves are left in the catalogue: `whole` brings them. It borrows catalogue and workers.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        workers: Workers,
        tracks: Callable[[], Sequence[Track]],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`tracks` gives those to listen to, the most urgent first; `changed` is told of each that was."""
        self._catalogue = catalogue
        self._workers = workers
        self._tracks = tracks
        self._changed = changed
        self._analyses: dict[str, Analysis] = {}
        self._whole: dict[str, Analysis] = {}
        """The last ones that were asked for, with beats and curves."""
        self._failed = set[str]()
        """Those that could not be analysed: they are not tried again."""
        self._passed = set[str]()
        """Those that could not be read this time, or not by this version."""
        self._told = set[str]()
        """Reasons that were logged."""
        self._busy = set[str]()
        self._more = asyncio.Event()

    @property
    def known(self) -> Mapping[str, Analysis]:
        """By track id, without beats and curves; a view that grows."""
        return MappingProxyType(self._analyses)

    def done(self, tracks: Sequence[Track]) -> int:
        """How many of some tracks need no more listening to."""
        return sum(track.id in self._analyses or track.id in self._failed for track in tracks)

    def of(self, track_id: str) -> Analysis | None:
        """Everything that is known of a track, at once: reading it takes a millisecond, and the last ones are kept."""
        known = self._whole.pop(track_id, None)
        if known is None and track_id in self._analyses:
            try:
                known = self._catalogue.analysis(track_id)
            except CatalogueError:
                logger.exception("How %s sounds can't be read", track_id)
        if known is not None:
            self._whole[track_id] = known
            if len(self._whole) > _KEPT:
                self._whole.pop(next(iter(self._whole)))
        return known

    async def whole(self, track_id: str) -> Analysis | None:
        """Everything that is known of a track. Raises CatalogueError."""
        return await asyncio.to_thread(self._catalogue.analysis, track_id)

    async def load(self) -> None:
        """Take up what was heard before. Raises CatalogueError."""
        self._analyses, self._failed = await asyncio.to_thread(self._catalogue.analyses)

    def wake(self) -> None:
        """There may be tracks that were not listened to yet."""
        self._more.set()

    async def run(self) -> None:
        """For ever: listen to what is there, then wait for more. Raises CatalogueError and WorkerError."""
        while True:
            self._more.clear()
            await self.listen()
            await self._more.wait()

    async def listen(self, on_done: Callable[[Track, Analysis | Unplayable], None] = lambda *_: None) -> None:
        """Until all is heard, as many at a time as there are workers. Raises CatalogueError and WorkerError."""

        async def work() -> None:
            while (track := self._next()) is not None:
                self._busy.add(track.id)
                try:
                    on_done(track, await self._hear(track))
                finally:
                    self._busy.discard(track.id)

        await self._workers.side_by_side(work, "listen")

    def _next(self) -> Track | None:
        known = (self._analyses, self._failed, self._passed, self._busy)
        return next((track for track in self._tracks() if not any(track.id in some for some in known)), None)

    async def _hear(self, track: Track) -> Analysis | Unplayable:
        result = await jobs.analyse(self._workers, track)
        if isinstance(result, Analysis):
            self._analyses[track.id] = result.model_copy(update=dict.fromkeys(CURVES, ()))
            await asyncio.to_thread(self._catalogue.record_analysis, track.id, result)
            self._changed()
            return result
        if result.reason not in self._told:
            self._told.add(result.reason)
            logger.warning("%s can't be listened to: %s", legible(track.path), result.reason)
        if result.passing:
            self._passed.add(track.id)
        else:
            self._failed.add(track.id)
            await asyncio.to_thread(self._catalogue.record_analysis, track.id, None)
        return result
