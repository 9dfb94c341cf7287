"""The loved tracks: one set for all sessions."""

from collections.abc import Iterator

from rtc_drift.library.resources import Resources


class LovedTracks:
    """The ids of the loved tracks, as in the catalogue. An id stays when its file is gone, in case it comes back."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._track_ids = set[str]()

    async def load(self) -> None:
        """Load the ids from the catalogue. Raises CatalogueError."""
        self._track_ids |= await self._resources.storage.run(self._resources.catalogue.loved)

    async def set(self, track_id: str, value: bool) -> None:
        """Record that a track is loved, or that it no longer is. Raises CatalogueError."""
        await self._resources.storage.run_soon(self._resources.catalogue.set_loved, track_id, value)
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
