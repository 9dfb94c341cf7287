"""A server as it is operated: started by systemd, logging JSON, behind nginx with HTTPS."""

import asyncio
import json
import os
import socket
import sys
from pathlib import Path

import aiohttp
import pytest

from rtc_drift.api.page import qr_svg
from tests.support import nginx
from tests.support.certificates import trusting, write_certificate
from tests.support.server_process import REPOSITORY, free_tcp_port, server_process
from tests.support.waiting import until

EVIL = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "Forwarded": "for=192.0.2.1;host=evil.example"}


async def test_behind_nginx_everything_works_over_https(music: Path, tmp_path: Path) -> None:
    port, told, log = free_tcp_port(), list[str](), list[str]()
    options = ("--log-format", "json", "--trusted-proxy", "127.0.0.1", "--allow-host", "radio.example.org")
    notify = f"rtc-drift-test-{os.getpid()}-{port}"
    environment = {"NOTIFY_SOCKET": f"@{notify}", "WATCHDOG_USEC": "100000"}

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{notify}")
        asyncio.get_running_loop().add_reader(manager, lambda: told.append(manager.recv(100).decode()))
        try:
            async with server_process(
                music, tmp_path / "data", port, log=log, options=options, environment=environment
            ) as server:
                await until(lambda: told[:1] == ["READY=1"] and "WATCHDOG=1" in told)
                if nginx.is_there():
                    (tmp_path / "nginx").mkdir()
                    async with nginx.nginx_before(port, tmp_path / "nginx") as running:
                        await _check_everything(running)
                server.terminate()
                assert await server.wait() == 0
            await until(lambda: told[-1] == "STOPPING=1" or "STOPPING=1" in told)
        finally:
            asyncio.get_running_loop().remove_reader(manager)
    assert {json.loads(line)["level"] for line in log} <= {"info", "warning"}, log
    if not nginx.is_there():
        pytest.skip("nginx is missing: install nginx-light")


async def _check_everything(running: nginx.Nginx) -> None:
    url, name = f"https://127.0.0.1:{running.https_port}", f"radio.example.org:{running.https_port}"
    connector = aiohttp.TCPConnector(ssl=trusting(running.certificate))
    async with aiohttp.ClientSession(connector=connector, headers={"Host": name} | EVIL) as http:
        async with http.get(f"{url}/", headers={"Accept": "text/html"}) as response:
            assert (response.status, response.content_type) == (200, "text/html")
        async with http.get(f"{url}/static/js/main.js") as response:
            assert response.status == 200
        async with http.get(f"{url}/api/session/info") as response:
            info = await response.json()
        assert info["webUrl"] == f"https://{name}/"
        assert info["whepUrl"] == f"https://{name}/whep/master"
        async with http.get(f"{url}/session/master/qr.svg") as response:
            assert await response.read() == qr_svg(f"https://{name}/session/follow/master")
        async with http.get(f"{url}/metrics") as response:
            assert response.status == 403
        async with http.get(f"http://127.0.0.1:{running.http_port}/x", allow_redirects=False) as response:
            assert response.headers["Location"] == "https://radio.example.org/x"

        async with asyncio.timeout(30):
            while not await _is_ready(http, url):
                await asyncio.sleep(0.05)
        async with http.get(f"{url}/stream/master") as response:
            assert (await response.content.readexactly(4)) == b"OggS"
        async with http.get(f"{url}/events/master") as events, asyncio.timeout(10):
            while b'"hello"' not in (await events.content.readline()):
                pass
            # A page of the same origin commands; what follows is neither buffered nor delayed until more comes.
            async with http.post(
                f"{url}/session/master/pause", json={}, headers={"Origin": f"https://{name}"}
            ) as paused:
                assert paused.status == 202
            while b'"playback_changed"' not in (await events.content.readline()):
                pass
        async with http.post(f"{url}/session/master/resume", json={}) as resumed:
            assert resumed.status == 202
    assert await _listen(url, running.certificate) == 0, "WHEP passes the proxy, and sound comes by UDP"


async def _is_ready(http: aiohttp.ClientSession, url: str) -> bool:
    async with http.get(f"{url}/readyz") as response:
        return response.status == 200


async def test_https_by_itself(music: Path, tmp_path: Path) -> None:
    port, (certificate, key) = free_tcp_port(), write_certificate(tmp_path)
    options = ("--tls-cert", str(certificate), "--tls-key", str(key))
    async with server_process(music, tmp_path / "data", port, options=options, until=rb"Serving https:"):
        url = f"https://127.0.0.1:{port}"
        connector = aiohttp.TCPConnector(ssl=trusting(certificate))
        async with aiohttp.ClientSession(connector=connector) as http:
            async with http.get(f"{url}/", headers={"Accept": "text/html"}) as response:
                assert (response.status, response.content_type) == (200, "text/html")
            async with http.get(f"{url}/api/session/info") as response:
                assert (await response.json())["webUrl"] == f"{url}/"
        assert await _listen(url, certificate) == 0


async def _listen(url: str, certificate: Path) -> int:
    """Listen for a second in another process, which trusts the certificate; return its exit code."""
    listening = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rtc_drift", "listen", url, "--seconds", "1"),
        env=os.environ | {"SSL_CERT_FILE": str(certificate), "PYTHONPATH": str(REPOSITORY)},
        stdout=asyncio.subprocess.DEVNULL,
    )
    return await listening.wait()
