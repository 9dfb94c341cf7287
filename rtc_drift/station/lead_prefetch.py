"""Has the stretched ends that a programme could use rendered ahead, and hands them over when they are there."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from rtc_drift.station.autodj import AutoDj
from rtc_drift.station.planner import PendingLead
from rtc_drift.station.sources import LeadSource
from rtc_drift.station.stretched_ends import stretched_ends


class LeadPrefetch:
    """Prefetches for one station. A stretched intro that is given up, or comes too late, costs only the work."""

    def __init__(self, autodj: AutoDj, leads: LeadSource, on_better_plan: Callable[[], None]) -> None:
        """Prefetch from `leads`; `on_better_plan` is called when the DJ has taken a stretched intro."""
        self._autodj = autodj
        self._leads = leads
        self._on_better_plan = on_better_plan
        self._pending: PendingLead | None = None
        self._task: asyncio.Task[None] | None = None
        self._files = set[Path]()

    def keep_up(self) -> None:
        """Begin with what is pending now, and release what is no longer played."""
        pending = self._autodj.pending_lead
        if pending is not self._pending:
            self._pending = pending
            if self._task is not None:
                self._task.cancel()
            self._task = asyncio.create_task(self._fetch(pending), name="lead prefetch") if pending else None
        self._release_unused()

    async def caught_up(self) -> None:
        """Wait for the pending render. Offline only. Raises what the lead source raised."""
        if self._task is not None:
            await self._task

    async def close(self) -> None:
        """Give up what is being rendered, and release all files. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for path in self._files:
            self._leads.release(path)
        self._files.clear()

    def _release_unused(self) -> None:
        if self._files:
            plays = (entry.play for entry in self._autodj.programme.entries)
            ends = ((play.lead, play.lead_out) for play in plays)
            needed = {Path(it.path) for both in ends for it in both if it is not None}
            for path in self._files - needed:
                self._leads.release(path)
            self._files &= needed

    async def _fetch(self, pending: PendingLead) -> None:
        ends = await stretched_ends(self._leads, pending.outgoing, pending.choice.track, pending.transition)
        if ends is None:
            return
        self._files.update(ends.files)
        if self._autodj.lead_ready(pending, ends):
            self._on_better_plan()
        else:
            self._release_unused()
