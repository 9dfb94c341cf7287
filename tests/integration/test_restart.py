"""Idle stations stand still, and sessions are restored after a restart, also after a crash."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from rtc_drift.client import Listener
from rtc_drift.library.database import Database
from rtc_drift.media import SAMPLE_RATE, samples
from rtc_drift.session_store import SessionTable
from rtc_drift.station.snapshot import SessionRecord
from tests.support.audio_checks import longest_silence_ms
from tests.support.server import RunningServer, Serve, copy_catalogue
from tests.support.server_process import free_tcp_port, server_process
from tests.support.waiting import until


async def track_ids(server: RunningServer) -> list[str]:
    """Wait for the scan; return the ids of all tracks."""
    return [track["id"] for track in await server.scanned_tracks()]


async def test_a_station_without_listeners_stands_and_continues_there(
    serve: Serve, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtc_drift.station.playout.LINGER_NS", 200_000_000)
    monkeypatch.setattr("rtc_drift.station.playout.EXPECTATION_NS", 0)
    async with serve(music) as server:
        await track_ids(server)
        await server.create("kitchen")
        station = server.service.sessions["kitchen"].station
        assert (station.now(), station.playout.running) == (0, False), "paused until the first listener"
        async with server.listener("kitchen") as listener:
            await listener.read(samples(0.5))
            assert station.playout.running
        await until(lambda: not station.playout.running)
        stood = await server.info("kitchen")
        assert stood["running"] is False
        await until(lambda: not station.playout._open)
        await asyncio.sleep(0.3)
        assert (await server.info("kitchen"))["positionSeconds"] == stood["positionSeconds"]
        async with server.listener("kitchen") as listener:
            audio = await listener.read(samples(1))
            again = await server.info("kitchen")
        assert longest_silence_ms(audio) <= 20, "its decks were ready"
        assert again["nowPlaying"]["track"] == stood["nowPlaying"]["track"]
        assert 0 <= again["positionSeconds"] - stood["positionSeconds"] < 3


async def test_events_report_when_a_station_runs_and_stands(
    serve: Serve, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtc_drift.station.playout.LINGER_NS", 200_000_000)
    async with serve(music) as server:
        reader = Listener(f"{server.url}/whep/master")
        reader._http = server.http
        events = reader.events()
        hello = await anext(events)
        assert hello["state"]["running"] is False
        async with server.listener() as listener:
            await listener.read(samples(0.2))
        runs = []
        async for event in events:
            if event["type"] == "heartbeat":
                runs.append(event["running"])
            if len(runs) == 2:
                break
        assert runs == [True, False]
        await events.aclose()  # type: ignore[attr-defined]


async def test_sessions_are_restored_after_a_restart(serve: Serve, music: Path) -> None:
    async with serve(music, seed=None) as server:
        tracks = await track_ids(server)
        kitchen = await server.create("kitchen", startingTrack=tracks[0], direction="calmer", locked=True)
        await server.create("attic", startingTrack=tracks[1])
        follower, masters = await server.follow("kitchen"), await server.follow("master")
        async with server.listener("kitchen") as listener, server.listener("attic"):
            for track in tracks[3:5]:
                await server.post("/session/kitchen/queue", {"trackId": track})
            await server.post("/session/kitchen/seek", {"positionSeconds": 12.5})
            await server.post("/session/attic/next-track", {"trackId": tracks[2]})
            await server.post("/session/attic/love", {"trackId": tracks[2], "value": True})
            await listener.read(samples(1.5))
            await server.post("/session/attic/pause")
            await listener.read(samples(0.5))
        before = {name: await server.info(name) for name in ("master", "kitchen", "attic", follower, masters)}
        path_back = server.service.sessions["attic"].station.autodj.journey.history
    async with serve(music, seed=None) as server:
        assert set(server.service.sessions) == set(before)
        for name, was in before.items():
            now = await server.info(name)
            for field in ("type", "name", "followingSession", "locked", "direction", "queue", "created", "followers"):
                assert now[field] == was[field], f"{field} of {name}"
            assert now["nowPlaying"]["track"] == was["nowPlaying"]["track"], name
            assert now["positionSeconds"] == pytest.approx(was["positionSeconds"], abs=1), name
            assert (now["pausedAt"] is None) == (was["pausedAt"] is None), name
        assert (await server.info("attic"))["nowPlaying"]["track"]["loved"] is True
        assert server.service.sessions["attic"].station.autodj.journey.history == path_back
        headers = {"X-Control-Key": kitchen["controlKey"]}
        async with server.http.post(f"{server.url}/session/kitchen/pause", headers=headers) as response:
            assert response.status == 202, "the control key is still valid"
        async with server.listener(follower) as listener:
            await listener.read(samples(0.5))


async def test_with_a_seed_the_master_is_not_restored(serve: Serve, music: Path) -> None:
    async with serve(music, seed=1) as server, server.listener():
        tracks = await track_ids(server)
        await server.post("/session/master/queue", {"trackId": tracks[2]})
    async with serve(music, seed=1) as server:
        assert (await server.info("master"))["queue"] == []


async def playing_info(http: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    """Poll the state of a session until a track is on the air; return it."""
    async with asyncio.timeout(20):
        while True:
            async with http.get(url) as response:
                state: dict[str, Any] = await response.json()
            if state["nowPlaying"] is not None:
                return state
            await asyncio.sleep(0.05)


async def test_a_killed_server_loses_seconds_at_most(music: Path, tmp_path: Path) -> None:
    port, data = free_tcp_port(), tmp_path / "data"
    copy_catalogue(music, data)
    url = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession() as http:
        async with server_process(music, data, port) as process:
            async with http.post(f"{url}/api/session/create", json={"sessionName": "kitchen"}) as response:
                assert response.status == 201
            async with http.post(f"{url}/api/session/follow", json={"sessionName": "kitchen"}) as response:
                follower = (await response.json())["sessionId"]
            async with Listener(f"{url}/whep/{follower}") as listener:
                await listener.read(samples(1))
                before = await playing_info(http, f"{url}/api/session/info?sessionId=kitchen")
                await until(lambda: saved_media_time(data, "kitchen") >= before["rtpClock"]["mediaTime"], 20)
                process.send_signal(signal.SIGKILL)
                await process.wait()
        saved = saved_media_time(data, "kitchen")
        async with server_process(music, data, port):
            async with http.get(f"{url}/api/session/info?sessionId={follower}") as response:
                after = await response.json()
            assert after["followingSession"] == "kitchen"
            assert after["nowPlaying"]["track"] == before["nowPlaying"]["track"]
            assert after["rtpClock"]["mediaTime"] == saved
            assert after["positionSeconds"] >= before["positionSeconds"]
            async with Listener(f"{url}/whep/{follower}") as listener:
                assert abs(await listener.read(SAMPLE_RATE)).max() > 0.01


def saved_media_time(data: Path, session: str) -> int:
    """Return the media time of a session in its last snapshot; -1 if there is none."""
    database = Database.open(data / "catalogue.sqlite")
    try:
        states = {record.id: record.state for record in SessionTable(database).load()}
    finally:
        database.close()
    state = states.get(session)
    return int(json.loads(state)["media_time"]) if state else -1


async def test_a_session_with_a_damaged_snapshot_starts_again(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        await server.create("kitchen")
        await server.create("attic")
    database = Database.open(server.service.settings.data_dir / "catalogue.sqlite")
    store = SessionTable(database)
    (kitchen,) = [record for record in store.load() if record.id == "kitchen"]
    damaged = {name: getattr(kitchen, name) for name in SessionRecord.__dataclass_fields__} | {"state": '{"half":'}
    store.save([SessionRecord(**damaged)], gone=[])
    database.close()
    async with serve(music) as server, server.listener("kitchen") as one, server.listener("attic") as two:
        for listener in (one, two):
            assert abs(await listener.read(SAMPLE_RATE)).max() > 0.01
