"""Requests that came through a proxy: links, hosts and limits are those of the client."""

import pytest
import segno

from rtc_drift.api import page
from tests.support.api import api_on_fakes

NAMED = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "radio.example.org"}


async def test_links_of_a_trusted_proxy_are_those_that_its_client_can_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    links = list[str]()
    make = segno.make

    def noted(link: str, **more: object) -> segno.QRCode:
        links.append(link)
        return make(link, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("segno.make", noted)
    page.qr_svg.cache_clear()
    async with api_on_fakes(allow=("radio.example.org",), proxies=("127.0.0.0/8",)) as api:
        for headers in (NAMED, {"Forwarded": "for=192.0.2.1;proto=https;host=radio.example.org"}):
            _, info = await api.get("/api/session/info", headers)
            assert info["webUrl"] == "https://radio.example.org/"
            assert info["whepUrl"] == "https://radio.example.org/whep/master"
            async with api.http.get(f"{api.url}/session/master/qr.svg", headers=headers) as response:
                assert response.status == 200
        assert links == ["https://radio.example.org/session/follow/master"], "both headers give the same code"
        assert (await api.get("/api/session/info"))[1]["webUrl"] == f"{api.url}/", "a proxy need not say anything"

        status, answer = await api.get("/healthz", NAMED | {"X-Forwarded-Host": "evil.example"})
        assert (status, answer["code"]) == (421, "unknown_host")
        status, answer = await api.get("/healthz", NAMED | {"X-Forwarded-Proto": "gopher"})
        assert (status, answer["code"]) == (400, "bad_forwarded")

        own, foreign = NAMED | {"Origin": "https://radio.example.org"}, NAMED | {"Origin": api.url}
        assert (await api.request("POST", "/session/master/pause", own))[0] == 202
        assert (await api.request("POST", "/session/master/pause", foreign))[1]["code"] == "foreign_origin"

        body = {"sessionName": "kitchen", "options": {"locked": True}}
        async with api.http.post(f"{api.url}/api/session/create", json=body, headers=NAMED) as response:
            assert response.cookies["rtc-drift-key-kitchen"]["secure"]


async def test_limits_for_each_client_look_behind_a_trusted_proxy() -> None:
    async with api_on_fakes(proxies=("127.0.0.1",)) as api:
        statuses = [
            [(await api.get("/session/follow/master", {"X-Forwarded-For": f"192.0.2.{client}"}))[0] for _ in range(11)]
            for client in (1, 2)
        ]
        assert statuses == [[*[303] * 10, 429]] * 2


async def test_nobody_else_is_believed() -> None:
    async with api_on_fakes(allow=("radio.example.org",), proxies=("192.0.2.0/24",)) as api:
        for headers in (NAMED, NAMED | {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher"}):
            assert (await api.get("/api/session/info", headers))[1]["webUrl"] == f"{api.url}/"
        statuses = [
            (await api.get("/session/follow/master", {"X-Forwarded-For": f"192.0.2.{client}"}))[0]
            for client in range(11)
        ]
        assert statuses[-1] == 429
        body = {"sessionName": "kitchen", "options": {"locked": True}}
        async with api.http.post(f"{api.url}/api/session/create", json=body, headers=NAMED) as response:
            assert not response.cookies["rtc-drift-key-kitchen"]["secure"]
