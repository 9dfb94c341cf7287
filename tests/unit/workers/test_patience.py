"""Waiting for signs of life, with an event loop whose clock jumps."""

import asyncio
from collections.abc import Callable

from rtc_drift.workers.patience import done_within

SECONDS = 0.02


async def test_what_is_done_in_time_is_done(stand: Callable[[float], None]) -> None:
    done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(done.set_result, 1)
    assert await done_within(done, SECONDS)
    assert await done_within(done, SECONDS)


async def test_silence_is_silence(stand: Callable[[float], None]) -> None:
    never: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    assert not await done_within(never, SECONDS)
    assert not never.cancelled()


async def test_time_in_which_this_process_stood_does_not_count(stand: Callable[[float], None]) -> None:
    loop = asyncio.get_running_loop()
    late: asyncio.Future[int] = loop.create_future()
    loop.call_soon(stand, 3600)
    loop.call_soon(loop.call_soon, lambda: loop.call_later(SECONDS / 2, late.set_result, 1))
    assert await done_within(late, SECONDS)
    never: asyncio.Future[int] = loop.create_future()
    loop.call_soon(stand, 3600)
    assert not await done_within(never, SECONDS), "it stood once, and has waited since"
