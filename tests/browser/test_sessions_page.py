"""Sessions on the page: leaders steer, followers only listen, and an ended session's page lists the others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from tests.browser.chromium import chromium_path, listen, page_on
from tests.browser.test_page import opened, wait_for
from tests.support.server import RunningServer, Serve
from tests.support.waiting import until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(chromium_path() is None, reason="NO CHROMIUM: install the package chromium to test the page"),
]

COMMAND_BUTTONS = "#previous, #pause, #next, #love, #search"
AUDIBLE = "window.rtcDrift.levels().left > 0.01"
LISTENING = "document.querySelector('#connection').textContent.includes('Listening')"


def shows(selector: str, text: str) -> str:
    """Return an expression that is true if an element's text contains `text`."""
    return f"document.querySelector({selector!r}).textContent.includes({text!r})"


async def disabled(page: Page) -> list[bool]:
    """Return the disabled state of every control that sends commands."""
    found: list[bool] = await page.eval_on_selector_all(COMMAND_BUTTONS, "all => all.map(each => each.disabled)")
    assert len(found) == 5
    return found


async def test_a_follower_plays_the_programme_of_its_leader_and_cannot_steer_it(
    serve: Serve, music: Path, chromium: Browser
) -> None:
    complaints: list[str] = []
    async with (
        serve(music) as server,
        opened(chromium, server, "/session/create/jazz-exploration") as leader,
        page_on(chromium, f"{server.url}/session/follow/jazz-exploration") as follower,
    ):
        follower.on("pageerror", lambda error: complaints.append(str(error)))
        await listen(leader)
        await listen(follower)
        for page in (leader, follower):
            await wait_for(page, LISTENING)
            await wait_for(page, AUDIBLE)
        title = await leader.inner_text("#title")
        await wait_for(follower, shows("#title", title))

        assert await leader.inner_text("#session-name") == "jazz-exploration"
        assert await leader.is_hidden("[data-testid=following]")
        assert await follower.inner_text("[data-testid=following]") == "[FOLLOWING: jazz-exploration]"
        assert await follower.inner_text("[data-testid=read-only]") == "Session is read-only"
        assert await disabled(leader) == [False] * 5
        assert await disabled(follower) == [True] * 5
        assert await leader.get_attribute("#progress", "role") == "slider"
        assert await follower.get_attribute("#progress", "role") == "progressbar"

        posted: list[str] = []
        follower.on("request", lambda request: posted.append(request.url) if request.method == "POST" else None)
        for key in ("n", "p"):
            await follower.keyboard.press(key)
        await follower.keyboard.press("m")
        await wait_for(follower, "document.querySelector('#mute').getAttribute('aria-pressed') === 'true'")
        assert posted == [], "command keys do nothing, volume keys still work"
        assert await follower.evaluate(FORGED) == [403, "read_only"]

        await leader.click("#next")
        await wait_for(leader, f"!{shows('#title', title)}")
        await wait_for(follower, shows("#title", await leader.inner_text("#title")))
    assert complaints == []


FORGED = """async () => {
    const headers = {"Content-Type": "application/json"};
    const response = await fetch(`${location.pathname}/next-track`, {method: "POST", headers, body: "{}"});
    return [response.status, (await response.json()).code];
}"""


async def test_the_page_of_an_ended_session_offers_others(serve: Serve, music: Path, chromium: Browser) -> None:
    async with serve(music) as server:
        await server.create("jazz-exploration")
        await server.create("elsewhere")
        async with opened(chromium, server, "/session/follow/jazz-exploration") as page:
            await listen(page)
            assert await server.delete("/api/session/jazz-exploration") == 204
            await wait_for(page, shows("[data-testid=ended]", "jazz-exploration"))
            await wait_for(page, shows("[data-testid=sessions-list]", "elsewhere"))
            assert await page.is_visible("[data-testid=sessions]")
            assert "has ended" in await page.inner_text("#connection")
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            await asyncio.sleep(1.5)  # The first retry would come after half a second.
            await page.click("[data-session=elsewhere] >> text=Join")
            await page.wait_for_url("**/session/elsewhere")
            assert [url for url in asked if "follower_" in url] == [], "the page sends no requests for an ended session"
            await wait_for(page, "!document.querySelector('#next').disabled")


