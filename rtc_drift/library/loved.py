"""The loved tracks: one set for all sessions."""

import asyncio
from collections.abc import Iterator

from rtc_drift.library.catalogue import Catalogue


class LovedTracks:
    """The ids of the loved tracks, as in the catalogue. An id stays when its file is gone, in case it comes back."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._track_ids = set[str]()

    async def load(self) -> None:
        """Load the ids from the catalogue. Raises CatalogueError."""
        self._track_ids |= await asyncio.to_thread(self._catalogue.loved)

    async def set(self, track_id: str, value: bool) -> None:
        """Record that a track is loved, or that it no longer is. Raises CatalogueError."""
        await asyncio.to_thread(self._catalogue.set_loved, track_id, value)
        if value:
            self._track_ids.add(track_id)
        else:
            self._track_ids.discard(track_id)

    def __contains__(self, track_id: object) -> bool:
        return track_id in self._track_ids

    def __iter__(self) -> Iterator[str]:
        return iter(self._track_ids)

    def __len__(self) -> int:
        return len(self._track_ids)
