"""A server in a process of its own, to be stopped or killed."""

import asyncio
import contextlib
import os
import re
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

REPOSITORY = Path(__file__).parents[2]


def free_tcp_port() -> int:
    """Return a TCP port of loopback that is free at the moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextlib.asynccontextmanager
async def server_process(
    music: Path,
    data_dir: Path,
    port: int,
    *,
    log: list[str] | None = None,
    hooks: Path | None = None,
    until: bytes = rb"Serving http",
    options: Sequence[str] = (),
    environment: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `rtc-drift serve` with the same number for TCP and UDP; yield once it serves; kill it in the end.

    `hooks` is a folder with code for it. `until` is a pattern of the line that it logs once it is to be yielded; the
    lines that it logs after that are appended to `log`.
    """
    path = os.pathsep.join([*([str(hooks)] if hooks else []), str(REPOSITORY)])
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rtc_drift", "serve", "--port", str(port), "--music", str(music)),
        *("--data-dir", str(data_dir), "--udp-port", str(port), "--no-analysis", *options),
        env={**os.environ, "PYTHONPATH": path, **environment},
        stderr=asyncio.subprocess.PIPE,
    )
    assert server.stderr is not None
    draining: asyncio.Task[None] | None = None
    try:
        async with asyncio.timeout(30):
            while not re.search(until, line := await server.stderr.readline()):
                assert not server.stderr.at_eof(), f"it did not start: {line.decode()}"
        draining = asyncio.create_task(_drain(server.stderr, log))
        yield server
    finally:
        if server.returncode is None:
            server.kill()
        await server.wait()
        if draining is not None:
            await draining


async def _drain(stderr: asyncio.StreamReader, log: list[str] | None) -> None:
    async for line in stderr:
        if log is not None:
            log.append(line.decode().rstrip())
