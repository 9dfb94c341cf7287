"""Has the pending plan of a station made, and hands it to the DJ when it is there."""

import asyncio
from collections.abc import Callable

from rtc_drift.station.autodj import AutoDj
from rtc_drift.station.planner import PendingPlan
from rtc_drift.station.planning import Planning

ANSWER_SECONDS = 1.0
"""Longest time that the answer to a command waits for the plan."""


class PlanAhead:
    """Plans for one station. A plan that is no longer wanted is given up."""

    def __init__(self, autodj: AutoDj, planning: Planning, on_settled: Callable[[], None]) -> None:
        """Have plans made by `planning`; `on_settled` is called when the DJ has taken one."""
        self._autodj = autodj
        self._planning = planning
        self._on_settled = on_settled
        self._pending: PendingPlan | None = None
        self._task: asyncio.Task[None] | None = None

    def keep_up(self) -> None:
        """Begin with what is pending now."""
        pending = self._autodj.pending_plan
        if pending is not self._pending:
            self._pending = pending
            if self._task is not None:
                self._task.cancel()
            self._task = asyncio.create_task(self._make(pending), name="plan ahead") if pending else None

    async def settled(self) -> None:
        """Wait until nothing is pending any more, but not longer than an answer may wait."""
        until = asyncio.get_running_loop().time() + ANSWER_SECONDS
        self.keep_up()
        while (task := self._task) is not None and self._autodj.pending_plan is not None:
            left = until - asyncio.get_running_loop().time()
            if left <= 0 or task.done():
                return
            await asyncio.wait((task,), timeout=left)
            self.keep_up()

    async def close(self) -> None:
        """Give up what is being planned. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _make(self, pending: PendingPlan) -> None:
        plan = await self._planning.plan(pending.request)
        self._autodj.plan_ready(pending, plan)
        self._on_settled()
