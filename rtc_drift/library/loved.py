"""Which tracks are loved: one household, one set."""

import asyncio
from collections.abc import Iterator

from rtc_drift.library.catalogue import Catalogue


class LovedTracks:
    """Ids of loved tracks, as in the catalogue. They outlive the files: a file that comes back is loved again."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._track_ids = set[str]()

    async def load(self) -> None:
        """Read them. Raises CatalogueError."""
        self._track_ids |= await asyncio.to_thread(self._catalogue.loved)

    async def set(self, track_id: str, value: bool) -> None:
        """A track is loved, or is not any more. Raises CatalogueError when that can't be stored."""
        await asyncio.to_thread(self._catalogue.love, track_id, value)
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
