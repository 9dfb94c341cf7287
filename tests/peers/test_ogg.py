"""The plain HTTP stream: the session's own packets as Ogg Opus."""

import asyncio
import io
import socket
from pathlib import Path

import av
import numpy as np

from rtc_drift.media import SAMPLE_RATE, samples
from rtc_drift.tracks import shared_packet
from tests.conftest import Serve, Served
from tests.listening import correlation, lag_of, longest_silence_ms
from tests.peers.test_listening import record_mixer
from tests.waiting import until

ONE_WAY = True


async def read_stream(served: Served, size: int) -> bytes:
    async with served.http.get(f"{served.url}/stream/master") as response:
        assert response.status == 200
        assert response.content_type == "audio/ogg"
        return await response.content.readexactly(size)


def packets_of(body: bytes) -> list[bytes]:
    with av.open(io.BytesIO(body), "r") as container:
        return [bytes(packet) for packet in container.demux(container.streams.audio[0]) if packet.size]


async def test_it_holds_the_packets_that_webrtc_listeners_get(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        track = served.service.sessions.master.packet_track()

        async def take(count: int) -> list[bytes]:
            return [bytes(await track.recv()) for _ in range(count)]

        sent, body = await asyncio.gather(take(170), read_stream(served, 40_000))
        track.stop()
    in_body = packets_of(body)[:-1]  # the last page is cut
    assert len(in_body) > 80
    # An Ogg reader gets packets in groups, the first of which may have begun before the track joined.
    shared = next(index for index, packet in enumerate(in_body) if packet in sent)
    assert shared < 20
    first = sent.index(in_body[shared])
    assert sent[first : first + len(in_body) - shared] == in_body[shared:]


async def test_it_decodes_to_what_the_mixer_made(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        made, body = await asyncio.gather(
            record_mixer(served.service.sessions.master.track(), 4), read_stream(served, 45_000)
        )
    with av.open(io.BytesIO(body), "r") as container:
        stream = container.streams.audio[0]
        assert (stream.rate, stream.layout.name, stream.codec_context.name) == (SAMPLE_RATE, "stereo", "opus")
        frames = [np.asarray(frame.to_ndarray(), np.float32).T for frame in container.decode(stream)]
    heard = np.concatenate(frames)[: samples(2)]
    lag = lag_of(heard[samples(0.5) :], made)
    piece = heard[samples(0.5) :]
    assert min(correlation(piece, made[lag : lag + len(piece)])) >= 0.95
    assert longest_silence_ms(piece) <= 20


async def test_a_reader_that_stops_reading_is_dropped_and_nobody_else_notices(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        session = served.service.sessions.master.station
        host, port = served.url.removeprefix("http://").split(":")
        with socket.socket() as stuck:
            stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stuck.connect((host, int(port)))
            stuck.send(b"GET /stream/master HTTP/1.1\r\nHost: x\r\n\r\n")
            await until(lambda: session.packets.readers == 1)
            # As if minutes went by, in which it reads nothing.
            packet = shared_packet(bytes(400), 0)
            for _ in range(4_000):
                session.packets.publish(packet)
                await asyncio.sleep(0)
            await until(lambda: session.listeners == 0)
        assert "rtc_drift_ogg_readers_dropped_total 1.0" in await metrics(served)
        async with served.listener() as listener:
            heard = await listener.read(samples(1))
        assert longest_silence_ms(heard[samples(0.2) :]) <= 20


async def metrics(served: Served) -> str:
    async with served.http.get(f"{served.url}/metrics") as response:
        return await response.text()


async def test_readers_are_counted_and_leave_nothing(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        session = served.service.sessions.master.station
        async with served.http.get(f"{served.url}/stream/master") as response:
            await response.content.readexactly(1_000)
            assert session.listeners == 1
        await until(lambda: session.listeners == 0 and session.packets.readers == 0)
