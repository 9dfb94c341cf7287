"""One Chromium for all tests of the page, and the one event loop that it needs."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.chromium import launched
from tests.conftest import leaving_nothing


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """Open pages with `page_on`, each in a context of its own."""
    async with launched() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def leaks_nothing(chromium: Browser) -> AsyncIterator[None]:
    """As elsewhere; what the shared browser consists of was there before."""
    async with leaving_nothing():
        yield
