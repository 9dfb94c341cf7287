"""Keeps the latest map of the library, which all clients share. A thread computes it."""

import asyncio
import logging
import zlib

from rtc_drift.selection.feature_space import FeatureSpace, SpaceSource
from rtc_drift.selection.library_map import GZIP, MapDocument, document_of
from rtc_drift.workers.threads import Threads

logger = logging.getLogger(__name__)


class MapKeeper:
    """The latest map. Those who ask at the same time share the work."""

    def __init__(self, spaces: SpaceSource, exploring: Threads) -> None:
        """Make it without a map; it computes in the threads for `exploring`."""
        self._spaces = spaces
        self._exploring = exploring
        self._latest: tuple[FeatureSpace, MapDocument] | None = None
        self._computing = asyncio.Lock()
        self._preparing: asyncio.Task[MapDocument] | None = None

    def prepare(self) -> None:
        """Have the map of a new space computed, before somebody asks for it."""
        if self._preparing is None or self._preparing.done():
            self._preparing = asyncio.create_task(self.get(), name="preparing the map")
            self._preparing.add_done_callback(_log_failure)

    async def close(self) -> None:
        """End the work on a map. Idempotent."""
        if self._preparing is not None:
            self._preparing.cancel()
            await asyncio.gather(self._preparing, return_exceptions=True)

    async def get(self) -> MapDocument:
        """Return the map of the present space."""
        async with self._computing:
            space = self._spaces.space
            if self._latest is None or self._latest[0] is not space:
                self._latest = space, await self._exploring.run(document_of, space)
            return self._latest[1]

    async def plain(self, document: MapDocument) -> bytes:
        """Return a map without compression."""
        return await self._exploring.run(zlib.decompress, document.gzipped, GZIP)


def _log_failure(task: asyncio.Task[MapDocument]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("The map can't be computed", exc_info=error)
