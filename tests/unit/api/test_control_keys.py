"""Control keys: any bytes may be sent as one, and what follows a locked session is not ended by strangers."""

from pathlib import Path
from typing import Any

import pytest

from rtc_drift.api.permissions import KEY_HEADER
from rtc_drift.library.database import Database
from rtc_drift.library.storage import Storage
from rtc_drift.session_store import SessionStore, SessionTable
from tests.support.api import Api
from tests.support.session_registry import make_sessions

KEY = "rtc-drift-key-"


async def made(api: Api, what: str, headers: dict[str, str] | None = None, **body: Any) -> tuple[dict[str, Any], str]:
    """Create or follow; return the answer and its cookie, if there is one."""
    url = f"{api.url}/api/session/{what}"
    async with api.http.post(url, json=body, headers=headers) as response:
        assert response.status == 201
        return await response.json(), response.headers.get("Set-Cookie", "")


@pytest.fixture
async def key(api: Api) -> str:
    """Create the locked session `kitchen`; return its key."""
    answer, _ = await made(api, "create", sessionName="kitchen", options={"locked": True})
    return str(answer["controlKey"])


@pytest.mark.parametrize("bytes_", [b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"key\xe9", "ключ".encode()])
async def test_a_key_that_is_no_text_is_a_wrong_key(api: Api, key: str, bytes_: bytes) -> None:
    sent = bytes_.decode(errors="surrogateescape")
    follower, _ = await made(api, "follow", sessionName="kitchen")
    for header in (f"X-Control-Key: {sent}", f"Cookie: {KEY}kitchen={sent}", f"Cookie: {KEY}kitchen={sent}; a=b"):
        for method, path, code in (
            ("POST", "/session/kitchen/pause", b"locked"),
            ("DELETE", "/api/session/kitchen", b"locked"),
            ("DELETE", f"/api/session/{follower['sessionId']}", b"locked"),
            ("POST", f"/session/{follower['sessionId']}/pause", b"read_only"),
        ):
            answer = await api.raw(f"{method} {path} HTTP/1.1", "Host: localhost", header)
            assert b" 403 " in answer.splitlines()[0], (header, path)
            assert code in answer
        answer = await api.raw("GET /api/session/info?sessionId=kitchen HTTP/1.1", "Host: localhost", header)
        assert b'"allowCommands":false' in answer
    assert api.sessions["kitchen"].may_command("\ud800") is False


async def test_only_its_page_or_the_leader_ends_what_follows_a_locked_session(api: Api, key: str) -> None:
    for ender in ("own header", "own cookie", "leader's header", "leader's cookie"):
        answer, cookie = await made(api, "follow", sessionName="kitchen")
        other, _ = await made(api, "follow", sessionName=answer["sessionId"])
        follower, own = answer["sessionId"], answer["controlKey"]
        path = f"/api/session/{follower}"
        name, value = f"{KEY}{follower}", own
        assert cookie.startswith(f"{name}={value}; ")
        assert {"HttpOnly", "SameSite=Strict", f"Path={path}"} <= set(cookie.split("; "))
        strangers: tuple[dict[str, str], ...] = (
            {},
            {KEY_HEADER: "x"},
            {KEY_HEADER: other["controlKey"]},
            {"Cookie": f"{name}=x"},
        )
        for headers in strangers:
            status, refused = await api.request("DELETE", path, headers)
            assert (status, refused["code"]) == (403, "locked"), headers
        for headers in ({KEY_HEADER: own}, {KEY_HEADER: key}, {"Cookie": f"{name}={own}; {KEY}kitchen={key}"}):
            status, refused = await api.request("POST", f"/session/{follower}/next-track", headers, data=b"{")
            assert (status, refused["code"]) == (403, "read_only"), "its key is for nothing but ending it"
        listed = (await api.get("/api/session/list"))[1]["sessions"]
        assert [each["locked"] for each in listed if each["sessionId"] in ("kitchen", follower)] == [True, False]
        keys = {
            "own header": {KEY_HEADER: own},
            "own cookie": {"Cookie": f"{name}={own}"},
            "leader's header": {KEY_HEADER: key},
            "leader's cookie": {"Cookie": f"{KEY}kitchen={key}"},
        }
        assert await api.request("DELETE", path, keys[ender]) == (204, None), ender
        assert follower not in api.sessions
    assert await api.request("DELETE", "/api/session/kitchen", {KEY_HEADER: key}) == (204, None)
    assert set(api.sessions) == {"master"}


async def test_a_link_that_follows_a_locked_session_sets_the_cookie(api: Api, key: str) -> None:
    async with api.http.get(f"{api.url}/session/follow/kitchen", allow_redirects=False) as response:
        follower = response.headers["Location"].rsplit("/", 1)[1]
        cookie = response.headers["Set-Cookie"].partition(";")[0]
    assert (await api.request("DELETE", f"/api/session/{follower}"))[0] == 403
    assert (await api.request("DELETE", f"/api/session/{follower}", {"Cookie": cookie}))[0] == 204
    async with api.http.get(f"{api.url}/session/follow/master", allow_redirects=False) as response:
        assert "Set-Cookie" not in response.headers


async def test_a_follower_of_an_open_session_has_no_key_and_is_ended_by_anybody(api: Api) -> None:
    answer, cookie = await made(api, "follow", sessionName="master")
    assert ("controlKey" in answer, cookie) == (False, "")
    assert await api.request("DELETE", f"/api/session/{answer['sessionId']}", {KEY_HEADER: "x"}) == (204, None)


async def test_the_keys_of_followers_survive_a_restart(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "catalogue.sqlite")
    before = make_sessions()
    key = (await before.create("kitchen")).lock_with_new_key()
    follower = before.follow("kitchen")
    own = follower.lock_with_new_key()
    before.start()
    await SessionStore(before, SessionTable(database), Storage()).save()
    await before.close()
    after = make_sessions()
    await SessionStore(after, SessionTable(database), Storage()).load()
    assert after["kitchen"].has_key(key)
    assert after[follower.id].has_key(own)
    assert not after[follower.id].has_key(key)
    assert (after["kitchen"].is_locked, after[follower.id].is_locked) == (True, False)
    database.close()
