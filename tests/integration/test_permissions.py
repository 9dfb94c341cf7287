"""Permissions: nobody commands a follower, only its key a locked session, and everybody all others."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest

from rtc_drift.api.routes import ROUTES
from tests.support.server import RunningServer, Serve
from tests.support.waiting import until

SHARED_PORT_ONLY = True

COMMANDS = sorted(
    route.path.rsplit("/", 1)[1]
    for route in ROUTES
    if route.path.startswith("/session/{session_id}/") and route.method not in ("GET", "HEAD")
)
"""All commands in the table of routes, so that new ones are tested."""
BODIES: dict[str, dict[str, Any]] = {
    "seek": {"positionSeconds": 3},
    "direction": {"direction": "calmer"},
    "queue-move": {"entryId": 1, "position": 0},
    "queue-remove": {"entryId": 1},
}
"""Bodies of commands; `queue` comes before those that need an entry."""


@pytest.fixture
async def server(serve: Serve, music: Path) -> Any:
    async with serve(music) as running:
        autodj = running.service.sessions.master.station.autodj
        await until(lambda: autodj.planned() is not None)
        yield running


async def body_of(server: RunningServer, command: str) -> dict[str, Any]:
    """Return a valid body of a command."""
    (track, *_) = (await server.get("/api/tracks"))["tracks"]
    return {"queue": {"trackId": track["id"]}, "love": {"trackId": track["id"], "value": True}, **BODIES}.get(
        command, {}
    )


def test_the_routes_have_all_commands() -> None:
    contract = "direction love next-track pause previous queue queue-move queue-remove reset-drift resume seek"
    assert " ".join(COMMANDS) == contract


async def test_commands_on_a_follower_are_refused_before_the_body_is_read(server: RunningServer) -> None:
    follower = await server.follow("master")
    before = await server.get("/api/session/info")
    expected = {
        "error": "Follower sessions cannot send commands",
        "code": "read_only",
        "followingSession": "master",
    }
    methods, bodies = ("POST", "PUT", "PATCH", "DELETE"), (b"{", b"{}", b"x" * 1_000_000)
    for command, method, body in product(COMMANDS, methods, bodies):
        url = f"{server.url}/session/{follower}/{command}"
        async with server.http.request(method, url, data=body) as response:
            assert (response.status, await response.json()) == (403, expected), f"{method} {command}"
    after = await server.get("/api/session/info")
    for field in ("nowPlaying", "next", "queue", "direction", "pausedAt"):
        assert after[field] == before[field], field


async def test_unknown_commands_on_a_follower_are_refused(server: RunningServer) -> None:
    follower = await server.follow("master")
    for path, status in (
        (f"/session/{follower}/dance", 403),
        (f"/session/{follower}/a/b", 403),
        ("/session/master/dance", 404),
    ):
        async with server.http.post(f"{server.url}{path}", json={}) as response:
            assert response.status == status


async def test_commands_on_leaders_are_accepted_with_their_start(server: RunningServer) -> None:
    await server.create("kitchen")
    for command, session in product(COMMANDS, ("master", "kitchen")):
        status, answer = await server.post(f"/session/{session}/{command}", await body_of(server, command))
        assert status == 202, answer
        assert answer["accepted"] is True
        assert isinstance(answer["startsAt"], int)


async def test_a_locked_session_requires_its_key(server: RunningServer) -> None:
    key = (await server.create("kitchen", locked=True))["controlKey"]
    server.http.cookie_jar.clear()
    strangers: tuple[dict[str, str], ...] = ({}, {"X-Control-Key": "x"}, {"Cookie": "rtc-drift-key-kitchen=x"})
    owners = ({"X-Control-Key": key}, {"Cookie": f"rtc-drift-key-kitchen={key}"})
    for command in COMMANDS:
        body, url = await body_of(server, command), f"{server.url}/session/kitchen/{command}"
        for headers in strangers:
            async with server.http.post(url, json=body, headers=headers) as response:
                assert (response.status, (await response.json())["code"]) == (403, "locked"), command
        for headers in owners[: 1 if command == "queue-remove" else 2]:  # an entry is removed once
            async with server.http.post(url, json=body, headers=headers) as response:
                assert response.status == 202, command


async def test_only_the_key_ends_a_locked_session_and_is_sent_once(server: RunningServer) -> None:
    created = await server.create("kitchen", locked=True)
    server.http.cookie_jar.clear()
    assert await server.delete("/api/session/kitchen") == 403
    for path in ("/api/session/list", "/api/session/info?sessionId=kitchen"):
        async with server.http.get(f"{server.url}{path}") as response:
            assert created["controlKey"] not in await response.text()
    assert (await server.get("/api/session/info?sessionId=kitchen"))["allowCommands"] is False
    headers = {"X-Control-Key": created["controlKey"]}
    async with server.http.get(f"{server.url}/api/session/info?sessionId=kitchen", headers=headers) as response:
        assert (await response.json())["allowCommands"] is True
    async with server.http.delete(f"{server.url}/api/session/kitchen", headers=headers) as response:
        assert response.status == 204


BAD: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("next-track", {"trackId": "0123456789abcdef"}, "unknown_track"),
    ("next-track", {"direction": "up"}, "unknown_direction"),
    ("next-track", {"when": "soon"}, "invalid_field"),
    ("queue", {"trackId": "x"}, "unknown_track"),
    ("queue", {}, "invalid_field"),
    ("direction", {"direction": "up"}, "unknown_direction"),
    ("direction", {}, "invalid_field"),
    ("seek", {"positionSeconds": -1}, "invalid_field"),
    ("seek", {"positionSeconds": 1e300}, "out_of_track"),
    ("seek", {"positionSeconds": "NaN"}, "invalid_field"),
    ("love", {"trackId": "x", "value": True}, "unknown_track"),
    ("pause", {"now": True}, "invalid_field"),
)


async def test_bad_bodies_are_refused_with_the_field(server: RunningServer) -> None:
    for command, body, code in BAD:
        status, answer = await server.post(f"/session/master/{command}", body)
        assert (status, answer["code"]) == (422, code), command
        assert answer["field"]
        assert answer["error"].endswith(".")
