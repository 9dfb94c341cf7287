"""Who may command: nobody on a follower, on a locked session who has the key, everybody else anywhere else."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest

from rtc_drift.api.routes import ROUTES
from tests.conftest import Serve, Served
from tests.waiting import until

ONE_WAY = True

COMMANDS = sorted(
    route.path.rsplit("/", 1)[1]
    for route in ROUTES
    if route.path.startswith("/session/{session_id}/") and route.method not in ("GET", "HEAD")
)
"""As the table of routes has them: one that is added is tested."""
BODIES: dict[str, dict[str, Any]] = {"seek": {"positionSeconds": 3}, "direction": {"direction": "calmer"}}


@pytest.fixture
async def served(serve: Serve, music: Path) -> Any:
    async with serve(music) as running:
        conductor = running.service.sessions.master.station.autodj
        await until(lambda: conductor.planned() is not None)
        yield running


async def body_of(served: Served, command: str) -> dict[str, Any]:
    (track, *_) = (await served.get("/api/tracks"))["tracks"]
    return {"queue": {"trackId": track["id"]}, "love": {"trackId": track["id"], "value": True}, **BODIES}.get(
        command, {}
    )


def test_all_commands_of_the_contract_are_there() -> None:
    contract = "direction love next-track pause previous queue reset-drift resume seek"
    assert " ".join(COMMANDS) == contract


async def test_a_follower_is_refused_before_its_body_is_read(served: Served) -> None:
    follower = await served.follow("master")
    before = await served.get("/api/session/info")
    expected = {
        "error": "Follower sessions cannot send commands",
        "code": "read_only",
        "followingSession": "master",
    }
    methods, bodies = ("POST", "PUT", "PATCH", "DELETE"), (b"{", b"{}", b"x" * 1_000_000)
    for command, method, body in product(COMMANDS, methods, bodies):
        url = f"{served.url}/session/{follower}/{command}"
        async with served.http.request(method, url, data=body) as response:
            assert (response.status, await response.json()) == (403, expected), f"{method} {command}"
    after = await served.get("/api/session/info")
    for field in ("nowPlaying", "next", "queue", "direction", "pausedAt"):
        assert after[field] == before[field], field


async def test_a_command_that_does_not_exist_is_refused_on_a_follower_too(served: Served) -> None:
    follower = await served.follow("master")
    for path, status in (
        (f"/session/{follower}/dance", 403),
        (f"/session/{follower}/a/b", 403),
        ("/session/master/dance", 404),
    ):
        async with served.http.post(f"{served.url}{path}", json={}) as response:
            assert response.status == status


async def test_leaders_are_obeyed_and_say_when_it_is_heard(served: Served) -> None:
    await served.create("kitchen")
    for command, session in product(COMMANDS, ("master", "kitchen")):
        status, answer = await served.post(f"/session/{session}/{command}", await body_of(served, command))
        assert status == 202, answer
        assert answer["accepted"] is True
        assert isinstance(answer["startsAt"], int)


async def test_a_locked_session_wants_its_key(served: Served) -> None:
    key = (await served.create("kitchen", locked=True))["controlKey"]
    served.http.cookie_jar.clear()
    strangers: tuple[dict[str, str], ...] = ({}, {"X-Control-Key": "x"}, {"Cookie": "rtc-drift-key-kitchen=x"})
    owners = ({"X-Control-Key": key}, {"Cookie": f"rtc-drift-key-kitchen={key}"})
    for command in COMMANDS:
        body, url = await body_of(served, command), f"{served.url}/session/kitchen/{command}"
        for headers in strangers:
            async with served.http.post(url, json=body, headers=headers) as response:
                assert (response.status, (await response.json())["code"]) == (403, "locked"), command
        for headers in owners:
            async with served.http.post(url, json=body, headers=headers) as response:
                assert response.status == 202, command


async def test_only_the_key_ends_a_locked_session_and_it_is_told_once(served: Served) -> None:
    created = await served.create("kitchen", locked=True)
    served.http.cookie_jar.clear()
    assert await served.delete("/api/session/kitchen") == 403
    for path in ("/api/session/list", "/api/session/info?sessionId=kitchen"):
        async with served.http.get(f"{served.url}{path}") as response:
            assert created["controlKey"] not in await response.text()
    assert (await served.get("/api/session/info?sessionId=kitchen"))["allowCommands"] is False
    headers = {"X-Control-Key": created["controlKey"]}
    async with served.http.get(f"{served.url}/api/session/info?sessionId=kitchen", headers=headers) as response:
        assert (await response.json())["allowCommands"] is True
    async with served.http.delete(f"{served.url}/api/session/kitchen", headers=headers) as response:
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


async def test_bad_bodies_name_the_field(served: Served) -> None:
    for command, body, code in BAD:
        status, answer = await served.post(f"/session/master/{command}", body)
        assert (status, answer["code"]) == (422, code), command
        assert answer["field"]
        assert answer["error"].endswith(".")
