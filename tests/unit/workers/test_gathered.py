"""Gathered calls: the first at once, those that follow quickly as one."""

import asyncio

from rtc_drift.workers.gathered import Gathered
from tests.support.waiting import until


async def test_the_first_call_is_made_at_once_and_the_others_are_one() -> None:
    calls = list[float]()
    gathered = Gathered(lambda: calls.append(asyncio.get_running_loop().time()), 0.01)
    gathered()
    assert len(calls) == 1
    for _ in range(10):
        gathered()
    assert len(calls) == 1
    await until(lambda: gathered._timer is None or len(calls) == 2)
    await until(lambda: gathered._timer is None)
    assert len(calls) == 2, "no call without a request"
    gathered()
    assert len(calls) == 3
    gathered()
    gathered.close()
    gathered()
    await asyncio.sleep(0.03)
    assert len(calls) == 3
