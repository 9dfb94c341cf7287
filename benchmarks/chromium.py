"""Measure the page in Chromium: delay, stereo, gaps, and the time from a click to its sound."""

import asyncio
import statistics
from typing import Any

from playwright.async_api import Page

from benchmarks.figures import Figure
from benchmarks.server import scanned_server
from tests.browser.chromium import chromium_path, listen, page_at, stats

SECONDS = 60
CLICKS = 5


async def page_listens() -> list[Figure]:
    """Listen with the page for a minute. Return no figures if Chromium is not installed."""
    if chromium_path() is None:
        return []
    async with scanned_server() as server:
        clicks = [await click_to_sound(server.url) for _ in range(CLICKS)]
        async with page_at(server.url) as page:
            await listen(page)
            await asyncio.sleep(3)
            before = last = await stats(page)
            delays, level_differences = list[float](), list[float]()
            for _ in range(SECONDS):
                await asyncio.sleep(1)
                reading = await stats(page)
                delays.append(delay_ms(last, reading))
                last = reading
                levels = await page.evaluate("window.rtcDrift.levels()")
                level_differences.append(
                    abs(levels["left"] - levels["right"]) / max(levels["left"], levels["right"], 1e-9)
                )
            changes = [await next_to_change(page) for _ in range(CLICKS)]
    concealed = last["concealedSamples"] - before["concealedSamples"]
    return [
        Figure("chromium", "jitter-buffer delay, median", statistics.median(delays), "ms", at_most=40),
        Figure("chromium", f"concealed samples in {SECONDS} s", concealed, "samples", at_most=0),
        Figure(
            "chromium",
            "left and right differ (median share of level)",
            statistics.median(level_differences),
            "",
            at_least=1e-3,
        ),
        Figure("chromium", "click to first audible sample, median", statistics.median(clicks), "ms", at_most=700),
        Figure("chromium", "next-track to audible change, median", statistics.median(changes), "ms", at_most=500),
        Figure("chromium", "next-track to audible change, worst", max(changes), "ms"),
    ]


def delay_ms(before: dict[str, Any], after: dict[str, Any]) -> float:
    """Return the mean time in the jitter buffer, in ms, of the samples played between two readings."""
    waited = after["jitterBufferDelay"] - before["jitterBufferDelay"]
    return float(waited / max(1, after["jitterBufferEmittedCount"] - before["jitterBufferEmittedCount"]) * 1e3)


async def click_to_sound(url: str) -> float:
    """Return the milliseconds from the click on Listen to the first audible sample, on a fresh page."""
    async with page_at(url) as page:
        return await listen(page)


async def next_to_change(page: Page) -> float:
    """Return the milliseconds from posting next-track until this page plays an audible part of the crossfade.

    The crossfade starts at the media time `startsAt` of the answer. It counts as audible 200 ms later, when the
    incoming track is 12 dB below its level. Chromium's RTP timestamp shows when the page plays that moment.
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
