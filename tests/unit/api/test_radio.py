"""Streams for radios over HTTP: headers, titles between the bytes, playlist files, and who gets what."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from rtc_drift.audio.icy import METAINT_BYTES
from rtc_drift.engine.opus import OpusEncoder
from rtc_drift.engine.protocol.messages import Packet, Pcm
from rtc_drift.media import BLOCK_SAMPLES, samples
from tests.support.api import Api, api_on_fakes
from tests.support.music import steady_music
from tests.support.waiting import until

MUSIC = steady_music(4, seed=2)
PCM = (MUSIC * 32767).astype("<i2")


@asynccontextmanager
async def playing(api: Api) -> AsyncIterator[None]:
    """Have the master's engine send some music again and again, faster than it is."""
    station, packets = api.sessions.master.station, OpusEncoder(128_000).encode(MUSIC)

    async def play() -> None:
        media_time = 0
        while True:
            for number, packet in enumerate(packets):
                at = number * BLOCK_SAMPLES
                if station.packets.readers:
                    station.on_engine(Packet(1, media_time, packet))
                if station.pcm.readers:
                    station.on_engine(Pcm(1, media_time, PCM[at : at + BLOCK_SAMPLES].tobytes()))
                media_time += BLOCK_SAMPLES
                if number % 8 == 7:
                    await asyncio.sleep(0.005)

    task = asyncio.create_task(play())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def read(api: Api, path: str, size: int, **headers: str) -> tuple[dict[str, str], bytes]:
    async with api.http.get(f"{api.url}{path}", headers=headers) as response:
        assert response.status == 200, await response.text()
        return dict(response.headers), await response.content.readexactly(size)


async def test_radios_get_frames_and_titles() -> None:
    async with api_on_fakes() as api, playing(api):
        follower = api.sessions.follow("master")
        for session in ("master", follower.id):
            headers, plain = await read(api, f"/stream/{session}.mp3", 20_000)
            assert headers["Content-Type"] == "audio/mpeg"
            assert (headers["icy-br"], headers["icy-name"]) == ("192", f"rtc-drift: {session}")
            assert "icy-metaint" not in headers
            assert plain[0] == 0xFF and b"StreamTitle" not in plain
        headers, told = await read(api, "/stream/master.mp3", 20_000, **{"Icy-MetaData": "1"})
        assert headers["icy-metaint"] == str(METAINT_BYTES)
        playing_now = api.sessions.master.station.autodj.now_playing()
        assert playing_now is not None
        units = told[METAINT_BYTES]
        block = told[METAINT_BYTES + 1 :][: 16 * units].rstrip(b"\0").decode()
        assert block == f"StreamTitle='{playing_now.track.artist} - {playing_now.track.title}';"
        headers, frames = await read(api, "/stream/master.aac", 8_000)
        assert (headers["Content-Type"], frames[:2]) == ("audio/aac", b"\xff\xf1")
        async with api.http.head(f"{api.url}/stream/master.aac") as response:
            assert (response.status, response.content_type) == (200, "audio/aac")
        async with api.http.get(f"{api.url}/metrics") as response:
            assert "rtc_drift_encoders 2.0" in await response.text()