async def test_a_missing_session_is_reported_and_others_are_offered(
    serve: Serve, music: Path, chromium: Browser
) -> None:
    async with serve(music) as server, opened(chromium, server, "/session/nowhere") as page:
        await wait_for(page, shows("[data-testid=ended]", "Session not found: “nowhere”"))
        await wait_for(page, shows("[data-testid=sessions-list]", "Master"))


async def test_a_link_is_opened_by_the_page_and_its_problems_are_shown(
    serve: Serve, music: Path, chromium: Browser
) -> None:
    async with serve(music, max_sessions=1) as server:
        await server.create("kitchen", locked=True)
        server.http.cookie_jar.clear()
        for link, place in (("create/kitchen", "/session/kitchen"), ("create/master", "/"), ("follow/master", None)):
            async with opened(chromium, server, f"/session/{link}") as page:
                path = await page.evaluate("location.pathname")
                assert path == place or (place is None and path.startswith("/session/follower_"))
                await wait_for(page, "window.rtcDrift.state().session !== null")
        async with page_at_link(chromium, server, "follow/nobody", "Session not found: “nobody”") as page:
            assert len(server.service.sessions) == 3
            await page.click("[data-session=kitchen] >> text=Follow")
            await page.wait_for_url("**/session/follower_*")
            await wait_for(page, shows("[data-testid=following]", "kitchen"))
            follower = await page.evaluate("window.rtcDrift.state().sessionId")
            assert await server.delete(f"/api/session/{follower}") == 403, "it follows a locked session"
            assert await page.evaluate(END_ITSELF) == 204
            await wait_for(page, shows("[data-testid=ended]", "has ended"))
        for link, problem in (
            ("create/Kitchen", "“Kitchen” can't be the name of a session. Use only the letters a to z"),
            ("create/attic", "Session limit reached (1)."),
        ):
            async with page_at_link(chromium, server, link, problem) as page:
                assert await page.is_disabled("#next")


END_ITSELF = """async () => {
    const {sessionId} = window.rtcDrift.state();
    return (await fetch(`/api/session/${sessionId}`, {method: "DELETE"})).status;
}"""


@asynccontextmanager
async def page_at_link(chromium: Browser, server: RunningServer, link: str, problem: str) -> AsyncIterator[Page]:
    """Open a link that can't be opened, and wait for the problem and for the list of other sessions."""
    async with page_on(chromium, f"{server.url}/") as page:
        await page.goto(f"{server.url}/session/{link}")
        await wait_for(page, shows("[data-testid=ended]", problem))
        await wait_for(page, shows("[data-testid=sessions-list]", "Master"))
        assert await page.inner_text("#connection") == "The link could not be opened"
        yield page


async def test_it_pauses_and_goes_on_for_everyone(serve: Serve, music: Path, chromium: Browser) -> None:
    async with serve(music) as server, opened(chromium, server) as page:
        await listen(page)
        await wait_for(page, AUDIBLE)
        await page.click("[data-testid=pause]")
        await wait_for(page, shows("#eyebrow", "Paused"))
        await wait_for(page, "window.rtcDrift.levels().left === 0")
        info = await server.get("/api/session/info?sessionId=master")
        assert info["pausedAt"] is not None
        shown = await page.inner_text("#position")
        paused_at = info["pausedAt"]
        await wait_for(page, f"window.rtcDrift.heard().mediaTime > {paused_at} + 1.5 * 48000")
        assert await page.inner_text("#position") == shown, "the clock runs, the position does not"
        await page.click("[data-testid=pause]")
        await wait_for(page, shows("#eyebrow", "Now playing"))
        await wait_for(page, AUDIBLE)
        await wait_for(page, f"!{shows('#position', shown)}")


async def test_a_session_is_created_from_the_page(serve: Serve, music: Path, chromium: Browser) -> None:
    async with serve(music) as server, opened(chromium, server) as page:
        await page.click("[data-testid=open-sessions]")
        await page.fill("[data-testid=new-name]", "not_a_name")
        await page.click("[data-testid=create-button]")
        await wait_for(page, shows("[data-testid=create-problem]", "letters"))
        assert "not_a_name" not in str(await server.get("/api/session/list"))
        await page.fill("[data-testid=new-name]", "jazz-exploration")
        await page.click("[data-testid=create-button]")
        await page.wait_for_url("**/session/jazz-exploration")
        await wait_for(page, shows("#session-name", "jazz-exploration"))
        await listen(page)
        await page.click("[data-testid=share]")
        link = await page.input_value("[data-testid=follow-link]")
        assert link == f"{server.url}/session/follow/jazz-exploration"
        await wait_for(page, "document.querySelector('[data-testid=qr]').naturalWidth > 0")
        assert "this machine only" in await page.inner_text("[data-testid=share-note]")


