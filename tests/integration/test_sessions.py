"""Sessions as clients use them: named sessions, followers and their leaders, links, limits and the list."""

import asyncio
import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from rtc_drift.client import Listener, ListenerError
from rtc_drift.media import samples
from tests.support.audio_checks import best_correlation, correlation, longest_silence_ms
from tests.support.audio_files import write_audio
from tests.support.deliveries import SHARED_PORT
from tests.support.music import steady_music
from tests.support.recording import received_packets, record_track
from tests.support.server import RunningServer, Serve
from tests.support.waiting import until


async def test_sessions_play_different_music_each_of_its_own_mixer(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        tracks = await server.scanned_tracks()
        names = ["kitchen", "living-room", "attic"]
        for name, track in zip(names, tracks, strict=False):
            await server.create(name, startingTrack=track["id"])
        sessions = server.service.sessions
        async with (
            server.listener(names[0]) as one,
            server.listener(names[1]) as two,
            server.listener(names[2]) as three,
        ):
            listeners = (one, two, three)
            recording = asyncio.gather(*(record_track(sessions[name].track(), 3.4) for name in names))
            reading = asyncio.gather(*(each.read(samples(2.6)) for each in listeners))
            received = [audio[samples(0.8) :] for audio in await reading]
            rendered = await recording
        assert all(best_correlation(audio, own) >= 0.95 for audio, own in zip(received, rendered, strict=True))
        for (first, audio), (second, _) in combinations(enumerate(received), 2):
            assert abs(best_correlation(audio, rendered[second])) < 0.3, f"{names[first]} plays in {names[second]}"
            size = min(len(audio), len(received[second]))
            assert max(map(abs, correlation(audio[:size], received[second][:size]))) < 0.2


@SHARED_PORT
async def test_rooms_made_while_there_is_one_track_part_when_more_are_found(serve: Serve, tmp_path: Path) -> None:
    folder = tmp_path / "few"
    folder.mkdir()
    write_audio(folder / "0.flac", steady_music(4, seed=0))
    async with serve(folder, seed=None) as server:
        for name in ("kitchen", "attic"):
            await server.create(name)
        djs = [session.station.autodj for session in server.service.sessions.values()]

        def firsts() -> list[str]:
            return [playing.track.id for dj in djs if (playing := dj.now_playing()) is not None]

        await until(lambda: len(firsts()) == 3)
        assert len(set(firsts())) == 1
        for number in (1, 2):
            write_audio(folder / f"{number}.flac", steady_music(4, seed=number))
        await until(lambda: len(set(firsts())) == 3, 30)
        kitchen = firsts()[1]
        async with server.listener("kitchen") as listener:
            await listener.read(samples(0.5))
        assert (await server.info("kitchen"))["nowPlaying"]["track"]["id"] == kitchen


@SHARED_PORT
async def test_commands_of_one_session_do_not_affect_others(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        tracks = await server.scanned_tracks()
        await server.create("kitchen", startingTrack=tracks[0]["id"], direction="brighter", seed=5)
        await server.create("attic", startingTrack="steady 1")
        attic = server.service.sessions["attic"].station.autodj
        await until(lambda: attic.planned() is not None)
        before = await server.info("attic")
        assert before["nowPlaying"]["track"]["title"] == "Steady 1"
        await server.post("/session/kitchen/next-track", {"trackId": tracks[2]["id"]})
        await server.post("/session/kitchen/queue", {"trackId": tracks[3]["id"]})
        await server.post("/session/kitchen/pause")
        kitchen, after = [await server.info(name) for name in ("kitchen", "attic")]
        assert (kitchen["nowPlaying"]["track"]["id"], kitchen["direction"]) == (tracks[2]["id"], "brighter")
        assert [track["id"] for track in kitchen["queue"]] == [tracks[3]["id"]]
        assert kitchen["pausedAt"] is not None
        for field in ("nowPlaying", "next", "queue", "direction", "pausedAt"):
            assert after[field] == before[field], field


async def test_a_follower_gets_the_packets_and_events_of_its_leader(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        await server.scanned_tracks()
        await server.create("kitchen")
        follower = await server.follow("kitchen")
        station = server.service.sessions["kitchen"].station
        await until(lambda: station.autodj.planned() is not None)  # else one of both may miss that event
        leader_events, follower_events = (
            asyncio.create_task(events_until_a_pause(server, name)) for name in ("kitchen", follower)
        )
        await until(lambda: station.hub.readers == 2)
        async with server.listener("kitchen") as leader, server.listener(follower) as following:
            packets = [received_packets(listener) for listener in (leader, following)]
            first, second = await asyncio.gather(leader.read(samples(2)), following.read(samples(2)))
            one, two = (
                {(stamp - offset) % 2**32: payload for stamp, payload in some}
                for some, offset in zip(packets, rtp_offsets(server), strict=True)
            )
            assert len(one.keys() & two.keys()) > 50
            assert all(one[at] == two[at] for at in one.keys() & two.keys()), "not encoded again"
            assert best_correlation(first[samples(0.7) : samples(1.5)], second) >= 0.98
            await server.post("/session/kitchen/next-track")
            await server.post("/session/kitchen/pause")
        leaders, followers = await leader_events, await follower_events
        assert leaders == followers, "the very same events, with the same ids"
        assert {event["sessionId"] for event in followers} == {"kitchen"}
        assert server.service.sessions[follower].station is station, "a follower owns no mixer"


def rtp_offsets(server: RunningServer) -> list[int]:
    """Return the RTP timestamps of media time 0, for all listeners in the order of joining."""
    offsets = [listener.peer.rtp_offset for listener in server.service.listeners.values()]
    return [offset[1] for offset in offsets if offset is not None]


async def events_until_a_pause(server: RunningServer, session: str) -> list[dict[str, Any]]:
    """Read the events of a session after `hello`, up to a pause."""
    async with server.http.get(f"{server.url}/events/{session}") as response:
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


async def test_following_a_follower_follows_its_leader(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        first = await server.follow("master")
        status, answer = await server.post("/api/session/follow", {"sessionName": first, "followerName": "Anna"})
        assert (status, answer["type"], answer["followingSession"]) == (201, "follower", "master")
        assert re.fullmatch("follower_[a-z0-9]{8}", answer["sessionId"])
        assert answer["whepUrl"] == f"{server.url}/whep/{answer['sessionId']}"
        info = await server.info(answer["sessionId"])
        assert (info["allowCommands"], info["followingSession"], info["name"]) == (False, "master", "Anna")
        async with server.http.get(f"{server.url}/stream/{first}") as response:
            assert response.headers["Content-Type"] == "audio/ogg"
            assert (await response.content.readexactly(4)) == b"OggS"


@SHARED_PORT
async def test_the_list_shows_all_sessions_with_their_clients(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        await server.create("kitchen", locked=True)
        follower = await server.follow("kitchen")
        async with (
            server.listener("kitchen"),
            server.listener(follower),
            server.http.get(f"{server.url}/stream/{follower}"),
            server.http.get(f"{server.url}/events/kitchen"),
        ):
            await until(lambda: server.service.sessions["kitchen"].listeners == 3)
            listed = {each["sessionId"]: each for each in (await server.get("/api/session/list"))["sessions"]}
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


async def test_deleting_a_leader_ends_its_followers(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        await server.create("kitchen")
        follower, other = await server.follow("kitchen"), await server.follow("master")
        events_of_both = [asyncio.create_task(all_events(server, name)) for name in ("kitchen", follower)]
        ogg = asyncio.create_task(read_to_the_end(server, follower))
        async with server.listener("kitchen") as one, server.listener(follower) as two, server.listener(other) as stays:
            await until(lambda: server.service.sessions["kitchen"].listeners == 3)
            await until(lambda: server.service.sessions["kitchen"].station.hub.readers == 2)
            assert await server.delete("/api/session/kitchen") == 204
            for events in await asyncio.gather(*events_of_both):
                assert [event["type"] for event in events].count("session_ended") == 1
                assert events[-1]["type"] == "session_ended"
            await ogg
            for listener in (one, two):
                with pytest.raises(ListenerError, match="ended"):
                    while True:
                        await listener.frame()
            await stays.read(samples(0.5))
            await until(lambda: len(server.service.listeners) == 1)
        assert set(server.service.sessions) == {"master", other}
        for path, code in ((f"/stream/{follower}", "target_not_found"), ("/stream/kitchen", "session_not_found")):
            async with server.http.get(f"{server.url}{path}") as response:
                assert (response.status, (await response.json())["code"]) == (404, code)


async def all_events(server: RunningServer, session: str) -> list[dict[str, Any]]:
    """Read the events of a session to their end."""
    listener = Listener(f"{server.url}/whep/{session}")
    listener._http = server.http
    return [event async for event in listener.events()]


async def read_to_the_end(server: RunningServer, session: str) -> int:
    """Read the Ogg stream of a session to its end; return its size."""
    async with server.http.get(f"{server.url}/stream/{session}") as response:
        return len(await response.read())


async def test_deleting_a_follower_does_not_affect_its_leader(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        follower = await server.follow("master")
        events, ogg = (
            asyncio.create_task(all_events(server, follower)),
            asyncio.create_task(read_to_the_end(server, follower)),
        )
        async with server.listener() as leader, server.listener(follower) as following:
            await until(lambda: sum(server.service.sessions[follower].clients.values()) == 3)
            assert await server.delete(f"/api/session/{follower}") == 204
            assert (await events)[-1]["sessionId"] == follower
            await ogg
            with pytest.raises(ListenerError, match="ended"):
                while True:
                    await following.frame()
            await leader.read(samples(1))
            assert longest_silence_ms(await leader.read(samples(1))) <= 20
        master = server.service.sessions.master
        await until(lambda: (master.station.followers, master.listeners) == (0, 0))


@SHARED_PORT
async def test_links_create_join_and_follow(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        for path, place in (
            ("/session/create/kitchen", "/session/kitchen"),
            ("/session/create/kitchen", "/session/kitchen"),
            ("/session/create/master", "/"),
            ("/session/follow/kitchen", r"/session/follower_[a-z0-9]{8}"),
        ):
            async with server.http.get(f"{server.url}{path}", allow_redirects=False) as response:
                assert response.status == 303
                assert re.fullmatch(place, response.headers["Location"])
            async with server.http.get(f"{server.url}{response.headers['Location']}") as response:
                assert (response.status, response.content_type) == (200, "text/html")
        for path, status, code in (
            ("/session/follow/nobody", 404, "session_not_found"),
            ("/session/create/Kitchen", 422, "bad_session_name"),
        ):
            async with server.http.get(f"{server.url}{path}") as response:
                assert (response.status, (await response.json())["code"]) == (status, code)
        for path, status in (("nobody", 404), ("follow/nobody", 404), ("create/Kitchen", 422)):
            async with server.http.get(f"{server.url}/session/{path}", headers={"Accept": "text/html"}) as response:
                assert (response.status, response.content_type) == (status, "text/html"), path
        headers = {"Sec-Fetch-Dest": "image", "Sec-Fetch-Site": "cross-site"}
        async with server.http.get(f"{server.url}/session/create/by-a-picture", headers=headers) as response:
            assert response.status == 403
        async with server.http.get(f"{server.url}/session/kitchen/qr.svg") as response:
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


@SHARED_PORT
async def test_bad_sessions_are_refused_with_a_reason(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        await server.create("taken")
        for body, status, code in BAD:
            answered, answer = await server.post("/api/session/create", body)
            assert (answered, answer["code"]) == (status, code), body
            assert answer["error"].endswith(".")
        assert set(server.service.sessions) == {"master", "taken"}


@SHARED_PORT
async def test_limits_are_reported_and_the_master_is_protected(serve: Serve, music: Path) -> None:
    async with serve(music, max_sessions=1, max_followers=1) as server:
        await server.create("k" * 63)
        await server.follow("master")
        for path, body in (
            ("/api/session/create", {"sessionName": "two"}),
            ("/api/session/follow", {"sessionName": "master"}),
        ):
            async with server.http.post(f"{server.url}{path}", json=body) as response:
                assert (response.status, (await response.json())["code"]) == (503, "session_limit")
                assert int(response.headers["Retry-After"]) > 0
        assert await server.delete("/api/session/master") == 403
        assert await server.delete("/api/session/nobody") == 404
        assert await server.delete(f"/api/session/{'k' * 63}") == 204
        await server.create("two")
