"""Debian's nginx with the recipe of `deploy/nginx.conf`, on ports of loopback."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.certificates import write_certificate
from tests.support.server_process import REPOSITORY, free_tcp_port

RECIPE = REPOSITORY / "deploy" / "nginx.conf"
AROUND = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    {paths}
{recipe}
}}
"""
PATHS = ("client_body_temp_path", "proxy_temp_path", "fastcgi_temp_path", "uwsgi_temp_path", "scgi_temp_path")


@dataclass(frozen=True)
class Nginx:
    """A running nginx."""

    http_port: int
    https_port: int
    certificate: Path


def is_there() -> bool:
    """Return True if nginx is installed."""
    return _program() is not None


def _program() -> str | None:
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


@contextlib.asynccontextmanager
async def nginx_before(server_port: int, folder: Path) -> AsyncIterator[Nginx]:
    """Run nginx before a server; all its files are in a folder."""
    certificate, key = write_certificate(folder)
    running = Nginx(free_tcp_port(), free_tcp_port(), certificate)
    recipe = RECIPE.read_text()
    for given, ours in (
        ("127.0.0.1:8080", f"127.0.0.1:{server_port}"),
        ("listen 80;", f"listen 127.0.0.1:{running.http_port};"),
        ("listen 443 ssl", f"listen 127.0.0.1:{running.https_port} ssl"),
        ("/etc/letsencrypt/live/radio.example.org/fullchain.pem", str(certificate)),
        ("/etc/letsencrypt/live/radio.example.org/privkey.pem", str(key)),
    ):
        assert given in recipe, given
        recipe = recipe.replace(given, ours)
    paths = "\n    ".join(f"{name} {folder}/{name};" for name in PATHS)
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder, paths=paths, recipe=recipe))
    program = _program()
    assert program is not None
    nginx = await asyncio.create_subprocess_exec(
        *(program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf"))
    )
    try:
        async with asyncio.timeout(10):
            while not await _takes_connections(running.https_port):
                assert nginx.returncode is None, (folder / "error.log").read_text()
                await asyncio.sleep(0.02)
        yield running
    finally:
        if nginx.returncode is None:
            nginx.terminate()
        await nginx.wait()


async def _takes_connections(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
