"""The service manager is told that the server is ready, alive and stopping."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from rtc_drift.cli.service_manager import ServiceManager, engines_are_alive


def _bound(address: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(address)
    sock.setblocking(False)
    return sock


def _received(sock: socket.socket) -> list[str]:
    found = list[str]()
    while True:
        try:
            found.append(sock.recv(4_096).decode())
        except BlockingIOError:
            return found


@pytest.mark.parametrize("kind", ["file", "abstract"])
def test_it_is_told_by_a_datagram(kind: str, tmp_path: Path) -> None:
    name = f"@rtc-drift-test-{os.getpid()}" if kind == "abstract" else str(tmp_path / "notify")
    with _bound("\0" + name[1:] if kind == "abstract" else name) as sock:
        manager = ServiceManager({"NOTIFY_SOCKET": name})
        manager.ready()
        manager.stopping()
        assert _received(sock) == ["READY=1", "STOPPING=1"]
    manager.stopping()  # nobody is there any more: that is no error


@pytest.mark.parametrize("address", ["", "relative", "vsock:2:1234", "/nowhere/at/all"])
def test_without_one_nothing_happens(address: str) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": address})
    manager.ready()
    manager.stopping()


async def test_the_watchdog_gets_signs_of_life_only_while_there_are_some(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pauses, lives = list[float](), iter([True, True, False, False, True])

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    with _bound(str(tmp_path / "notify")) as sock:
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000000"}
        manager = ServiceManager(environment)
        with pytest.raises(RuntimeError):
            await manager.keep_alive(lambda: next(lives), sleep)
        assert _received(sock) == ["WATCHDOG=1"] * 3
        assert pauses == [12.0] * 5
        assert caplog.text.count("gives no sign of life") == 1

        for more in ({"WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "0"}):
            await ServiceManager(environment | more).keep_alive(lambda: True, sleep)
        assert _received(sock) == []


def test_an_engine_that_has_stopped_ticking_is_no_sign_of_life() -> None:
    assert engines_are_alive([None, 0.5])
    assert not engines_are_alive([0.5, 11.0])
