"""What a session has played, over HTTP; the queue by entries; sessions that begin with a playlist."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from rtc_drift.media import samples
from tests.support.api import Api
from tests.support.session_registry import run_due_tasks


async def play(api: Api, *numbers: int) -> None:
    for number in numbers:
        await api.request("POST", "/session/master/next-track", json={"trackId": f"{number:016x}"})
        await run_due_tasks()


async def test_a_journey_is_exported_in_three_formats(api: Api) -> None:
    first = api.sessions.master.station.autodj.now_playing()
    assert first is not None
    await play(api, 7, 9)
    _, follower = await api.request("POST", "/api/session/follow", json={"sessionName": "master"})
    for session_id in ("master", follower["sessionId"]):
        status, answer = await api.get(f"/api/session/{session_id}/journey")
        assert (status, answer["sessionId"]) == (200, session_id)
        assert [it["track"]["title"] for it in answer["tracks"]] == [first.track.title, "Track 7", "Track 9"]
        assert all(it["startedAt"].endswith("Z") for it in answer["tracks"])
    async with api.http.get(f"{api.url}/api/session/{follower['sessionId']}/journey?format=m3u") as response:
        lines = (await response.text()).splitlines()
        assert (response.content_type, response.charset) == ("audio/x-mpegurl", "utf-8")
        assert 'filename="master.m3u8"' in response.headers["Content-Disposition"]
    assert lines[3:] == [
        "#EXTINF:60,Artist 2 - Track 7",
        "music/7.flac",
        "#EXTINF:60,Artist 4 - Track 9",
        "music/9.flac",
    ]
    async with api.http.get(f"{api.url}/api/session/master/journey?format=xspf") as response:
        assert response.content_type == "application/xspf+xml"
        assert "<location>music/9.flac</location>" in await response.text()
    status, answer = await api.get("/api/session/master/journey?format=pls")
    assert (status, answer["code"], answer["field"]) == (422, "invalid_field", "format")
    assert (await api.get("/api/session/nobody/journey"))[0] == 404


async def test_info_and_hello_hold_what_was_played_and_why(api: Api) -> None:
    first = api.sessions.master.station.autodj.now_playing()
    assert first is not None
    await play(api, *range(1, 34))
    _, info = await api.get("/api/session/info")
    assert [it["track"]["title"] for it in info["played"]] == [f"Track {number}" for number in range(3, 33)]
    assert (info["nowPlaying"]["reason"], info["nowPlaying"]["why"]) == ("Requested.", None)
    hello = b"".join(api.sessions.master.hello(allow_commands=True)).decode()
    assert hello.count('"startedAt"') == 30
    assert '"reason":"Requested."' in hello
    assert info["followerNames"] == []
    await api.request("POST", "/api/session/follow", json={"sessionName": "master", "followerName": "Kitchen"})
    assert (await api.get("/api/session/info"))[1]["followerNames"] == ["Kitchen"]


async def test_queued_tracks_are_removed_and_moved_by_entry(api: Api) -> None:
    async def post(name: str, **body: Any) -> tuple[int, Any]:
        return await api.request("POST", f"/session/master/{name}", json=body)

    async def queue() -> list[tuple[str, int]]:
        return [(it["title"], it["entryId"]) for it in (await api.get("/api/session/info"))[1]["queue"]]

    await post("pause")
    for number in (5, 5, 6):
        assert (await post("queue", trackId=f"{number:016x}"))[0] == 202
    assert (await post("queue", trackId=f"{7:016x}", position=1))[0] == 202
    titles, ids = zip(*await queue(), strict=True)
    assert (titles, len(set(ids))) == (("Track 5", "Track 7", "Track 5", "Track 6"), 4)
    status, answer = await post("queue-remove", entryId=ids[0])
    assert (status, answer["track"]["title"]) == (202, "Track 5")
    assert (await post("queue-move", entryId=ids[3], position=0))[0] == 202
    assert await queue() == [("Track 6", ids[3]), ("Track 7", ids[1]), ("Track 5", ids[2])]
    for name, body in (("queue-remove", {"entryId": ids[0]}), ("queue-move", {"entryId": 10**30, "position": 0})):
        status, answer = await post(name, **body)
        assert (status, answer["code"], answer["field"]) == (422, "unknown_entry", "entryId")
    status, answer = await post("queue-move", entryId=ids[1], position=-1)
    assert (status, answer["field"]) == (422, "position")


async def test_a_session_begins_with_a_playlist(api: Api) -> None:
    text = (
        "#EXTM3U\n/elsewhere/music/5.flac\n#EXTINF:1,Artist 1 - Track 6\nx.mp3\nnowhere.mp3\n#EXTINF:1,A - B\ny.mp3\n"
    )
    body: dict[str, Any] = {"sessionName": "listed", "options": {"playlist": text, "locked": True}}
    status, made = await api.request("POST", "/api/session/create", json=body)
    assert (status, made["queued"], made["notFound"]) == (201, 2, ["nowhere.mp3", "A - B"])
    assert made["controlKey"]
    await run_due_tasks()
    _, info = await api.get("/api/session/info?sessionId=listed")
    assert (info["nowPlaying"]["track"]["title"], [it["title"] for it in info["queue"]]) == ("Track 5", ["Track 6"])


async def test_a_playlist_may_be_large_but_not_larger(api: Api) -> None:
    lines = "".join(f"{'nowhere' * 25}/{number:05}.mp3\n" for number in range(5_000))
    text = "/music/5.flac\n" * 3 + lines[: 5_000 * 180]
    assert len(text) > 800_000
    body: dict[str, Any] = {"sessionName": "large", "options": {"playlist": text}}
    status, made = await api.request("POST", "/api/session/create", json=body)
    assert (status, made["queued"], len(made["notFound"])) == (201, 3, 100)
    for number, (name, more, code) in enumerate(
        (
            ("playlist", "<!DOCTYPE x><playlist/>", "bad_playlist"),
            ("playlist", "é" * 530_000, "bad_playlist"),
            ("playlist", "a" * ((1 << 20) + 1), "invalid_field"),
        )
    ):
        body = {"sessionName": f"bad{number}", "options": {name: more}}
        status, answer = await api.request("POST", "/api/session/create", json=body)
        assert (status, answer["code"], answer["field"]) == (422, code, "options.playlist")
    body = {"sessionName": "bad", "options": {"playlist": "a" * (4 << 20)}}
    assert (await api.request("POST", "/api/session/create", json=body))[0] == 413
    assert not any(name.startswith("bad") for name in api.sessions)


async def test_full_queues_take_no_more_of_a_playlist(api: Api) -> None:
    text = "/music/5.flac\n" * 300
    body: dict[str, Any] = {"sessionName": "full", "options": {"playlist": text, "startingTrack": "track 9"}}
    status, made = await api.request("POST", "/api/session/create", json=body)
    assert (status, made["queued"], made["notFound"]) == (201, 200, [])
    await run_due_tasks()
    _, info = await api.get("/api/session/info?sessionId=full")
    assert (info["nowPlaying"]["track"]["title"], len(info["queue"])) == ("Track 9", 200)


async def test_the_clock_of_one_listener_is_small(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    master = api.sessions.master
    peer = SimpleNamespace(rtp_offset=(1234, 99), skipped_packets=0)
    listener = cast(Any, SimpleNamespace(session=master, peer=peer, id="one", end=lambda _: None))
    monkeypatch.setitem(api.context.listeners._listeners, "one", listener)
    status, clock = await api.get("/api/session/master/rtp-clock?ssrc=1234")
    assert (status, sorted(clock)) == (200, ["at", "mediaTime", "offset", "sampleRate"])
    assert (clock["offset"], clock["sampleRate"]) == (99, samples(1))
    assert (await api.get("/api/session/master/rtp-clock?ssrc=5"))[1]["code"] == "listener_not_found"
    for query in ("", "?ssrc=", "?ssrc=x", "?ssrc=12345678901"):
        status, answer = await api.get(f"/api/session/master/rtp-clock{query}")
        assert (status, answer["field"]) == (422, "ssrc")
