"""Links that make something: a browser's GET makes nothing, other programs' GETs do, and pages of other sites can't."""

from collections.abc import AsyncIterator

import pytest

from rtc_drift.api.link_limit import LINKS, MAX_ADDRESSES, WINDOW_SECONDS, LinkLimit, LinkLimitError
from tests.support.api import Api, api_on_fakes

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)", "Accept-Language": "de, en;q=0.5"}
PICTURE = BROWSER | {"Accept": "image/avif,image/webp,image/*,*/*;q=0.8"}
PROGRAMS: tuple[dict[str, str], ...] = (
    {"User-Agent": "curl/8.5.0", "Accept": "*/*"},
    {"User-Agent": "Wget/1.21.4", "Accept": "*/*", "Accept-Encoding": "identity"},
    {"User-Agent": "VLC/3.0.20 LibVLC/3.0.20", "Accept": "*/*", "Accept-Language": "en_US", "Range": "bytes=0-"},
    {"User-Agent": "HomeAssistant/2026.1 aiohttp/3.13 Python/3.13"},
    {"User-Agent": "Mozilla/5.0 (Windows NT; de-DE) WindowsPowerShell/5.1"},
    {"User-Agent": "Shortcuts/1.0 CFNetwork/1.0 Darwin/24", "Accept": "*/*", "Accept-Language": "de"},
    BROWSER | {"Accept": "*/*", "Sec-Fetch-Site": "same-origin"},
    BROWSER | {"Accept": "*/*", "Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document"},
    BROWSER | {"Accept": "*/*", "Referer": "{url}/session/kitchen"},
)
FOREIGN: tuple[dict[str, str], ...] = (
    PICTURE,
    PICTURE | {"Referer": "http://evil.example/"},
    PICTURE | {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"},
    PICTURE | {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "image"},
    BROWSER | {"Accept": "*/*"},
    BROWSER | {"Accept": "*/*", "Accept-Language": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Purpose": "prefetch;prerender"},
    {"Purpose": "prefetch"},
    {"X-Moz": "prefetch"},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Referer": "http://127.0.0.1/"},
    {"Referer": "http://evil.example/", "Origin": "{url}"},
    {"Referer": "http://[x"},
)


@pytest.fixture
async def clock() -> list[float]:
    return [0.0]


@pytest.fixture
async def api(clock: list[float]) -> AsyncIterator[Api]:
    async with api_on_fakes(link_limit=LinkLimit(lambda: clock[0])) as served:
        yield served


def filled(api: Api, headers: dict[str, str]) -> dict[str, str]:
    return {name: value.replace("{url}", api.url) for name, value in headers.items()}


async def test_programs_make_something_and_are_redirected(api: Api) -> None:
    for number, headers in enumerate(PROGRAMS):
        place = (303, f"/session/room-{number}")
        for _ in range(2):
            assert await api.get(f"/session/create/room-{number}", filled(api, headers)) == place, headers
    assert await api.get("/session/create/master") == (303, "/")
    status, place = await api.get("/session/follow/room-0")
    assert status == 303
    assert api.sessions[place.rsplit("/", 1)[1]].following == "room-0"
    assert len(api.sessions) == 1 + len(PROGRAMS) + 1


async def test_browsers_get_the_page_and_make_nothing(api: Api) -> None:
    for name, status in (("create/kitchen", 200), ("create/master", 200), ("follow/master", 200)):
        for more in (
            {},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Purpose": "prefetch"},
            {"Referer": "http://evil.example/"},
        ):
            headers = BROWSER | {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"} | more
            assert await api.get(f"/session/{name}", headers) == (status, "page"), (name, more)
    for name, status in (("create/Kitchen", 422), ("create/events", 422), ("follow/nobody", 404)):
        assert await api.get(f"/session/{name}", {"Accept": "text/html"}) == (status, "page")
        assert (await api.get(f"/session/{name}"))[0] == status
    assert set(api.sessions) == {"master"}


async def test_head_makes_nothing(api: Api) -> None:
    for name in ("create/kitchen", "follow/master"):
        assert (await api.request("HEAD", f"/session/{name}"))[0] == 405
    assert set(api.sessions) == {"master"}


async def test_pages_of_other_sites_make_nothing(api: Api) -> None:
    for headers in FOREIGN:
        for name in ("create/kitchen", "create/master", "follow/master"):
            status, answer = await api.get(f"/session/{name}", filled(api, headers))
            assert (status, answer["code"]) == (403, "foreign_origin"), (name, headers)
    assert set(api.sessions) == {"master"}
    assert api.context.metrics.refused_commands._value.get() == 3 * len(FOREIGN)


async def test_links_that_make_something_are_limited(api: Api, clock: list[float]) -> None:
    for number in range(LINKS):
        assert (await api.get(f"/session/create/room-{number}" if number % 2 else "/session/follow/master"))[0] == 303
    clock[0] = 18.5
    for link in ("create/one-more", "follow/master"):
        async with api.http.get(f"{api.url}/session/{link}") as response:
            assert (response.status, (await response.json())["code"]) == (429, "too_many_requests")
            assert response.headers["Retry-After"] == "42"
    assert (await api.get("/session/create/room-1"))[0] == 303, "it makes nothing"
    body = {"sessionName": "master"}
    for _ in range(3 * LINKS):
        assert (await api.request("POST", "/api/session/follow", json=body))[0] == 201, "the API is not limited"
    clock[0] = WINDOW_SECONDS
    assert (await api.get("/session/create/one-more"))[0] == 303


def test_each_address_has_a_limit_of_its_own_and_few_are_remembered() -> None:
    clock = [0.0]
    limit = LinkLimit(lambda: clock[0])
    for _ in range(LINKS):
        limit.take("192.0.2.1")
        clock[0] += 2
    with pytest.raises(LinkLimitError) as raised:
        limit.take("192.0.2.1")
    assert raised.value.retry_after_seconds == 40, "the first of them counts for a minute"
    for number in range(2 * MAX_ADDRESSES):
        limit.take(f"address {number}")
        if number % 100 == 0:
            with pytest.raises(LinkLimitError):
                limit.take("192.0.2.1")
    assert len(limit) == MAX_ADDRESSES
    clock[0] = WINDOW_SECONDS
    limit.take("192.0.2.1")
    with pytest.raises(LinkLimitError):
        limit.take("192.0.2.1")
