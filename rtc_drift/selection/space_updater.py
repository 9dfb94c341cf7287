"""The library as the navigator sees it: one space for all sessions, drawn anew when tracks come, go or were heard."""

import asyncio
import logging
from collections.abc import Callable

from rtc_drift.library.library import Library
from rtc_drift.selection.feature_space import EMPTY, FeatureSpace, space_of

logger = logging.getLogger(__name__)

GATHER_SECONDS = 0.5
"""Changes that follow each other this closely are drawn together."""
SHARE_OF_TIME = 10
"""Drawing a large library takes seconds: so many times as long passes before it is drawn again."""


class SpaceUpdater:
    """Owns the task `drawing the library`, and the latest space."""

    def __init__(self, library: Library) -> None:
        """`drawn` is told whenever the space is another."""
        self.space: FeatureSpace = EMPTY
        self._library = library
        self.on_change: Callable[[], None] = lambda: None
        """Called whenever the space is another."""
        self._stale = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to draw."""
        self._task = asyncio.create_task(self._draw(), name="drawing the library")

    async def close(self) -> None:
        """Idempotent."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def changed(self) -> None:
        """The library is another."""
        self._stale.set()

    async def _draw(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._stale.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._stale.clear()
            tracks, analyses = tuple(self._library.playable()), dict(self._library.analyses.known)
            began = loop.time()
            try:
                if any(track.id in analyses for track in tracks):
                    self.space = await asyncio.to_thread(space_of, tracks, analyses)
                    self.on_change()
            except Exception:
                logger.exception("The library can't be drawn; the drift goes on by what was known")
            await asyncio.sleep(SHARE_OF_TIME * (loop.time() - began))
