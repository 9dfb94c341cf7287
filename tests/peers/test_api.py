"""The HTTP door: events, commands, library, operations, and every error in one form."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from rtc_drift.app import serving
from rtc_drift.config import Settings
from tests.conftest import Serve, Served
from tests.waiting import until


async def collect(served: Served, until_type: str, last_event_id: str | None = None) -> list[dict[str, Any]]:
    """A session's events up to the first of a type."""
    from rtc_drift.client import Listener

    async with Listener(f"{served.url}/whep/master") as listener:
        received = []
        async for event in listener.events(last_event_id):
            received.append(event)
            if event["type"] == until_type:
                break
        return received


async def test_events_tell_a_transition_in_order_with_media_times(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        await until(lambda: served.service.sessions.master.conductor.planned() is not None)
        reading = asyncio.create_task(collect(served, "track_started"))
        await until(lambda: served.service.sessions.master.hub.readers == 1)
        status, answer = await served.post("/session/master/next-track")
        received = await reading
    assert status == 202
    assert answer["accepted"] is True
    kinds = [event["type"] for event in received if event["type"] not in ("listeners", "heartbeat")]
    assert kinds[0] == "hello"
    assert kinds[-3:] == ["track_planned", "transition_started", "track_started"]
    hello, started = received[0], received[-1]
    assert hello["state"]["nowPlaying"]["track"]["title"].startswith("Steady")
    assert started["mediaTime"] == started["startsAt"] == answer["startsAt"]
    assert started["track"]["id"] == answer["track"]["id"]
    planned = next(event for event in received if event["type"] == "track_planned")
    assert planned["reason"].endswith(".")
    times = [event["mediaTime"] for event in received]
    assert times[0] <= answer["startsAt"]
    assert len({event["id"] for event in received}) == len(received)


async def test_a_reader_that_comes_back_gets_what_it_missed(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        hub = served.service.sessions.master.hub
        first = await collect(served, "hello")
        await served.post("/session/master/next-track")
        await until(lambda: any("started" in event.type for _, event in hub.missed(first[0]["id"]) or []))
        missed = await collect(served, "track_started", last_event_id=first[0]["id"])
        assert "hello" not in [event["type"] for event in missed]
        fresh = await collect(served, "hello", last_event_id="gone-1")
        assert [event["type"] for event in fresh] == ["hello"]
        await until(lambda: hub.readers == 0)


async def test_a_certain_track_can_be_asked_for(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        await until(lambda: len(served.service.library.playable()) == 5, 30)
        found = await served.get("/api/tracks?q=steady+4")
        assert found["total"] == 1
        wanted = found["tracks"][0]
        assert (wanted["title"], wanted["artist"]) == ("Steady 4", "Artist 4")
        status, answer = await served.post("/session/master/next-track", {"trackId": wanted["id"]})
        assert (status, answer["track"]) == (202, wanted)
        session = served.service.sessions.master
        await until(lambda: session.state().now_playing is not None and session.now() > answer["startsAt"])
        info = await served.get("/api/session/info?sessionId=master")
        assert info["nowPlaying"]["track"]["id"] == wanted["id"]
        assert info["positionSeconds"] >= 0
        assert info["whepUrl"] == f"{served.url}/whep/master"


async def test_the_rtp_clock_maps_what_is_heard_to_media_time(serve: Serve, music: Path) -> None:
    async with serve(music) as served, served.listener() as listener:
        receiver = listener._peer.getTransceivers()[0].receiver
        timestamps: list[int] = []
        take = receiver._handle_rtp_packet

        async def spy(packet: Any, **options: Any) -> None:
            timestamps.append(packet.timestamp)
            await take(packet, **options)

        receiver._handle_rtp_packet = spy  # type: ignore[method-assign, assignment]
        await until(lambda: len(timestamps) >= 5)
        clock = (await served.get("/api/session/info"))["rtpClock"]
        (offset,) = clock["offsets"].values()
        heard = (timestamps[-1] - offset) % 2**32
        assert heard % 960 == 0
        assert 0 <= clock["mediaTime"] - heard < 48_000


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/nowhere", None, 404, "not_found"),
        ("GET", "/session/nobody", None, 404, "session_not_found"),
        ("GET", "/events/nobody", None, 404, "session_not_found"),
        ("GET", "/stream/nobody", None, 404, "session_not_found"),
        ("POST", "/session/nobody/next-track", "{}", 404, "session_not_found"),
        ("GET", "/session/master/next-track", None, 405, "method_not_allowed"),
        ("POST", "/session/master/next-track", "{", 400, "bad_json"),
        ("POST", "/session/master/next-track", "[]", 422, "invalid_field"),
        ("POST", "/session/master/next-track", '{"trackId": 5}', 422, "invalid_field"),
        ("POST", "/session/master/next-track", '{"track": "x"}', 422, "invalid_field"),
        ("POST", "/session/master/next-track", '{"trackId": "0123456789abcdef"}', 422, "unknown_track"),
        ("GET", "/api/session/info?sessionId=nobody", None, 404, "session_not_found"),
        ("GET", "/api/tracks?limit=0", None, 422, "invalid_field"),
        ("GET", "/api/tracks/0123456789abcdef", None, 404, "track_not_found"),
        ("GET", "/api/tracks/0123456789abcdef/cover", None, 404, "track_not_found"),
    ],
)
async def test_errors_are_one_sentence_and_a_code(
    shared: Served, method: str, path: str, body: str | None, status: int, code: str
) -> None:
    headers = {"Content-Type": "application/json"}
    async with shared.http.request(method, f"{shared.url}{path}", data=body, headers=headers) as response:
        answer = await response.json()
        assert (response.status, answer["code"]) == (status, code)
        assert answer["error"].endswith(".")


@pytest.fixture
async def shared(serve: Serve, music: Path) -> Any:
    async with serve(music) as served:
        yield served


async def test_operations_and_page(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        assert await served.get("/healthz") == {"status": "ok"}
        assert await served.get("/readyz") == {"status": "ready"}
        sessions = (await served.get("/api/session/list"))["sessions"]
        assert [session["sessionId"] for session in sessions] == ["master"]
        for path in ("/", "/session/master", "/static/js/main.js", "/static/icon.svg"):
            async with served.http.get(f"{served.url}{path}") as response:
                assert response.status == 200, path
        async with served.http.get(f"{served.url}/metrics") as response:
            text = await response.text()
        assert "rtc_drift_engine_tick_late_seconds_bucket" in text
        assert "rtc_drift_tracks " in text


async def test_it_is_not_ready_before_the_first_audio_is_decoded(tmp_path: Path, leaks_nothing: None) -> None:
    import aiohttp

    folder = tmp_path / "music"
    folder.mkdir()
    settings = Settings(music=(folder,), data_dir=tmp_path / "data", port=0)
    async with serving(settings) as (service, url), aiohttp.ClientSession() as http:
        async with http.get(f"{url}/readyz") as response:
            assert response.status == 503
            assert (await response.json())["code"] == "not_ready"
        async with http.post(f"{url}/session/master/next-track", json={}) as response:
            assert response.status == 503
            assert "Retry-After" in response.headers
        # The demo library is being made; the first of it makes the server ready.
        await asyncio.wait_for(service.sessions.master.first_audio.wait(), 60)
        async with http.get(f"{url}/readyz") as response:
            assert response.status == 200


async def test_a_port_that_is_taken_is_said(serve: Serve, music: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from rtc_drift.commands.serve import serve as serve_command

    async with serve(music) as served:
        port = int(served.url.rsplit(":", 1)[1])
        other = served.service.settings.data_dir.with_name("other")
        assert await serve_command(Settings(port=port, music=(music,), data_dir=other)) == 1
