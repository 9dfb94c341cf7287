"""Directions on the page: choosing one, the reasons for the next track and the map of the library."""

from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.browser.chromium import chromium_path, listen, page_on
from tests.browser.test_page import opened, wait_for
from tests.support.music import SHADES
from tests.support.server import Serve
from tests.support.waiting import until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(chromium_path() is None, reason="NO CHROMIUM: install the package chromium to test the page"),
]


async def test_a_direction_is_pressed_followed_and_let_go(serve: Serve, shades: Path, chromium: Browser) -> None:
    async with serve(shades, analysis=True) as server:
        station = server.station
        spaces = server.service.spaces
        await until(lambda: int(spaces.space.is_analysed.sum()) == SHADES, 60)
        await until(lambda: bool(station.explorer) and station._explored_in is spaces.space, 20)
        open_now = next(it for it in station.explorer if it.count and it.direction.id in ("brighter", "darker"))
        way = open_now.direction.id
        follower = await server.follow("master")
        async with (
            opened(chromium, server, "/") as page,
            page_on(chromium, f"{server.url}/session/{follower}") as other,
        ):
            button = f"[data-direction={way}]"
            await wait_for(page, f"document.querySelector({button!r})?.textContent.endsWith('{open_now.count}')")
            await page.click(button)
            await wait_for(page, f"document.querySelector({button!r}).ariaPressed === 'true'")
            assert station.autodj.journey.direction == way
            await wait_for(
                page, f"document.querySelector('#next-reason').textContent.toLowerCase().startsWith('{way}')"
            )
            assert await page.inner_text("#directions-note") == f"Turning {way}."
            assert await page.inner_text("#directions-time") == "", "no time while nobody listens"
            await listen(page)
            await wait_for(
                page, r"/^You'll hear it in \d+:\d\d\.$/.test(document.querySelector('#directions-time').textContent)"
            )
            assert (await page.inner_text("#next-why")).startswith(f"Clearly {way}, otherwise ")
            assert await page.is_hidden("#next-why-details"), "figures only on request"
            await page.focus("#next-why-summary")
            await page.keyboard.press("Enter")
            assert " LU." in await page.inner_text("#next-why-details")

            await wait_for(other, f"document.querySelector({button!r})?.ariaPressed === 'true'")
            assert await other.is_disabled(button), "followers see the direction but cannot steer"

            await wait_for(page, "!document.querySelector('#map').hidden")
            pixels = "document.querySelector('#map-canvas').getContext('2d').getImageData(0, 0, 2000, 600).data"
            await wait_for(page, f"{pixels}.some(it => it)")
            await wait_for(page, f"document.querySelector('#library').textContent.startsWith('{SHADES} tracks')")

            await page.click(button)
            await wait_for(page, f"document.querySelector({button!r}).ariaPressed === 'false'")
            assert station.autodj.journey.direction is None
            assert await page.inner_text("#directions-note") == "Drifting on its own."