async def test_who_has_the_key_of_a_locked_session_can_steer_it_and_others_can_not(
    serve: Serve, music: Path, chromium: Browser
) -> None:
    async with serve(music) as server, opened(chromium, server) as page:
        await page.click("[data-testid=open-sessions]")
        await page.fill("[data-testid=new-name]", "mine")
        await page.check("[data-testid=new-locked]")
        await page.click("[data-testid=create-button]")
        await wait_for(page, "document.querySelector('[data-testid=control-key]').value !== ''")
        key = await page.input_value("[data-testid=control-key]")
        await page.click("[data-testid=created-link]")
        await page.wait_for_url("**/session/mine")
        await wait_for(page, "!document.querySelector('#next').disabled")
        async with opened(chromium, server, "/session/mine") as other:
            await wait_for(other, shows("[data-testid=read-only]", "Locked."))
            assert await other.inner_text(".read-only") == "Locked. Enter the key to steer."
            assert await disabled(other) == [True] * 5
            for wrong in ("no such key", key[:-1]):
                await other.fill("[data-testid=key-input]", wrong)
                await other.press("[data-testid=key-input]", "Enter")
                await wait_for(other, shows("[data-testid=key-note]", "This is not the key of this session."))
            await other.fill("[data-testid=key-input]", key)
            await other.press("[data-testid=key-input]", "Enter")
            await wait_for(other, "!document.querySelector('#next').disabled")
            assert await other.is_hidden("[data-testid=key-form]")
            await other.reload()
            await wait_for(other, "!document.querySelector('#next').disabled")


def queue_is(*titles: str) -> str:
    """Return a condition: the page knows this queue, and no change of it is missing."""
    queue = "window.rtcDrift.state().queue"
    return (
        f"{queue}.revision === {queue}.latest && {queue}.tracks.map((it) => it.title).join() === {','.join(titles)!r}"
    )


async def test_a_track_that_is_found_is_queued_on_every_page(serve: Serve, music: Path, chromium: Browser) -> None:
    async with serve(music) as server, opened(chromium, server) as page, opened(chromium, server) as other:
        await until(lambda: len(server.service.library.playable()) == 5, 30)
        playing = await page.inner_text("#title")
        first, second = [f"Steady {number}" for number in range(5) if f"Steady {number}" != playing][:2]
        for title in (first, second):
            await page.fill("[data-testid=search]", title)
            await wait_for(page, shows("[data-testid=found]", title))
            await page.keyboard.press("Enter")
            await wait_for(page, shows("#search-note", f"Queued: {title}"))
        await wait_for(page, shows("#next-title", first))
        await wait_for(page, shows("[data-testid=queue]", second))
        info = await server.get("/api/session/info?sessionId=master")
        assert [track["title"] for track in info["queue"]] == [first, second]
        for each in (page, other):
            await wait_for(each, queue_is(first, second))
        server.autodj._play_log._queue_revision += 1  # as if both had missed an event
        await server.post("/session/master/queue", {"trackId": info["queue"][0]["id"]})
        await server.post("/session/master/next-track")
        for each in (page, other):
            await wait_for(each, queue_is(second, first))


async def test_the_position_is_a_slider_for_those_who_may_steer(serve: Serve, music: Path, chromium: Browser) -> None:
    async with serve(music) as server, opened(chromium, server) as page:
        await listen(page)
        box = await page.locator("#progress").bounding_box()
        assert box is not None
        await page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        await wait_for(page, "window.rtcDrift.state().playing.offsetSamples > 19 * 48000")
        await page.focus("#progress")
        await page.keyboard.press("ArrowRight")
        await page.keyboard.press("ArrowRight")
        await wait_for(page, "window.rtcDrift.state().playing.offsetSamples > 29 * 48000")
        assert (await server.get("/api/session/info?sessionId=master"))["positionSeconds"] > 29