async def test_a_reader_that_stops_reading_is_dropped() -> None:
    async with api_on_fakes() as api, playing(api):
        host, port = api.url.removeprefix("http://").split(":")
        with socket.socket() as stuck:
            stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stuck.connect((host, int(port)))
            stuck.send(b"GET /stream/master.mp3 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            await until(lambda: api.sessions.master.clients["encoded"] == 1)
            await read(api, "/stream/master.mp3", 400_000)
            await until(lambda: api.sessions.master.listeners == 0)
        async with api.http.get(f"{api.url}/metrics") as response:
            assert "rtc_drift_encoded_readers_dropped_total 1.0" in await response.text()


async def test_readers_are_listeners_and_count_for_the_limit() -> None:
    async with api_on_fakes() as api, playing(api):
        master = api.sessions.master
        responses = [await api.http.get(f"{api.url}/stream/master.mp3") for _ in range(10)]
        await until(lambda: master.listeners == master.clients["encoded"] == 10)
        assert (await api.get("/stream/master.aac"))[1]["code"] == "listener_limit"
        info = (await api.get("/api/session/info"))[1]
        assert (info["encodedListeners"], info["listeners"]) == (10, 10)
        for response in responses:
            response.close()
        await until(lambda: master.listeners == 0)


async def test_streams_of_sessions_that_are_gone() -> None:
    async with api_on_fakes() as api:
        await api.sessions.create("kitchen")
        follower = api.sessions.follow("kitchen")
        await api.sessions.delete("kitchen")
        for suffix in (".mp3", ".aac", ".m3u", ".pls"):
            for session, code in ((follower.id, "target_not_found"), ("nobody", "session_not_found")):
                status, answer = await api.get(f"/stream/{session}{suffix}")
                assert (status, answer["code"]) == (404, code)


@pytest.mark.parametrize(
    ("query", "stream"), (("", "kitchen.mp3"), ("?format=aac", "kitchen.aac"), ("?format=ogg", "kitchen"))
)
async def test_playlist_files_name_the_stream(query: str, stream: str) -> None:
    async with api_on_fakes(allow=("radio.example.org",)) as api:
        await api.sessions.create("kitchen")
        for suffix, kind, line in (("m3u", "audio/x-mpegurl", "{}"), ("pls", "audio/x-scpls", "File1={}")):
            headers = {"Host": "radio.example.org:8080"}
            async with api.http.get(f"{api.url}/stream/kitchen.{suffix}{query}", headers=headers) as response:
                assert (response.status, response.content_type) == (200, kind)
                lines = (await response.text()).split("\n")
            assert line.format(f"http://radio.example.org:8080/stream/{stream}") in lines
        assert (await api.get("/stream/kitchen.m3u?format=flac"))[1]["field"] == "format"


@pytest.mark.parametrize(
    ("path", "agent", "has_titles"),
    (
        ("/stream/master", "Mozilla/5.0", False),
        ("/stream/master?titles=1", "Mozilla/5.0", True),
        ("/stream/master?titles=0", "VLC/3.0.24 LibVLC/3.0.24", False),
        ("/stream/master", "VLC/3.0.24 LibVLC/3.0.24", True),
        ("/stream/master", "Lavf/59.27.100", True),
        ("/stream/master", "libmpv", True),
        ("/stream/master", "Music Player Daemon 0.23.12", True),
        ("/stream/master", "Icecast 2.4.4", True),
    ),
)
async def test_titles_in_ogg_are_for_those_who_follow_chains(path: str, agent: str, has_titles: bool) -> None:
    async with api_on_fakes() as api, playing(api):
        _, body = await read(api, path, 3_000, **{"User-Agent": agent})
    assert (b"TITLE=Track" in body) is has_titles


async def test_an_ogg_reader_gets_a_burst_of_what_was_sent_lately_and_nothing_older() -> None:
    async with api_on_fakes() as api:
        station = api.sessions.master.station
        packet = OpusEncoder(128_000).encode(MUSIC[:BLOCK_SAMPLES])[0]

        def send(start: int, count: int) -> None:
            for number in range(count):
                station.on_engine(Packet(1, start + number * BLOCK_SAMPLES, packet))

        send(0, 50)  # nobody reads
        async with api.http.get(f"{api.url}/stream/master") as first:
            await until(lambda: station.packets.readers == 1)
            assert station.packets.before_last(50) == station.packets.published
            send(samples(60), 150)
            await first.content.readexactly(1_000)
            async with api.http.get(f"{api.url}/stream/master") as second:
                body = await second.content.readexactly(1_000 + 99 * len(packet) * 9 // 10)
                assert len(body) > 0
