"""A server in a process of its own, to be killed."""

import asyncio
import contextlib
import os
import re
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def free_port() -> int:
    """A TCP port of loopback that nobody has."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextlib.asynccontextmanager
async def server_process(music: Path, data_dir: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """`rtc-drift serve`, once it serves, on the same number for TCP and UDP; killed afterwards if it still runs."""
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rtc_drift", "serve", "--port", str(port), "--music", str(music)),
        *("--data-dir", str(data_dir), "--udp-port", str(port), "--no-analysis"),
        env=os.environ | {"PYTHONPATH": str(PACKAGE)},
        stderr=asyncio.subprocess.PIPE,
    )
    assert server.stderr is not None
    draining: asyncio.Task[bytes] | None = None
    try:
        async with asyncio.timeout(30):
            while not re.search(rb"Serving http", await server.stderr.readline()):
                assert not server.stderr.at_eof(), "it did not start"
        draining = asyncio.create_task(server.stderr.read())
        yield server
    finally:
        if server.returncode is None:
            server.kill()
        await server.wait()
        if draining is not None:
            await draining
