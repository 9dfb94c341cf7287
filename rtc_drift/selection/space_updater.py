"""Keeps the feature space of the library up to date, for all stations: tracks come and go, and are analysed."""

import asyncio
import logging
from collections.abc import Callable

from rtc_drift.library.library import Library
from rtc_drift.selection.feature_space import EMPTY, FeatureSpace, space_of
from rtc_drift.workers.threads import Threads

logger = logging.getLogger(__name__)

GATHER_SECONDS = 0.5
"""Changes within this time lead to one update."""
PAUSE_FACTOR = 10
"""Pause after an update, as a multiple of its duration: for a large library an update takes seconds."""


class SpaceUpdater:
    """Owns the latest feature space, and the task `updating the feature space`."""

    def __init__(self, library: Library, planning: Threads) -> None:
        """Make the updater for a library; it computes in the threads for `planning`."""
        self.space: FeatureSpace = EMPTY
        """The latest feature space."""
        self._library = library
        self._planning = planning
        self.on_change: Callable[[], None] = lambda: None
        """Called after every update."""
        self._stale = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the task."""
        self._task = asyncio.create_task(self._keep_updated(), name="updating the feature space")

    async def close(self) -> None:
        """End the task. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def changed(self) -> None:
        """Request an update: tracks have come or gone, or were analysed."""
        self._stale.set()

    async def _keep_updated(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._stale.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._stale.clear()
            tracks, analysed = self._library.playable().columns(), self._library.analyses.analysed.columns()
            began = loop.time()
            try:
                space = await self._planning.run(space_of, tracks, analysed)
                if space.is_analysed.any():
                    self.space = space
                    self.on_change()
            except Exception:
                logger.exception("The feature space can't be updated; the previous one stays in use")
            await asyncio.sleep(PAUSE_FACTOR * (loop.time() - began))
