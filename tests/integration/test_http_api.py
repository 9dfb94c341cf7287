"""The HTTP API: events, commands, library, operations, and the common form of all errors."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from rtc_drift.app import serving
from rtc_drift.client import Listener, ListenerError
from rtc_drift.config import ConfigError, Settings
from tests.support.events import kept_frames
from tests.support.server import RunningServer, Serve
from tests.support.server_process import REPOSITORY
from tests.support.waiting import until

SHARED_PORT_ONLY = True


async def collect(server: RunningServer, until_type: str, last_event_id: str | None = None) -> list[dict[str, Any]]:
    """Read the master's events up to the first of a type."""
    async with Listener(f"{server.url}/whep/master") as listener:
        received = []
        async for event in listener.events(last_event_id):
            received.append(event)
            if event["type"] == until_type:
                break
        return received


def _another_track_is_planned(server: RunningServer) -> bool:
    playing, planned = server.autodj.now_playing(), server.autodj.planned()
    return bool(playing and planned and playing.track.id != planned.track.id)


async def test_events_of_a_transition_come_in_order_with_media_times(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        # A plan made while the scan had found only one track would change.
        await server.scanned_tracks()
        await until(lambda: _another_track_is_planned(server))
        reading = asyncio.create_task(collect(server, "track_started"))
        await until(lambda: server.station.hub.readers == 1)
        status, answer = await server.post("/session/master/next-track")
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


async def test_a_returning_event_reader_gets_the_events_it_missed(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        hub = server.station.hub
        first = await collect(server, "hello")
        await server.post("/session/master/next-track")
        await until(lambda: b"track_started" in b"".join(kept_frames(hub)))
        missed = await collect(server, "track_started", last_event_id=first[0]["id"])
        assert "hello" not in [event["type"] for event in missed]
        fresh = await collect(server, "hello", last_event_id="gone-1")
        assert [event["type"] for event in fresh] == ["hello"]
        await until(lambda: hub.readers == 0)


async def test_a_track_can_be_requested_by_its_id(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        await until(lambda: len(server.service.library.playable()) == 5, 30)
        found = await server.get("/api/tracks?q=steady+4")
        assert found["total"] == 1
        wanted = found["tracks"][0]
        assert (wanted["title"], wanted["artist"]) == ("Steady 4", "Artist 4")
        status, answer = await server.post("/session/master/next-track", {"trackId": wanted["id"]})
        assert (status, answer["track"]) == (202, wanted)
        session = server.station
        await until(lambda: session.now() >= answer["startsAt"])
        info = await server.info()
        assert info["nowPlaying"]["track"]["id"] == wanted["id"]
        assert info["positionSeconds"] >= 0
        assert info["whepUrl"] == f"{server.url}/whep/master"


async def test_the_rtp_clock_maps_timestamps_to_media_time(serve: Serve, music: Path) -> None:
    async with serve(music) as server, server.listener() as listener:
        receiver = listener._peer.getTransceivers()[0].receiver
        timestamps: list[int] = []
        take = receiver._handle_rtp_packet

        async def spy(packet: Any, **options: Any) -> None:
            timestamps.append(packet.timestamp)
            await take(packet, **options)

        receiver._handle_rtp_packet = spy  # type: ignore[method-assign, assignment]
        await until(lambda: len(timestamps) >= 5)
        latest = timestamps[-1]  # packets that arrive while the server answers may be later than its answer
        clock = (await server.info())["rtpClock"]
        (offset,) = clock["offsets"].values()
        media_time = (latest - offset) % 2**32
        assert media_time % 960 == 0
        assert 0 <= clock["mediaTime"] - media_time < 48_000


ERRORS: tuple[tuple[str, str, str | None, int, str], ...] = (
    ("GET", "/nowhere", None, 404, "not_found"),
    ("GET", "/static/" + "a" * 3_000, None, 404, "not_found"),
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
)


FIXED_SENTENCES = ("Session not found", "Target session not found", "Follower sessions cannot send commands")
"""Sentences whose wording is given: they have no full stop."""


async def test_errors_are_one_sentence_and_a_code(shared: RunningServer) -> None:
    headers = {"Content-Type": "application/json"}
    for method, path, body, status, code in ERRORS:
        async with shared.http.request(method, f"{shared.url}{path}", data=body, headers=headers) as response:
            answer = await response.json()
            assert (response.status, answer["code"]) == (status, code), (method, path, body)
            assert answer["error"].endswith(".") or answer["error"] in FIXED_SENTENCES, (method, path, body)


@pytest.fixture
async def shared(serve: Serve, music: Path) -> Any:
    async with serve(music, allow_host=("h",)) as server:
        yield server


async def test_health_metrics_and_the_page_are_served(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        await until(lambda: server.service.engines.tick_ages_seconds[0] is not None)
        health = await server.get("/healthz")
        assert health["status"] == "ok"
        assert 0 <= health["loopAgeSeconds"] < 30
        assert 0 <= health["engines"][0]["lastTickAgeSeconds"] < 30
        assert await server.get("/readyz") == {"status": "ready"}
        sessions = (await server.get("/api/session/list"))["sessions"]
        assert [session["sessionId"] for session in sessions] == ["master"]
        for path in ("/", "/session/master", "/static/js/main.js", "/static/icon.svg"):
            async with server.http.get(f"{server.url}{path}") as response:
                assert response.status == 200, path
        text = await server.metrics()
        assert "rtc_drift_engine_tick_late_seconds_bucket" in text
        assert "rtc_drift_tracks " in text
        gauges = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[:1] != "#")
        for name in (
            "rtc_drift_tasks",
            "rtc_drift_threads",
            *(["rtc_drift_open_descriptors"] if sys.platform == "linux" else []),
        ):
            assert float(gauges[name]) >= 1, name


async def test_the_server_is_not_ready_before_the_first_audio_is_decoded(tmp_path: Path, no_leaks: None) -> None:
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
        # The demo library is being made; its first track makes the server ready.
        await asyncio.wait_for(service.sessions.master.station.first_audio.wait(), 60)
        async with http.get(f"{url}/readyz") as response:
            assert response.status == 200


async def test_a_taken_port_is_reported(
    serve: Serve, music: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rtc_drift.cli import serve as command

    monkeypatch.setattr(command, "_raise_descriptor_limit", lambda: None)
    monkeypatch.setattr(command, "_raise_priority", lambda: None)
    async with serve(music) as server:
        port = int(server.url.rsplit(":", 1)[1])
        other = server.service.settings.data_dir.with_name("other")
        assert await command.serve(Settings(port=port, music=(music,), data_dir=other)) == 1
        assert f"--port {port} is taken" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["[::1]", "nosuch host", "192.0.2.1", "a" * 70 + ".b"])
async def test_a_wrong_host_is_reported(host: str, tmp_path: Path, music: Path, no_leaks: None) -> None:
    settings = Settings(host=host, port=0, music=(music,), data_dir=tmp_path / "data")
    with pytest.raises(ConfigError, match="--host"):
        async with serving(settings):
            pass


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="there is no IPv6")
async def test_the_server_runs_on_ipv6_loopback(serve: Serve, music: Path) -> None:
    async with serve(music, host="::1") as server:
        assert server.url.startswith("http://[::1]:")
        info = await server.get("/api/session/info")
        assert info["whepUrl"] == f"{server.url}/whep/master"


ORIGINS: tuple[tuple[dict[str, str], bool], ...] = (
    ({}, False),
    ({"Origin": "{url}"}, False),
    ({"Origin": "{url}", "Sec-Fetch-Site": "same-origin"}, False),
    ({"Origin": "http://evil.example"}, True),
    ({"Origin": "http://127.0.0.1"}, True),
    ({"Origin": "null"}, True),
    ({"Origin": "http://[x"}, True),
    ({"Origin": "http://h", "Host": "h"}, False),
    ({"Origin": "https://H", "Host": "h:443"}, False),
    ({"Sec-Fetch-Site": "cross-site"}, True),
)


async def test_commands_from_other_sites_are_refused(shared: RunningServer) -> None:
    url = f"{shared.url}/session/nobody/next-track"
    for given, is_foreign in ORIGINS:
        headers = {name: value.replace("{url}", shared.url) for name, value in given.items()}
        async with shared.http.post(url, headers=headers, skip_auto_headers=["Content-Type"]) as response:
            answer = (response.status, (await response.json())["code"])
        assert answer == ((403, "foreign_origin") if is_foreign else (404, "session_not_found")), given


async def test_a_command_needs_no_body_and_whep_is_open_to_other_sites(shared: RunningServer) -> None:
    await until(lambda: shared.service.sessions.master.station.autodj.planned() is not None)
    async with shared.http.post(f"{shared.url}/session/master/next-track") as response:
        assert response.status == 202
    headers = {"Origin": "http://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    async with shared.http.post(f"{shared.url}/whep/master", headers=headers) as response:
        assert response.status == 415


UNREADABLE: tuple[tuple[dict[str, str], bytes, str], ...] = (
    ({"Content-Type": "application/json"}, b"\xff", "bad_json"),
    ({"Content-Type": "application/json; charset=foo"}, b"{}", "bad_json"),
    ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, b"{}", "bad_body"),
    ({"Host": "a:99999"}, b"", "bad_host"),
    ({"Host": "[x"}, b"", "bad_host"),
    ({"Host": ""}, b"", "bad_host"),
)


async def test_unreadable_requests_are_answered_with_400(shared: RunningServer) -> None:
    url = f"{shared.url}/session/master/next-track"
    for headers, body, code in UNREADABLE:
        # One connection each: the server closes it after an unreadable request.
        async with aiohttp.ClientSession() as http, http.post(url, data=body, headers=headers) as response:
            assert (response.status, (await response.json())["code"]) == (400, code), headers


async def test_listeners_and_event_readers_are_limited(serve: Serve, music: Path) -> None:
    async with serve(music, max_listeners=1, max_event_readers=1) as server:
        stream, events = f"{server.url}/stream/master", f"{server.url}/events/master"
        session = server.station
        async with server.http.get(stream) as one, server.http.get(events) as two:
            assert (one.status, two.status) == (200, 200)
            for url, code in ((stream, "listener_limit"), (events, "event_reader_limit")):
                async with server.http.get(url) as response:
                    assert (response.status, (await response.json())["code"]) == (503, code)
                    assert "Retry-After" in response.headers
            with pytest.raises(ListenerError, match="Listener limit"):
                async with server.listener():
                    pass
        await until(lambda: session.listeners == 0 and session.hub.readers == 0)
        async with server.listener(), server.http.get(stream) as response:
            assert response.status == 503


async def test_head_requests_of_streams_leave_no_reader(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        session = server.station
        for path, kind in (("stream", "audio/ogg"), ("events", "text/event-stream")):
            async with asyncio.timeout(5), server.http.head(f"{server.url}/{path}/master") as response:
                assert (response.status, response.content_type) == (200, kind)
                await response.read()
        assert (session.packets.readers, session.listeners, session.hub.readers) == (0, 0, 0)


async def test_restarts_of_the_engine_are_counted(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        assert server.service.engines.pid is not None
        os.kill(server.service.engines.pid, signal.SIGKILL)
        await until(lambda: server.service.engines.restarts == 1)
        assert "rtc_drift_engine_restarts_total 1.0" in await server.metrics()


async def test_a_second_ctrl_c_ends_the_server_at_once(music: Path, tmp_path: Path) -> None:
    slow = (
        "import asyncio, sys\nfrom rtc_drift import app\nfrom rtc_drift.cli import main as cli\n"
        "async def close(self): await asyncio.sleep(60)\n"
        "app.Listeners.close = close\ncli.main(sys.argv[1:])\n"
    )
    options = ("--port", "0", "--data-dir", str(tmp_path / "data"), "--music", str(music))
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", slow, *options, env=environment, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(30):
            for word in (b"Serving", b"Stopping"):
                while word not in await process.stderr.readline():
                    assert not process.stderr.at_eof()
                process.send_signal(signal.SIGINT)
            assert await process.wait() == 130
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
