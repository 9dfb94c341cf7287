"""Keeps the latest map of the library, which all clients share. A thread computes it when somebody asks for it."""

import asyncio
import zlib

from rtc_drift.selection.feature_space import FeatureSpace, SpaceSource
from rtc_drift.selection.library_map import GZIP, MapDocument, document_of
from rtc_drift.workers.threads import Threads


class MapKeeper:
    """The latest map. Those who ask at the same time share the work."""

    def __init__(self, spaces: SpaceSource, exploring: Threads) -> None:
        """Make it without a map; it computes in the threads for `exploring`."""
        self._spaces = spaces
        self._exploring = exploring
        self._latest: tuple[FeatureSpace, MapDocument] | None = None
        self._computing = asyncio.Lock()

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
