"""Child processes that end with an `async with` block."""

import asyncio
import contextlib
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator

TERMINATE_SECONDS = 10.0
FIRST_LINE_SECONDS = 30.0


@contextlib.asynccontextmanager
async def child(*command: str, is_quiet: bool = False) -> AsyncIterator[Process]:
    """Run a child process, and end it with the block: SIGTERM, and SIGKILL after `TERMINATE_SECONDS`.

    Its standard output is a pipe. If `is_quiet`, standard output and standard error are dropped.
    """
    stdout, stderr = (DEVNULL, DEVNULL) if is_quiet else (PIPE, None)
    process = await asyncio.create_subprocess_exec(*command, stdout=stdout, stderr=stderr)
    try:
        yield process
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        try:
            await asyncio.wait_for(process.wait(), TERMINATE_SECONDS)
        except (TimeoutError, asyncio.CancelledError):
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def first_line(process: Process) -> str:
    """Return the line that a program prints when it is ready.

    Raises RuntimeError if the program ends before, and TimeoutError after `FIRST_LINE_SECONDS`.
    """
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), FIRST_LINE_SECONDS)
    if not line:
        raise RuntimeError("a program has ended before it was ready")
    return line.decode().strip()
