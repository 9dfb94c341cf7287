"""Sessions as those who use them find them: named ones of their own, followers beside their leaders, all in a list."""

import asyncio
import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtc_drift.client import Listener, ListenerError
from rtc_drift.media import Audio, samples
from rtc_drift.tracks import DriftTrack
from tests.conftest import Serve, Served
from tests.listening import correlation, lag_of, longest_silence_ms, packets_of
from tests.peers.conftest import ONE_PORT
from tests.waiting import until


async def record(track: DriftTrack, seconds: float) -> Audio:
    """What a mixer makes: `(n, 2) float32`."""
    frames = [await track.recv() for _ in range(samples(seconds) // 960)]
    track.stop()
    pcm = np.concatenate([np.asarray(frame.to_ndarray(), np.int16).reshape(-1, 2) for frame in frames])
    return (pcm / np.float32(32768)).astype(np.float32)


def likeness(heard: Audio, made: Audio) -> float:
    """How well what was heard is found in what was made: the lower channel's correlation where it fits best."""
    lag = lag_of(heard, made)
    return min(correlation(heard, made[lag : lag + len(heard)]))


async def scanned(served: Served) -> list[Any]:
    """All tracks, once all are known."""
    await until(lambda: not served.service.library.status().scanning, 30)
    tracks: list[Any] = (await served.get("/api/tracks"))["tracks"]
    return tracks


async def test_sessions_play_different_music_and_each_is_its_own_mixers(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        tracks = await scanned(served)
        names = ["kitchen", "living-room", "attic"]
        for name, track in zip(names, tracks, strict=False):
            await served.create(name, startingTrack=track["id"])
        sessions = served.service.sessions
        async with (
            served.listener(names[0]) as one,
            served.listener(names[1]) as two,
            served.listener(names[2]) as three,
        ):
            listeners = (one, two, three)
            made = asyncio.gather(*(record(sessions[name].track(), 4) for name in names))
            heard = [
                audio[samples(0.8) :] for audio in await asyncio.gather(*(each.read(samples(3)) for each in listeners))
            ]
            mixed = await made
        assert all(likeness(audio, own) >= 0.95 for audio, own in zip(heard, mixed, strict=True))
        for (first, audio), (second, _) in combinations(enumerate(heard), 2):
            assert abs(likeness(audio, mixed[second])) < 0.3, f"{names[first]} is heard in {names[second]}"
            size = min(len(audio), len(heard[second]))
            assert max(map(abs, correlation(audio[:size], heard[second][:size]))) < 0.2


@ONE_PORT
async def test_commands_of_one_session_leave_the_others_alone(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        tracks = await scanned(served)
        await served.create("kitchen", startingTrack=tracks[0]["id"], direction="brighter", seed=5)
        await served.create("attic", startingTrack="steady 1")
        before = await served.get("/api/session/info?sessionId=attic")
        assert before["nowPlaying"]["track"]["title"] == "Steady 1"
        await served.post("/session/kitchen/next-track", {"trackId": tracks[2]["id"]})
        await served.post("/session/kitchen/queue", {"trackId": tracks[3]["id"]})
        await served.post("/session/kitchen/pause")
        kitchen, after = [await served.get(f"/api/session/info?sessionId={name}") for name in ("kitchen", "attic")]
        assert (kitchen["nowPlaying"]["track"]["id"], kitchen["direction"]) == (tracks[2]["id"], "brighter")
        assert [track["id"] for track in kitchen["queue"]] == [tracks[3]["id"]]
        assert kitchen["pausedAt"] is not None
        for field in ("nowPlaying", "next", "queue", "direction", "pausedAt"):
            assert after[field] == before[field], field


async def test_a_follower_gets_the_same_packets_and_the_same_events(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        await scanned(served)
        await served.create("kitchen")
        follower = await served.follow("kitchen")
        leader_events, follower_events = (asyncio.create_task(heard(served, name)) for name in ("kitchen", follower))
        station = served.service.sessions["kitchen"].station
        await until(lambda: station.hub.readers == 2)
        async with served.listener("kitchen") as leader, served.listener(follower) as following:
            packets = [packets_of(listener) for listener in (leader, following)]
            first, second = await asyncio.gather(leader.read(samples(2.5)), following.read(samples(2.5)))
            one, two = (
                {(stamp - offset) % 2**32: payload for stamp, payload in some}
                for some, offset in zip(packets, rtp_offsets(served), strict=True)
            )
            assert len(one.keys() & two.keys()) > 50
            assert all(one[at] == two[at] for at in one.keys() & two.keys()), "not encoded again"
            assert likeness(first[samples(1) : samples(2)], second) >= 0.98
            await served.post("/session/kitchen/next-track")
            await served.post("/session/kitchen/pause")
        one_told, two_told = await leader_events, await follower_events
        assert one_told == two_told, "the very same events, with the same ids"
        assert {event["sessionId"] for event in two_told} == {"kitchen"}
        assert served.service.sessions[follower].station is station, "a follower owns no mixer"


def rtp_offsets(served: Served) -> list[int]:
    """RTP timestamps of media time 0, of the listeners in the order they came."""
    offsets = [listener.peer.rtp_offset for listener in served.service.listeners.values()]
    return [offset[1] for offset in offsets if offset is not None]


async def heard(served: Served, session: str) -> list[dict[str, Any]]:
    """What a session's readers are told after `hello`, up to a pause."""
    async with served.http.get(f"{served.url}/events/{session}") as response:
        events: list[dict[str, Any]] = []
        event_id = ""
        async for line in response.content:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "id":
                event_id = value
            elif name == "data":
                event = json.loads(value) | {"id": event_id}
                if event["type"] != "hello":
                    events.append(event)
                if event["type"] == "playback_changed":
                    break
        return events


async def test_following_a_follower_is_following_its_leader(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        first = await served.follow("master")
        status, answer = await served.post("/api/session/follow", {"sessionName": first, "followerName": "Anna"})
        assert (status, answer["type"], answer["followingSession"]) == (201, "follower", "master")
        assert re.fullmatch("follower_[a-z0-9]{8}", answer["sessionId"])
        assert answer["whepUrl"] == f"{served.url}/whep/{answer['sessionId']}"
        info = await served.get(f"/api/session/info?sessionId={answer['sessionId']}")
        assert (info["allowCommands"], info["followingSession"], info["name"]) == (False, "master", "Anna")
        async with served.http.get(f"{served.url}/stream/{first}") as response:
            assert response.headers["Content-Type"] == "audio/ogg"
            assert (await response.content.readexactly(4)) == b"OggS"


@ONE_PORT
async def test_the_list_is_right(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        await served.create("kitchen", locked=True)
        follower = await served.follow("kitchen")
        async with (
            served.listener("kitchen"),
            served.listener(follower),
            served.http.get(f"{served.url}/stream/{follower}"),
            served.http.get(f"{served.url}/events/kitchen"),
        ):
            await until(lambda: served.service.sessions["kitchen"].listeners == 3)
            listed = {each["sessionId"]: each for each in (await served.get("/api/session/list"))["sessions"]}
        assert list(listed) == ["master", "kitchen", follower]
        counts = ("clients", "webrtcListeners", "oggListeners", "eventReaders", "followers")
        assert [listed["master"][name] for name in counts] == [0, 0, 0, 0, 0]
        assert [listed["kitchen"][name] for name in counts] == [2, 1, 0, 1, 1]
        assert [listed[follower][name] for name in counts] == [2, 1, 1, 0, 0]
        assert [listed[name]["active"] for name in listed] == [False, True, True]
        assert [listed[name]["locked"] for name in listed] == [False, True, False]
        assert listed[follower]["followingSession"] == "kitchen"
        assert listed["kitchen"]["followingSession"] is None
        assert listed[follower]["nowPlaying"] == listed["kitchen"]["nowPlaying"]
        assert listed["kitchen"]["created"] <= listed["kitchen"]["lastAccess"]


async def test_a_leader_that_goes_takes_its_followers_along(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        await served.create("kitchen")
        follower, other = await served.follow("kitchen"), await served.follow("master")
        told = [asyncio.create_task(all_events(served, name)) for name in ("kitchen", follower)]
        ogg = asyncio.create_task(read_to_the_end(served, follower))
        async with served.listener("kitchen") as one, served.listener(follower) as two, served.listener(other) as stays:
            await until(lambda: served.service.sessions["kitchen"].listeners == 3)
            await until(lambda: served.service.sessions["kitchen"].station.hub.readers == 2)
            assert await served.delete("/api/session/kitchen") == 204
            for events in await asyncio.gather(*told):
                assert [event["type"] for event in events].count("session_ended") == 1
                assert events[-1]["type"] == "session_ended"
            await ogg
            for listener in (one, two):
                with pytest.raises(ListenerError, match="ended"):
                    while True:
                        await listener.frame()
            await stays.read(samples(0.5))
            await until(lambda: len(served.service.listeners) == 1)
        assert set(served.service.sessions) == {"master", other}
        for path, code in ((f"/stream/{follower}", "target_not_found"), ("/stream/kitchen", "session_not_found")):
            async with served.http.get(f"{served.url}{path}") as response:
                assert (response.status, (await response.json())["code"]) == (404, code)


async def all_events(served: Served, session: str) -> list[dict[str, Any]]:
    listener = Listener(f"{served.url}/whep/{session}")
    listener._http = served.http
    return [event async for event in listener.events()]


async def read_to_the_end(served: Served, session: str) -> int:
    async with served.http.get(f"{served.url}/stream/{session}") as response:
        return len(await response.read())


async def test_a_follower_that_is_deleted_never_touches_its_leader(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        follower = await served.follow("master")
        told, ogg = (
            asyncio.create_task(all_events(served, follower)),
            asyncio.create_task(read_to_the_end(served, follower)),
        )
        async with served.listener() as leader, served.listener(follower) as following:
            await until(lambda: sum(served.service.sessions[follower].clients.values()) == 3)
            assert await served.delete(f"/api/session/{follower}") == 204
            assert (await told)[-1]["sessionId"] == follower
            await ogg
            with pytest.raises(ListenerError, match="ended"):
                while True:
                    await following.frame()
            await leader.read(samples(1))
            assert longest_silence_ms(await leader.read(samples(1))) <= 20
        master = served.service.sessions.master
        await until(lambda: (master.station.followers, master.listeners) == (0, 0))


@ONE_PORT
async def test_links_create_join_and_follow(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        for path, place in (
            ("/session/create/kitchen", "/session/kitchen"),
            ("/session/create/kitchen", "/session/kitchen"),
            ("/session/create/master", "/"),
            ("/session/follow/kitchen", r"/session/follower_[a-z0-9]{8}"),
        ):
            async with served.http.get(f"{served.url}{path}", allow_redirects=False) as response:
                assert response.status == 303
                assert re.fullmatch(place, response.headers["Location"])
            async with served.http.get(f"{served.url}{response.headers['Location']}") as response:
                assert (response.status, response.content_type) == (200, "text/html")
        for path, status, code in (
            ("/session/follow/nobody", 404, "session_not_found"),
            ("/session/create/Kitchen", 422, "bad_session_name"),
        ):
            async with served.http.get(f"{served.url}{path}") as response:
                assert (response.status, (await response.json())["code"]) == (status, code)
        for path, status in (("nobody", 404), ("follow/nobody", 404), ("create/Kitchen", 422)):
            async with served.http.get(f"{served.url}/session/{path}", headers={"Accept": "text/html"}) as response:
                assert (response.status, response.content_type) == (status, "text/html"), path
        headers = {"Sec-Fetch-Dest": "image", "Sec-Fetch-Site": "cross-site"}
        async with served.http.get(f"{served.url}/session/create/by-a-picture", headers=headers) as response:
            assert response.status == 403
        async with served.http.get(f"{served.url}/session/kitchen/qr.svg") as response:
            assert (response.status, response.content_type) == (200, "image/svg+xml")
            assert (await response.text()).startswith("<svg")


BAD: tuple[tuple[dict[str, Any], int, str], ...] = (
    ({"sessionName": "Kitchen"}, 422, "bad_session_name"),
    ({"sessionName": "-kitchen"}, 422, "bad_session_name"),
    ({"sessionName": "k" * 64}, 422, "bad_session_name"),
    ({"sessionName": ""}, 422, "bad_session_name"),
    ({"sessionName": "a_b"}, 422, "bad_session_name"),
    ({"sessionName": "create"}, 422, "bad_session_name"),
    ({"sessionName": "master"}, 422, "bad_session_name"),
    ({}, 422, "invalid_field"),
    ({"sessionName": "x", "options": {"volume": 11}}, 422, "invalid_field"),
    ({"sessionName": "x", "options": {"startingTrack": "no such music"}}, 422, "unknown_track"),
    ({"sessionName": "x", "options": {"direction": "up"}}, 422, "unknown_direction"),
    ({"sessionName": "taken"}, 409, "session_exists"),
)


@ONE_PORT
async def test_what_cannot_be_created_is_said(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        await served.create("taken")
        for body, status, code in BAD:
            answered, answer = await served.post("/api/session/create", body)
            assert (answered, answer["code"]) == (status, code), body
            assert answer["error"].endswith(".")
        assert set(served.service.sessions) == {"master", "taken"}


@ONE_PORT
async def test_limits_are_said_and_the_master_is_protected(serve: Serve, music: Path) -> None:
    async with serve(music, max_sessions=1, max_followers=1) as served:
        await served.create("k" * 63)
        await served.follow("master")
        for path, body in (
            ("/api/session/create", {"sessionName": "two"}),
            ("/api/session/follow", {"sessionName": "master"}),
        ):
            async with served.http.post(f"{served.url}{path}", json=body) as response:
                assert (response.status, (await response.json())["code"]) == (503, "session_limit")
                assert int(response.headers["Retry-After"]) > 0
        assert await served.delete("/api/session/master") == 403
        assert await served.delete("/api/session/nobody") == 404
        assert await served.delete(f"/api/session/{'k' * 63}") == 204
        await served.create("two")
