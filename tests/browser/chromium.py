"""Debian's Chromium, headless, on the page."""

import contextlib
import re
import shutil
from collections.abc import AsyncIterator
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

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
LINK = "/session/(create|follow)/"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium_path() -> str | None:
    """The installed Chromium, if any."""
    return next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )


@contextlib.asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """A fresh browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def page_on(browser: Browser, url: str) -> AsyncIterator[Page]:
    """A page with cookies and storage of its own; a link that makes a session has led to that session's page."""
    context = await browser.new_context()
    try:
        page = await context.new_page()
        await page.goto(url)
        if re.search(LINK, url):
            await page.wait_for_url(lambda place: not re.search(LINK, place))
        yield page
    finally:
        await context.close()


@contextlib.asynccontextmanager
async def page_at(url: str) -> AsyncIterator[Page]:
    """A fresh browser on a page."""
    async with launched() as browser, page_on(browser, url) as page:
        yield page


async def listen(page: Page) -> float:
    """Click on Listen and wait for sound; milliseconds from one to the other, by the page's own clock."""
    await page.click("#listen")
    elapsed: float = await page.evaluate(
        """async () => {
            const {timeline} = window.rtcDrift;
            while (timeline.firstAudibleAt === null) await new Promise(r => setTimeout(r, 20));
            return timeline.firstAudibleAt - timeline.clickedAt;
        }"""
    )
    return elapsed


async def stats(page: Page) -> dict[str, Any]:
    """The page's own reading of `getStats()`."""
    reading: dict[str, Any] = await page.evaluate("window.rtcDrift.stats()")
    return reading
