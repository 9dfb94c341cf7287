"""The page in a real Chromium: it plays in stereo without delay, and shows each track when it is played."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from tests.browser.chromium import chromium_path, listen, page_on, stats
from tests.support.server import RunningServer, Serve
from tests.support.waiting import until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(chromium_path() is None, reason="NO CHROMIUM: install the package chromium to test the page"),
]


@asynccontextmanager
async def opened(chromium: Browser, server: RunningServer, path: str = "/") -> AsyncIterator[Page]:
    """Open the page. Fail if a script fails on it."""
    complaints: list[str] = []
    async with page_on(chromium, f"{server.url}{path}") as page:
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        yield page
        # The page requests covers that may be missing: the only error that is allowed.
        assert [each for each in complaints if "404" not in each] == []


async def wait_for(page: Page, expression: str) -> None:
    """Wait until an expression is true on the page."""
    async with asyncio.timeout(20):
        while not await page.evaluate(expression):
            await asyncio.sleep(0.05)


async def test_it_plays_in_stereo_and_without_delay(serve: Serve, music: Path, chromium: Browser) -> None:
    async with serve(music) as server, opened(chromium, server) as page:
        await listen(page)
        await wait_for(page, "document.querySelector('#connection').textContent.includes('Listening')")
        assert server.service.sessions.master.listeners == 1
        before = await stats(page)
        enough = before["packetsReceived"] + 150
        await wait_for(page, f"window.rtcDrift.stats().then(s => s.packetsReceived > {enough})")
        after = await stats(page)
        assert (after["codec"], after["channels"]) == ("opus", 2)
        assert after["packetsLost"] == 0
        # A naive build, which queues while Chromium connects, stays 1,100 ms behind.
        assert after["jitterBufferMs"] < 150
        apart = await page.evaluate(LEFT_AGAINST_RIGHT)
        assert apart["left"] > 0.01
        assert apart["right"] > 0.01
        assert abs(apart["correlation"]) < 0.6, "left and right are two signals"


LEFT_AGAINST_RIGHT = """async () => {
    const stream = window.rtcDrift.stream();
    const context = new AudioContext();
    const splitter = context.createChannelSplitter(2);
    context.createMediaStreamSource(stream).connect(splitter);
    const sides = [0, 1].map(channel => {
        const analyser = context.createAnalyser();
        analyser.fftSize = 8192;
        splitter.connect(analyser, channel);
        return analyser;
    });
    await new Promise(resolve => setTimeout(resolve, 800));
    const [left, right] = sides.map(side => {
        const samples = new Float32Array(side.fftSize);
        side.getFloatTimeDomainData(samples);
        return samples;
    });
    const product = (a, b) => a.reduce((sum, value, index) => sum + value * b[index], 0);
    const rms = side => Math.sqrt(product(side, side) / side.length);
    context.close();
    return {
        left: rms(left), right: rms(right),
        correlation: product(left, right) / Math.sqrt(product(left, left) * product(right, right)),
    };
}"""


async def test_a_track_is_shown_when_it_plays(serve: Serve, music: Path, chromium: Browser) -> None:
    async with serve(music) as server, opened(chromium, server) as page:
        session = server.station
        await until(lambda: len(server.service.library.playable()) == 5, 30)
        await listen(page)
        await wait_for(page, "window.rtcDrift.heard().exact")
        heard = (await page.evaluate("window.rtcDrift.heard()"))["mediaTime"]
        assert 0 <= session.now() - heard < 48_000 * 0.5
        shown = await page.inner_text("#title")
        async with page.expect_response("**/next-track") as answered:
            await page.click("#next")
        answer: dict[str, Any] = await (await answered.value).json()
        assert answer["track"]["title"] != shown
        moment = await page.evaluate(
            """async title => {
                while (!document.querySelector('#title').textContent.includes(title))
                    await new Promise(resolve => setTimeout(resolve, 5));
                return window.rtcDrift.heard().mediaTime;
            }""",
            answer["track"]["title"],
        )
        assert 0 <= moment - answer["startsAt"] < 48_000 * 0.5
        assert await page.inner_text("#artist") != ""
        await wait_for(page, "document.querySelector('#up-next').textContent.includes('Steady')")


async def test_the_page_plays_on_when_the_engine_is_killed(serve: Serve, music: Path, chromium: Browser) -> None:
    async with serve(music) as server, opened(chromium, server) as page:
        await listen(page)
        killed = server.service.engines.pid
        assert killed is not None
        received = (await stats(page))["packetsReceived"]
        os.kill(killed, signal.SIGKILL)
        async with asyncio.timeout(40):
            quiet_ms = await page.evaluate(LONGEST_QUIET_MS, received + 100)
        await wait_for(page, "window.rtcDrift.levels().left > 0.01")
        rejoined = server.service.metrics.joins._value.get() > 1
        # On an overloaded machine the engine may be away for longer than the page waits.
        assert not rejoined or quiet_ms > PAGE_WAITS_MS, "the page need not join again"


PAGE_WAITS_MS = 3_000
"""Quiet after which the page may have joined again: `isLost` in connection.js waits for 4 s, with some tolerance."""
LONGEST_QUIET_MS = """async packets => {
    let received = 0, since = performance.now(), longest = 0;
    while (received <= packets) {
        const {packetsReceived} = await window.rtcDrift.stats();
        const now = performance.now();
        longest = Math.max(longest, now - since);
        if (packetsReceived !== received) [received, since] = [packetsReceived, now];
        await new Promise(resolve => setTimeout(resolve, 50));
    }
    return longest;
}"""


async def test_stop_leaves_at_once_and_keys_work(serve: Serve, music: Path, chromium: Browser) -> None:
    async with serve(music) as server, opened(chromium, server, "/session/master") as page:
        await page.keyboard.press("Space")
        await until(lambda: server.service.sessions.master.listeners == 1, 20)
        await wait_for(page, "document.querySelector('#connection').textContent.includes('Listening')")
        await page.keyboard.press("Space")
        await until(lambda: not server.service.listeners, 20)
        await listen(page)
        await until(lambda: server.service.sessions.master.listeners == 1, 20)
