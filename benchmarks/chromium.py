"""What a person at Debian's Chromium gets: delay, stereo, gaps, and how quickly a click is heard."""

import asyncio
import contextlib
import shutil
import statistics
from collections.abc import AsyncIterator
from typing import Any

from playwright.async_api import Page, async_playwright

from benchmarks.figures import Figure
from benchmarks.server import scanned_server

SECONDS = 60
CLICKS = 5
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
]
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


async def page_listens() -> list[Figure]:
    """The page itself, listening for a minute."""
    if chromium_path() is None:
        return []
    async with scanned_server() as server:
        clicks = [await click_to_sound(server.url) for _ in range(CLICKS)]
        async with page_at(server.url) as page:
            await page.click("#listen")
            await page.wait_for_function("window.rtcDrift.timeline.firstAudibleAt !== null")
            await asyncio.sleep(3)
            before, delays, apart = await stats(page), list[float](), list[float]()
            for _ in range(SECONDS):
                await asyncio.sleep(1)
                delays.append((await stats(page))["jitterBufferMs"])
                levels = await page.evaluate("window.rtcDrift.levels()")
                apart.append(abs(levels["left"] - levels["right"]) / max(levels["left"], levels["right"], 1e-9))
            after = await stats(page)
            changes = [await next_to_change(page) for _ in range(CLICKS)]
    concealed = after["concealedSamples"] - before["concealedSamples"]
    return [
        Figure("chromium", "jitter-buffer delay, median", statistics.median(delays), "ms", at_most=40),
        Figure("chromium", f"concealed samples in {SECONDS} s", concealed, "samples", at_most=0),
        Figure(
            "chromium", "left and right differ (median share of level)", statistics.median(apart), "", at_least=1e-3
        ),
        Figure("chromium", "click to first audible sample, median", statistics.median(clicks), "ms", at_most=700),
        Figure("chromium", "next-track to audible change, median", statistics.median(changes), "ms", at_most=500),
        Figure("chromium", "next-track to audible change, worst", max(changes), "ms"),
    ]


def chromium_path() -> str | None:
    """The installed Chromium, if any."""
    return next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )


@contextlib.asynccontextmanager
async def page_at(url: str) -> AsyncIterator[Page]:
    """A fresh browser on a page."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        try:
            page = await browser.new_page()
            await page.goto(url)
            yield page
        finally:
            await browser.close()


async def stats(page: Page) -> dict[str, Any]:
    """The page's own reading of `getStats()`."""
    reading: dict[str, Any] = await page.evaluate("window.rtcDrift.stats()")
    return reading


async def click_to_sound(url: str) -> float:
    """Milliseconds from the click on Listen to the first audible sample, on a fresh page."""
    async with page_at(url) as page:
        await page.click("#listen")
        await page.wait_for_function("window.rtcDrift.timeline.firstAudibleAt !== null")
        timeline = await page.evaluate("window.rtcDrift.timeline")
        return float(timeline["firstAudibleAt"] - timeline["clickedAt"])


async def next_to_change(page: Page) -> float:
    """Milliseconds from posting next-track to the crossfade being heard at this page's ear.

    The crossfade starts at the `startsAt` of the answer; it is heard when the RTP timestamp that Chromium plays has
    got there, plus 200 ms, by when the incoming track is 12 dB below its level, which is plain to hear.
    """
    elapsed: float = await page.evaluate(
        """async () => {
            const clicked = performance.now();
            const response = await fetch('/session/master/next-track', {method: 'POST', body: '{}',
                headers: {'Content-Type': 'application/json'}});
            const {startsAt} = await response.json();
            while (window.rtcDrift.heard().mediaTime < startsAt + 9600) await new Promise(r => setTimeout(r, 2));
            return performance.now() - clicked;
        }"""
    )
    await asyncio.sleep(2)
    return elapsed
