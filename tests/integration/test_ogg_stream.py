"""The HTTP stream: the packets of a session as Ogg Opus."""

import asyncio
import io
import socket
from pathlib import Path

import av
import numpy as np
import pytest

from rtc_drift.media import SAMPLE_RATE, samples
from rtc_drift.tracks import shared_packet
from tests.support.audio_checks import best_correlation, longest_silence_ms
from tests.support.recording import record_track
from tests.support.server import RunningServer, Serve
from tests.support.waiting import until

SHARED_PORT_ONLY = True


async def read_stream(server: RunningServer, size: int) -> bytes:
    """Read so many bytes from the master's stream."""
    async with server.http.get(f"{server.url}/stream/master") as response:
        assert response.status == 200
        assert response.content_type == "audio/ogg"
        return await response.content.readexactly(size)


def packets_of(body: bytes) -> list[bytes]:
    """Return the Opus packets of an Ogg file."""
    with av.open(io.BytesIO(body), "r") as container:
        return [bytes(packet) for packet in container.demux(container.streams.audio[0]) if packet.size]


async def test_the_stream_holds_the_packets_of_webrtc_listeners(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        track = server.service.sessions.master.packet_track()

        async def take(count: int) -> list[bytes]:
            return [bytes(await track.recv()) for _ in range(count)]

        sent, body = await asyncio.gather(take(140), read_stream(server, 33_000))
        track.stop()
    in_body = packets_of(body)[:-1]  # the last page is incomplete
    assert len(in_body) > 80
    # An Ogg reader gets packets in groups; the first group may begin before the track was opened.
    shared = next(index for index, packet in enumerate(in_body) if packet in sent)
    assert shared < 20
    first = sent.index(in_body[shared])
    assert sent[first : first + len(in_body) - shared] == in_body[shared:]


async def test_the_stream_decodes_to_what_the_mixer_rendered(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        rendered, body = await asyncio.gather(
            record_track(server.service.sessions.master.track(), 3), read_stream(server, 36_000)
        )
    with av.open(io.BytesIO(body), "r") as container:
        stream = container.streams.audio[0]
        assert (stream.rate, stream.layout.name, stream.codec_context.name) == (SAMPLE_RATE, "stereo", "opus")
        frames = [np.asarray(frame.to_ndarray(), np.float32).T for frame in container.decode(stream)]
    decoded = np.concatenate(frames)[samples(0.5) : samples(2)]
    assert best_correlation(decoded, rendered) >= 0.95
    assert longest_silence_ms(decoded) <= 20


async def test_a_reader_that_stops_reading_is_dropped(
    serve: Serve, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtc_drift.api.streams.MAX_OGG_LAG_BLOCKS", 50)
    async with serve(music) as server:
        session = server.station
        host, port = server.url.removeprefix("http://").split(":")
        with socket.socket() as stuck:
            stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stuck.connect((host, int(port)))
            stuck.send(b"GET /stream/master HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            await until(lambda: session.packets.readers == 1)
            # More packets than minutes of music would have.
            packet = shared_packet(bytes(400), 0)
            for _ in range(4_000):
                session.packets.publish(packet)
                await asyncio.sleep(0)
            await until(lambda: session.listeners == 0)
        assert "rtc_drift_ogg_readers_dropped_total 1.0" in await server.metrics()
        async with server.listener() as listener:
            audio = await listener.read(samples(1))
        assert longest_silence_ms(audio[samples(0.2) :]) <= 20


async def test_readers_are_counted_until_they_leave(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        session = server.station
        async with server.http.get(f"{server.url}/stream/master") as response:
            await response.content.readexactly(1_000)
            assert session.listeners == 1
        await until(lambda: session.listeners == 0 and session.packets.readers == 0)
