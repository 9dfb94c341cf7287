"""Idle mixers stand still, and everything is there again after a restart, also after one that nobody wanted."""

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
from tests.conftest import Serve, Served, bring_what_is_known
from tests.listening import longest_silence_ms
from tests.processes import free_port, server_process
from tests.waiting import until


async def info(served: Served, session: str) -> dict[str, Any]:
    answer: dict[str, Any] = await served.get(f"/api/session/info?sessionId={session}")
    return answer


async def known(served: Served) -> list[str]:
    """The ids of all tracks, once all are known."""
    await until(lambda: not served.service.library.status().scanning, 30)
    return [track["id"] for track in (await served.get("/api/tracks"))["tracks"]]


async def test_a_mixer_that_nobody_hears_stands_and_goes_on_where_it_was(
    serve: Serve, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtc_drift.station.playout.LINGER_NS", 200_000_000)
    monkeypatch.setattr("rtc_drift.station.playout.EXPECTATION_NS", 0)
    async with serve(music) as served:
        await known(served)
        await served.create("kitchen")
        station = served.service.sessions["kitchen"].station
        assert (station.now(), station.playout.running) == (0, False), "it waits for its first listener"
        async with served.listener("kitchen") as listener:
            await listener.read(samples(1))
            assert station.playout.running
        await until(lambda: not station.playout.running)
        stood = await info(served, "kitchen")
        assert stood["running"] is False
        await until(lambda: not station.playout._open)
        await asyncio.sleep(0.3)
        assert (await info(served, "kitchen"))["positionSeconds"] == stood["positionSeconds"]
        async with served.listener("kitchen") as listener:
            heard = await listener.read(samples(1))
            again = await info(served, "kitchen")
        assert longest_silence_ms(heard) <= 20, "its decks were ready"
        assert again["nowPlaying"]["track"] == stood["nowPlaying"]["track"]
        assert 0 <= again["positionSeconds"] - stood["positionSeconds"] < 3


async def test_events_say_when_a_mixer_runs_and_stands(
    serve: Serve, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtc_drift.station.playout.LINGER_NS", 200_000_000)
    async with serve(music) as served:
        reader = Listener(f"{served.url}/whep/master")
        reader._http = served.http
        events = reader.events()
        hello = await anext(events)
        assert hello["state"]["running"] is False
        async with served.listener() as listener:
            await listener.read(samples(0.2))
        runs = []
        async for event in events:
            if event["type"] == "heartbeat":
                runs.append(event["running"])
            if len(runs) == 2:
                break
        assert runs == [True, False]
        await events.aclose()  # type: ignore[attr-defined]


async def test_everything_is_back_after_a_restart(serve: Serve, music: Path) -> None:
    async with serve(music, seed=None) as served:
        tracks = await known(served)
        kitchen = await served.create("kitchen", startingTrack=tracks[0], direction="calmer", locked=True)
        await served.create("attic", startingTrack=tracks[1])
        follower, masters = await served.follow("kitchen"), await served.follow("master")
        async with served.listener("kitchen") as listener, served.listener("attic"):
            for track in tracks[3:5]:
                await served.post("/session/kitchen/queue", {"trackId": track})
            await served.post("/session/kitchen/seek", {"positionSeconds": 12.5})
            await served.post("/session/attic/next-track", {"trackId": tracks[2]})
            await served.post("/session/attic/love", {"trackId": tracks[2], "value": True})
            await listener.read(samples(1.5))
            await served.post("/session/attic/pause")
            await listener.read(samples(0.5))
        before = {name: await info(served, name) for name in ("master", "kitchen", "attic", follower, masters)}
        path_back = served.service.sessions["attic"].station.autodj.journey.history
    async with serve(music, seed=None) as served:
        assert set(served.service.sessions) == set(before)
        for name, was in before.items():
            now = await info(served, name)
            for field in ("type", "name", "followingSession", "locked", "direction", "queue", "created", "followers"):
                assert now[field] == was[field], f"{field} of {name}"
            assert now["nowPlaying"]["track"] == was["nowPlaying"]["track"], name
            assert now["positionSeconds"] == pytest.approx(was["positionSeconds"], abs=1), name
            assert (now["pausedAt"] is None) == (was["pausedAt"] is None), name
        assert (await info(served, "attic"))["nowPlaying"]["track"]["loved"] is True
        assert served.service.sessions["attic"].station.autodj.journey.history == path_back
        headers = {"X-Control-Key": kitchen["controlKey"]}
        async with served.http.post(f"{served.url}/session/kitchen/pause", headers=headers) as response:
            assert response.status == 202, "the control key still holds"
        async with served.listener(follower) as listener:
            await listener.read(samples(0.5))


async def test_a_seed_lets_the_master_begin_anew(serve: Serve, music: Path) -> None:
    async with serve(music, seed=1) as served, served.listener():
        tracks = await known(served)
        await served.post("/session/master/queue", {"trackId": tracks[2]})
    async with serve(music, seed=1) as served:
        assert (await info(served, "master"))["queue"] == []


async def playing_info(http: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    """What is told of a session once something is on the air."""
    async with asyncio.timeout(20):
        while True:
            async with http.get(url) as response:
                told: dict[str, Any] = await response.json()
            if told["nowPlaying"] is not None:
                return told
            await asyncio.sleep(0.05)


async def test_kill_9_loses_seconds_at_most(music: Path, tmp_path: Path) -> None:
    port, data = free_port(), tmp_path / "data"
    bring_what_is_known(music, data)
    url = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession() as http:
        async with server_process(music, data, port) as server:
            async with http.post(f"{url}/api/session/create", json={"sessionName": "kitchen"}) as response:
                assert response.status == 201
            async with http.post(f"{url}/api/session/follow", json={"sessionName": "kitchen"}) as response:
                follower = (await response.json())["sessionId"]
            async with Listener(f"{url}/whep/{follower}") as listener:
                await listener.read(samples(1))
                before = await playing_info(http, f"{url}/api/session/info?sessionId=kitchen")
                await until(lambda: saved_media_time(data, "kitchen") >= before["rtpClock"]["mediaTime"], 20)
                server.send_signal(signal.SIGKILL)
                await server.wait()
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
    """Where a session stood when it was last saved."""
    database = Database.open(data / "catalogue.sqlite")
    try:
        states = {record.id: record.state for record in SessionTable(database).load()}
    finally:
        database.close()
    state = states.get(session)
    return int(json.loads(state)["media_time"]) if state else -1


async def test_a_session_whose_state_is_damaged_begins_anew_and_the_others_go_on(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        await served.create("kitchen")
        await served.create("attic")
    database = Database.open(served.service.settings.data_dir / "catalogue.sqlite")
    store = SessionTable(database)
    (kitchen,) = [record for record in store.load() if record.id == "kitchen"]
    damaged = {name: getattr(kitchen, name) for name in SessionRecord.__dataclass_fields__} | {"state": '{"half":'}
    store.save([SessionRecord(**damaged)], gone=[])
    database.close()
    async with serve(music) as served, served.listener("kitchen") as one, served.listener("attic") as two:
        for listener in (one, two):
            assert abs(await listener.read(SAMPLE_RATE)).max() > 0.01
