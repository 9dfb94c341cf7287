"""One Chromium and one event loop for all tests of the page."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.chromium import launched
from tests.support.leaks import assert_no_leaks


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """A browser. Open pages with `page_on`, each in a context of its own."""
    async with launched() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def no_leaks(chromium: Browser) -> AsyncIterator[None]:
    """Check for leaks as elsewhere; the processes of the shared browser exist before."""
    async with assert_no_leaks():
        yield
