"""Hosts: pages with foreign names that lead here (DNS rebinding) are refused on every route."""

import socket

import pytest

from rtc_drift.api.known_hosts import KnownHosts, names_of_this_host
from rtc_drift.api.routes import ROUTES
from tests.support.api import Api

KNOWN = (
    *("127.0.0.1", "192.0.2.7:8080", "[::1]", "[2001:db8::1]:8080", "localhost", "LOCALHOST:8080", "radio.localhost"),
    *(
        "kitchen.local",
        "Kitchen.Local.:8080",
        "radio.example.org",
        "RADIO.example.org.",
        "a.home.example",
        "x.y.home.example",
    ),
)
UNKNOWN = (
    *("evil.example", "example.org", "home.example", "radio.example.org.evil.example", "127.0.0.1.evil.example"),
    *("xradio.example.org", "notlocal", "local.evil.example", "localhost.evil.example:8080", "127.0.0.256"),
)
MALFORMED = ("", "a:99999", "[x", "a b", "a/b", "user@localhost", "[::1", "a" * 250 + ".local", "localhost:1, evil")


async def test_only_known_hosts_are_answered(api: Api) -> None:
    for hosts, expected in ((KNOWN, (200, None)), (UNKNOWN, (421, "unknown_host")), (MALFORMED, (400, "bad_host"))):
        for host in hosts:
            status, answer = await api.get("/healthz", {"Host": host})
            assert (status, answer.get("code")) == expected, host


async def test_foreign_hosts_are_refused_on_every_route_and_told_the_option(api: Api) -> None:
    filled = {"{session_id}": "master", "{path:.+}": "js/main.js"}
    routes = [(route.method, route.path) for route in ROUTES]
    for method, path in (*routes, ("GET", "/nowhere"), ("GET", "/static/nothing"), ("GET", "/whep")):
        for field, value in filled.items():
            path = path.replace(field, value)
        status, answer = await api.request(method, path, {"Host": "evil.example:8080", "Accept": "text/html"})
        assert status == 421, (method, path)
        if method != "HEAD":
            assert answer["code"] == "unknown_host"
            assert "--allow-host evil.example." in answer["error"]
    assert set(api.sessions) == {"master"}


async def test_programs_that_speak_http_1_0_need_no_host(api: Api) -> None:
    answer = await api.raw("GET /api/session/info HTTP/1.0")
    assert b" 200 " in answer.splitlines()[0]
    assert f'"webUrl":"{api.url}/"'.encode() in answer
    assert b" 421 " in (await api.raw("GET /healthz HTTP/1.0", "Host: evil.example")).splitlines()[0]
    for lines in (
        ("GET /healthz HTTP/1.1",),
        ("GET /healthz HTTP/1.1", "Host: 127.0.0.1", "Host: evil.example"),
        ("GET /healthz HTTP/1.0", "Host: evil.example", "Host: 127.0.0.1"),
    ):
        assert b" 400 " in (await api.raw(*lines)).splitlines()[0], lines


def test_the_names_of_this_host_are_known_without_asking_the_dns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "Kitchen.example.net")
    hosts = KnownHosts(names_of_this_host())
    for name, known in (("kitchen", True), ("KITCHEN.example.net", True), ("example.net", False), ("other", False)):
        assert (name in hosts) == known, name


async def test_the_longest_host_is_255_characters(api: Api) -> None:
    name = "a" * 244 + ".local"
    assert len(f"{name}:8080") == 255
    assert (await api.get("/healthz", {"Host": f"{name}:8080"}))[0] == 200
    assert (await api.get("/healthz", {"Host": f"a{name}:8080"}))[0] == 400
