"""Search as people type: off the event loop, in an index that follows the library."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from rtc_drift.library.text_index import Found, TextIndex
from rtc_drift.library.track_texts import TrackTexts
from rtc_drift.workers.threads import Threads

logger = logging.getLogger(__name__)

MAX_WAITING = 32
"""Searches at once, that which is being carried out included."""
PAUSE_FACTOR = 9
"""Pause after the index was built, as a multiple of the time that took: building takes a tenth of the time at most."""
SMALL = 1_000
"""Tracks up to which an index is built within milliseconds: the search always waits for it, without a pause."""
MAX_AGE_SECONDS = 60.0
"""Age from which an index with changes since is waited for, instead of answering from it."""
_BREATH_SECONDS = 50e-6
"""Pause between slices of building: enough for another thread to take the interpreter's lock."""


class SearchBusyError(Exception):
    """Too many searches wait already."""


@dataclass(frozen=True, slots=True)
class _Built:
    """An index, the number of changes that it knows, and the time at which it was complete."""

    index: TextIndex
    changes: int
    at: float


class Search:
    """The search of a library, in two threads of its own: one searches, one builds the index after changes."""

    def __init__(
        self,
        texts: Callable[[], TrackTexts],
        changes: Callable[[], int],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make a search, which builds its index when it is first used, or by `prepare`.

        Args:
            texts: Returns the texts of the tracks there are, at once: the event loop calls it.
            changes: Returns a number that grows with each change of the tracks.
            clock: A monotonic clock in seconds.
        """
        self._texts = texts
        self._changes = changes
        self._clock = clock
        self._threads = Threads("search", 1)
        self._builder = Threads("search index", 1)
        self._built: _Built | None = None
        self._building: asyncio.Task[TextIndex] | None = None
        self._rests_until = -float("inf")
        """Time before which a large index is not built again."""
        self._waiting = 0

    async def find(self, query: str, *, limit: int, loved: Collection[str] = (), played: Collection[str] = ()) -> Found:
        """Return the best tracks with every word of the query in title, artist or album (`TextIndex.find`).

        While a large index is being built, the previous one answers. Raises SearchBusyError. The collections must not
        change meanwhile. A search that is cancelled before its turn costs nothing.
        """
        if self._waiting >= MAX_WAITING:
            raise SearchBusyError
        self._waiting += 1
        try:
            index = await self._index()
            return await self._threads.run(index.find, query, limit, loved, played)
        finally:
            self._waiting -= 1

    def prepare(self) -> None:
        """Have the index built before somebody searches."""
        self._build()

    async def close(self) -> None:
        """End building, and the threads. Idempotent."""
        if self._building is not None:
            self._building.cancel()
            await asyncio.gather(self._building, return_exceptions=True)
        self._threads.close()
        self._builder.close()

    async def _index(self) -> TextIndex:
        """Return the index, after the latest changes where that can be waited for."""
        built = self._built
        if built is None:
            return await asyncio.shield(self._build())
        if built.changes == self._changes():
            return built.index
        if len(built.index) <= SMALL:
            return await self._latest(self._changes()) or built.index
        if self._clock() >= self._rests_until:
            building = self._build()
            if self._clock() - built.at >= MAX_AGE_SECONDS:
                await asyncio.wait((building,))
        return (self._built or built).index

    async def _latest(self, changes: int) -> TextIndex | None:
        """Wait until all of these changes are in the index, if it can be built: a build on its way lacks the latest."""
        for _ in range(2):
            if self._built is None or self._built.changes < changes:
                await asyncio.wait((self._build(),))
        return None if self._built is None else self._built.index

    def _build(self) -> asyncio.Task[TextIndex]:
        """Return the task that builds the index, a new one if none is running."""
        if self._building is None or self._building.done():
            self._building = asyncio.create_task(self._build_now(), name="building the search index")
            self._building.add_done_callback(_log_failure)
        return self._building

    async def _build_now(self) -> TextIndex:
        began, changes = self._clock(), self._changes()
        try:
            index = await self._builder.run(TextIndex.of, self._texts(), _breathe)
            self._built = _Built(index, changes, self._clock())
            return index
        finally:
            now = self._clock()
            self._rests_until = now + PAUSE_FACTOR * (now - began)


def _breathe() -> None:
    time.sleep(_BREATH_SECONDS)


def _log_failure(building: asyncio.Task[TextIndex]) -> None:
    if not building.cancelled() and (error := building.exception()) is not None:
        logger.error("The search index can't be built; the previous one stays in use", exc_info=error)
