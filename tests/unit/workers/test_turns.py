"""Turns: on a machine of few cores jobs run one at a time while somebody listens, those that are needed soon first."""

import asyncio
from collections.abc import Callable

import pytest

from rtc_drift.workers.precedence import Precedence
from rtc_drift.workers.turns import Turns, has_few_cores

BACKGROUND, SOON, URGENT = Precedence.BACKGROUND, Precedence.SOON, Precedence.URGENT


class Jobs:
    """Jobs that run until the test ends them."""

    def __init__(self, one_at_a_time: Callable[[], bool], patience_seconds: float = 60) -> None:
        self.turns = Turns(one_at_a_time, patience_seconds=patience_seconds)
        self.running: list[str] = []
        self._ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def begin(self, name: str, precedence: Precedence = BACKGROUND) -> None:
        self._ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._work(name, precedence))
        await settled()

    async def end(self, name: str) -> None:
        self._ends[name].set()
        await settled()

    async def _work(self, name: str, precedence: Precedence) -> None:
        async with self.turns.turn(precedence):
            self.running.append(name)
            try:
                await self._ends[name].wait()
            finally:
                self.running.remove(name)


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_two_cores_are_few() -> None:
    assert [has_few_cores(count) for count in (1, 2, 3, 8)] == [True, True, False, False]
    assert has_few_cores() in (True, False)


async def test_jobs_run_beside_each_other_while_nobody_listens() -> None:
    jobs = Jobs(lambda: False)
    await jobs.begin("analysis")
    await jobs.begin("intro", SOON)
    assert jobs.running == ["analysis", "intro"]
    for name in ("analysis", "intro"):
        await jobs.end(name)


async def test_while_somebody_listens_one_job_runs_and_intros_go_first() -> None:
    jobs = Jobs(lambda: True)
    for name, precedence in (("first", BACKGROUND), ("second", BACKGROUND), ("intro", SOON), ("demo", URGENT)):
        await jobs.begin(name, precedence)
    order = list[str]()
    while jobs.running:
        assert len(jobs.running) == 1
        order += jobs.running
        await jobs.end(order[-1])
    assert order == ["first", "demo", "intro", "second"]


async def test_waiting_jobs_go_on_when_nobody_listens_any_more() -> None:
    listeners = 1
    jobs = Jobs(lambda: listeners > 0)
    for name in "abc":
        await jobs.begin(name)
    listeners = 0
    await jobs.end("a")
    assert jobs.running == ["b", "c"]
    for name in "bc":
        await jobs.end(name)


async def test_an_intro_does_not_wait_for_a_long_analysis() -> None:
    jobs = Jobs(lambda: True, patience_seconds=0.02)
    await jobs.begin("long analysis")
    await jobs.begin("intro", SOON)
    await jobs.begin("analysis")
    assert jobs.running == ["long analysis"]
    await asyncio.sleep(0.05)
    assert jobs.running == ["long analysis", "intro"]
    await jobs.end("long analysis")
    assert jobs.running == ["intro"], "the other analysis still waits for its turn"
    await jobs.end("intro")
    assert jobs.running == ["analysis"]
    await jobs.end("analysis")


@pytest.mark.parametrize("cancelled", ["running", "waiting"])
async def test_a_cancelled_job_gives_its_turn_to_the_next(cancelled: str) -> None:
    jobs = Jobs(lambda: True)
    for name in ("running", "waiting", "last"):
        await jobs.begin(name)
    jobs.tasks[cancelled].cancel()
    await settled()
    for name in ("running", "waiting"):
        await jobs.end(name)
    assert jobs.running == ["last"]
    await jobs.end("last")
    await jobs.begin("next")
    assert jobs.running == ["next"]
    await jobs.end("next")
