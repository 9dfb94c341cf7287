"""Has what a programme wishes for rendered ahead, and hands it over when it is there."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from rtc_drift.station.autodj import Conductor
from rtc_drift.station.planner import Wish
from rtc_drift.stretching.warp import Warp


class Preparing(Protocol):
    """Who renders, for all programmes."""

    async def prepare(self, path: Path, warp: Warp) -> Path | None: ...
    def release(self, path: Path) -> None: ...


class Rehearsal:
    """Of one programme. A wish that is given up, or comes true too late, costs nothing but the work."""

    def __init__(self, conductor: Conductor, preparing: Preparing, fulfilled: Callable[[], None]) -> None:
        """`fulfilled` is called when a plan has become better."""
        self._conductor = conductor
        self._preparing = preparing
        self._fulfilled = fulfilled
        self._wish: Wish | None = None
        self._task: asyncio.Task[None] | None = None
        self._files = set[Path]()

    def keep_up(self) -> None:
        """Begin with what is wished for now, and let go of what is heard no more."""
        wish = self._conductor.wish
        if wish is not self._wish:
            self._wish = wish
            if self._task is not None:
                self._task.cancel()
            self._task = asyncio.create_task(self._prepare(wish), name="rehearsal") if wish is not None else None
        self._let_go()

    async def caught_up(self) -> None:
        """Until what is wished for is there, or can't be had: for who has the time. Raises what preparing raised."""
        if self._task is not None:
            await self._task

    async def close(self) -> None:
        """Give up what is being rendered, and let all files go. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for path in self._files:
            self._preparing.release(path)
        self._files.clear()

    def _let_go(self) -> None:
        if self._files:
            plays = (entry.play for entry in self._conductor.programme.entries)
            needed = {Path(play.lead.path) for play in plays if play.lead is not None}
            for path in self._files - needed:
                self._preparing.release(path)
            self._files &= needed

    async def _prepare(self, wish: Wish) -> None:
        path = await self._preparing.prepare(wish.choice.track.path, wish.warp)
        if path is None:
            return
        self._files.add(path)
        if self._conductor.fulfil(wish, str(path)):
            self._fulfilled()
        else:
            self._let_go()
