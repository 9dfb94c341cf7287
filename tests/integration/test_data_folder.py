"""The data folder of a running server: another server, a full disk; and a server that is stopped and goes on."""

import asyncio
import os
import resource
import signal
import sys
from itertools import pairwise
from pathlib import Path

import aiohttp
import psutil
import pytest

from rtc_drift.client import Listener
from rtc_drift.media import samples
from tests.support.audio_checks import longest_silence_ms
from tests.support.server import copy_catalogue
from tests.support.server_process import REPOSITORY, free_tcp_port, server_process
from tests.support.waiting import until


async def ended(*arguments: str | Path) -> tuple[int, str]:
    """Run `rtc-drift` until it ends. Return its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rtc_drift", *map(str, arguments)),
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        stderr=asyncio.subprocess.PIPE,
    )
    _, printed = await process.communicate()
    assert process.returncode is not None
    return process.returncode, printed.decode()


async def figures(http: aiohttp.ClientSession, url: str) -> dict[str, float]:
    """Return the metrics without labels."""
    async with http.get(f"{url}/metrics") as response:
        lines = [line.split() for line in (await response.text()).splitlines() if line[0] != "#"]
    return {name: float(value) for name, value in lines if "{" not in name}


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs Linux")
async def test_a_second_server_a_full_disk_and_a_stop_do_not_stop_the_music(music: Path, tmp_path: Path) -> None:
    port, data, log = free_tcp_port(), tmp_path / "data", list[str]()
    copy_catalogue(music, data)
    url = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession() as http, server_process(music, data, port, log=log) as server:
        async with Listener(f"{url}/whep/master") as listener:
            await listener.read(samples(0.5))

            # Another server ends at once, and leaves everything as it is. A scan is possible.
            (code, printed), (scan_code, scan_printed) = await asyncio.gather(
                ended("serve", "--port", "0", "--data-dir", data, "--music", music),
                ended("scan", music, "--data-dir", data),
            )
            sentence = f"Another server (process {server.pid}) uses the data folder {data}."
            assert (code, printed) == (1, f"rtc-drift: {sentence}\n")
            assert scan_code == 0, scan_printed

            # Nothing can be written for a while.
            _, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (0, hard))
            async with asyncio.timeout(30):
                while (await figures(http, url))["rtc_drift_session_save_failures_total"] < 1:
                    assert longest_silence_ms(await listener.read(samples(0.2))) <= 20
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (hard, hard))
            async with asyncio.timeout(30):
                while not any("The sessions are saved again." in line for line in log):
                    assert longest_silence_ms(await listener.read(samples(0.2))) <= 20
            assert sum("can't be saved" in line for line in log) == 1
            assert len(log) < 20, log

            # Control is stopped, and goes on. Nobody hears it.
            lines = len(log)
            server.send_signal(signal.SIGSTOP)
            assert longest_silence_ms(await listener.read(samples(2.8))) <= 20
            server.send_signal(signal.SIGCONT)
            assert longest_silence_ms(await listener.read(samples(0.5))) <= 20

            # All of it is stopped, as by a machine that sleeps: media time goes on, without a burst.
            children = [server.pid, *(child.pid for child in psutil.Process(server.pid).children())]
            for pid in children:
                os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(3.2)
            for pid in children:
                os.kill(pid, signal.SIGCONT)
            frames = [await listener.frame() for _ in range(60)]
            steps = [second.timestamp - first.timestamp for first, second in pairwise(frames)]
            assert all(step > 0 and step % 960 == 0 for step in steps)
            assert sum(step > 960 * 20 for step in steps) <= 1, "one gap"
            assert len(log) - lines < 10, log[lines:]
            counted = await figures(http, url)
            assert counted["rtc_drift_engine_restarts_total"] == 0, log[lines:]
            assert counted["rtc_drift_webrtc_listeners"] == 1
        server.send_signal(signal.SIGTERM)
        assert await server.wait() == 0
    await until(lambda: not (data / "catalogue.sqlite-wal").exists())
