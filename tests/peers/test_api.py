"""The HTTP door: events, commands, library, operations, and every error in one form."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from rtc_drift.app import serving
from rtc_drift.client import ListenerError
from rtc_drift.config import ConfigError, Settings
from tests.conftest import Serve, Served
from tests.waiting import until

ONE_WAY = True


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


def _next_is_another(served: Served) -> bool:
    conductor = served.service.sessions.master.station.autodj
    playing, planned = conductor.now_playing(), conductor.planned()
    return bool(playing and planned and playing.track.id != planned.track.id)


async def test_events_tell_a_transition_in_order_with_media_times(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        # A plan made while only the first track was known would be made again.
        await until(lambda: not served.service.library.status().scanning, 30)
        await until(lambda: _next_is_another(served))
        reading = asyncio.create_task(collect(served, "track_started"))
        await until(lambda: served.service.sessions.master.station.hub.readers == 1)
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
        hub = served.service.sessions.master.station.hub
        first = await collect(served, "hello")
        await served.post("/session/master/next-track")
        await until(lambda: b"track_started" in b"".join(hub.missed(first[0]["id"]) or []))
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
        session = served.service.sessions.master.station
        await until(lambda: session.now() >= answer["startsAt"])
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


async def test_errors_are_one_sentence_and_a_code(shared: Served) -> None:
    headers = {"Content-Type": "application/json"}
    for method, path, body, status, code in ERRORS:
        async with shared.http.request(method, f"{shared.url}{path}", data=body, headers=headers) as response:
            answer = await response.json()
            assert (response.status, answer["code"]) == (status, code), (method, path, body)
            assert answer["error"].endswith("."), (method, path, body)


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
        await asyncio.wait_for(service.sessions.master.station.first_audio.wait(), 60)
        async with http.get(f"{url}/readyz") as response:
            assert response.status == 200


async def test_a_port_that_is_taken_is_said(
    serve: Serve, music: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rtc_drift.cli import serve as command

    monkeypatch.setattr(command, "_raise_descriptor_limit", lambda: None)
    monkeypatch.setattr(command, "_go_first", lambda: None)
    async with serve(music) as served:
        port = int(served.url.rsplit(":", 1)[1])
        other = served.service.settings.data_dir.with_name("other")
        assert await command.serve(Settings(port=port, music=(music,), data_dir=other)) == 1
        assert f"--port {port} is taken" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["[::1]", "nosuch host", "192.0.2.1", "a" * 70 + ".b"])
async def test_a_wrong_host_is_said(host: str, tmp_path: Path, music: Path, leaks_nothing: None) -> None:
    settings = Settings(host=host, port=0, music=(music,), data_dir=tmp_path / "data")
    with pytest.raises(ConfigError, match="--host"):
        async with serving(settings):
            pass


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="there is no IPv6")
async def test_ipv6_loopback(serve: Serve, music: Path) -> None:
    async with serve(music, host="::1") as served:
        assert served.url.startswith("http://[::1]:")
        info = await served.get("/api/session/info")
        assert info["whepUrl"] == f"{served.url}/whep/master"


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


async def test_other_sites_send_no_commands(shared: Served) -> None:
    url = f"{shared.url}/session/nobody/next-track"
    for told, is_foreign in ORIGINS:
        headers = {name: value.replace("{url}", shared.url) for name, value in told.items()}
        async with shared.http.post(url, headers=headers, skip_auto_headers=["Content-Type"]) as response:
            answer = (response.status, (await response.json())["code"])
        assert answer == ((403, "foreign_origin") if is_foreign else (404, "session_not_found")), told


async def test_a_command_without_origin_needs_no_body_and_whep_is_open_to_all(shared: Served) -> None:
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


async def test_what_cannot_be_read_is_400(shared: Served) -> None:
    url = f"{shared.url}/session/master/next-track"
    for headers, body, code in UNREADABLE:
        # A connection for each: the server closes it behind what it could not read.
        async with aiohttp.ClientSession() as http, http.post(url, data=body, headers=headers) as response:
            assert (response.status, (await response.json())["code"]) == (400, code), headers


async def test_readers_are_limited(serve: Serve, music: Path) -> None:
    async with serve(music, max_listeners=1, max_event_readers=1) as served:
        stream, events = f"{served.url}/stream/master", f"{served.url}/events/master"
        session = served.service.sessions.master.station
        async with served.http.get(stream) as one, served.http.get(events) as two:
            assert (one.status, two.status) == (200, 200)
            for url, code in ((stream, "listener_limit"), (events, "event_reader_limit")):
                async with served.http.get(url) as response:
                    assert (response.status, (await response.json())["code"]) == (503, code)
                    assert "Retry-After" in response.headers
            with pytest.raises(ListenerError, match="listeners"):
                async with served.listener():
                    pass
        await until(lambda: session.listeners == 0 and session.hub.readers == 0)
        async with served.listener(), served.http.get(stream) as response:
            assert response.status == 503


async def test_asking_for_the_head_of_a_stream_leaves_no_reader(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        session = served.service.sessions.master.station
        for path, kind in (("stream", "audio/ogg"), ("events", "text/event-stream")):
            async with asyncio.timeout(5), served.http.head(f"{served.url}/{path}/master") as response:
                assert (response.status, response.content_type) == (200, kind)
                await response.read()
        assert (session.packets.readers, session.listeners, session.hub.readers) == (0, 0, 0)


async def test_restarts_of_the_engine_are_counted(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        assert served.service.engines.pid is not None
        os.kill(served.service.engines.pid, signal.SIGKILL)
        await until(lambda: served.service.engines.restarts == 1)
        async with served.http.get(f"{served.url}/metrics") as response:
            assert "rtc_drift_engine_restarts 1.0" in await response.text()


async def test_a_second_ctrl_c_ends_it_at_once(music: Path, tmp_path: Path) -> None:
    slow = (
        "import asyncio, sys\nfrom rtc_drift import app\nfrom rtc_drift.cli import main as cli\n"
        "async def close(self): await asyncio.sleep(60)\n"
        "app.Listeners.close = close\ncli.main(sys.argv[1:])\n"
    )
    options = ("--port", "0", "--data-dir", str(tmp_path / "data"), "--music", str(music))
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", slow, *options, env=environment, stderr=asyncio.subprocess.PIPE
    )
    assert server.stderr is not None
    try:
        async with asyncio.timeout(30):
            for word in (b"Serving", b"Stopping"):
                while word not in await server.stderr.readline():
                    assert not server.stderr.at_eof()
                server.send_signal(signal.SIGINT)
            assert await server.wait() == 130
    finally:
        if server.returncode is None:
            server.kill()
            await server.wait()
