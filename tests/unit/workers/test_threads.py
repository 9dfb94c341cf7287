"""Threads for calls that may hang."""

import asyncio
import subprocess
import sys
import threading

import pytest

from rtc_drift.workers.threads import Threads, ThreadsClosedError


async def test_a_call_returns_and_raises_as_the_function_does() -> None:
    threads = Threads("test", 1)

    assert await threads.run(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await threads.run(divmod, 7, 0)
    with pytest.raises(RuntimeError):
        await threads.run(next, iter(()))

    assert threads.unfinished == 0
    threads.close()


async def test_calls_run_at_once_up_to_the_count() -> None:
    threads, barrier = Threads("test", 3), threading.Barrier(3, timeout=30)

    await asyncio.gather(*(threads.run(barrier.wait) for _ in range(3)))

    threads.close()


async def test_a_hung_call_takes_one_thread_only() -> None:
    threads, release = Threads("test", 2), threading.Event()
    hung = asyncio.create_task(threads.run(release.wait))
    await asyncio.sleep(0)

    assert [await threads.run(abs, -number) for number in range(5)] == [0, 1, 2, 3, 4]

    release.set()
    assert await hung
    threads.close()


async def test_a_call_of_a_cancelled_caller_that_has_not_begun_never_does() -> None:
    threads, release, called = Threads("test", 1), threading.Event(), list[int]()
    hung = asyncio.create_task(threads.run(release.wait))
    waiting = asyncio.create_task(threads.run(called.append, 1))
    await asyncio.sleep(0)

    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    release.set()
    await hung
    await threads.run(called.append, 2)

    assert called == [2]
    threads.close()


async def test_a_closed_pool_refuses_calls() -> None:
    threads = Threads("test", 1)
    threads.close()
    threads.close()

    with pytest.raises(ThreadsClosedError):
        await threads.run(abs, 1)


def test_a_process_ends_though_a_call_hangs() -> None:
    program = """
import asyncio, threading
from rtc_drift.workers.threads import Threads

async def main():
    task = asyncio.create_task(Threads("test", 1).run(threading.Event().wait))
    await asyncio.sleep(0.05)
    task.cancel()

asyncio.run(main())
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
