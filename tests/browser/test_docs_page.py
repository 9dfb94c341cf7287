"""The page that shows the API, in a real browser under its strict policy."""

import pytest
from playwright.async_api import Browser

from rtc_drift.api.openapi import document
from tests.browser.chromium import chromium_path
from tests.support.api import api_on_fakes

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(chromium_path() is None, reason="NO CHROMIUM: install the package chromium to test the page"),
]


async def test_the_page_shows_every_route_and_what_it_takes(chromium: Browser) -> None:
    async with api_on_fakes() as api:
        page = await chromium.new_page()
        problems = list[str]()
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        await page.goto(f"{api.url}/api/docs")
        await page.wait_for_selector("#model-Event")
        shown = await page.locator("#operations").inner_text()
        for path, methods in document()["paths"].items():
            for method in methods:
                if method != "head" or "get" not in methods:
                    assert f"{method.upper()} {path}" in shown
        await page.get_by_text("POST /session/{session_id}/queue-move").click()
        await page.locator("pre", has_text='"position": 2').wait_for(state="visible")
        await page.close()
    assert problems == []
