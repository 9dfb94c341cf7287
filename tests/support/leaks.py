"""A check that a test leaves no task, child process, thread or socket behind."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil
import pytest


@asynccontextmanager
async def assert_no_leaks() -> AsyncIterator[None]:
    """Fail if a task, child process, thread or socket exists afterwards that did not exist before."""
    process = psutil.Process()
    tasks, threads, processes = asyncio.all_tasks(), set(threading.enumerate()), set(process.children())
    sockets = len(process.net_connections())
    yield
    for _ in range(100):
        # Cancelled tasks need a few turns of the loop, and threads a moment.
        left = {str(task.get_coro()) for task in asyncio.all_tasks() - tasks - {asyncio.current_task()}}
        running = {thread.name for thread in set(threading.enumerate()) - threads if "asyncio_" not in thread.name}
        children = set(process.children()) - processes
        open_sockets = len(process.net_connections()) - sockets
        if not left and not running and not children and open_sockets <= 0:
            return
        await asyncio.sleep(0.05)
    names = [child.name() for child in children]
    pytest.fail(f"left: tasks {left}, threads {running}, processes {names}, sockets {open_sockets}")
