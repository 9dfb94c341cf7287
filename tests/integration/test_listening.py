"""Headless WebRTC listeners on loopback receive what the mixer rendered."""

import asyncio
import random
from pathlib import Path

import numpy as np
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from rtc_drift.audio.seeking import decode
from rtc_drift.client import Listener, ListenerError
from rtc_drift.media import SAMPLE_RATE, samples
from rtc_drift.webrtc.aiortc_internals import bind_ice
from tests.support.audio_checks import best_correlation, correlation, integrated_lufs, lag_of, longest_silence_ms
from tests.support.deliveries import SHARED_PORT
from tests.support.recording import read_until_done, record_track
from tests.support.server import Serve
from tests.support.waiting import until


async def test_a_listener_receives_what_the_mixer_rendered(serve: Serve, music: Path) -> None:
    async with serve(music) as server, server.listener() as listener:
        rendered, received = await asyncio.gather(
            record_track(server.service.sessions.master.track(), 3.2), listener.read(samples(2.8))
        )
    received = received[samples(0.8) : samples(2.5)]
    lag = lag_of(received, rendered)
    left, right = correlation(received, rendered[lag : lag + len(received)])
    assert min(left, right) >= 0.95
    crossed = np.corrcoef(received[:, 0], rendered[lag : lag + len(received), 1])[0, 1]
    assert abs(crossed) < 0.5, "left and right are neither swapped nor mixed down"


@SHARED_PORT
async def test_three_track_changes_have_no_gap_and_even_loudness(serve: Serve, short_music: Path) -> None:
    async with serve(short_music) as server, server.listener() as listener:
        events = asyncio.create_task(started_tracks(listener, 4))
        audio = await read_until_done(listener, events, more_seconds=3.5)
        assert len(set(await events)) == 4
        stats = await listener.stats()
    assert longest_silence_ms(audio) <= 20
    assert stats.packets_lost == 0
    for at in range(samples(1), len(audio) - samples(3), samples(1)):
        assert integrated_lufs(audio[at : at + samples(3)]) == pytest.approx(-16, abs=1.5), f"at {at / SAMPLE_RATE} s"


async def started_tracks(listener: Listener, count: int) -> list[str]:
    """Return the titles of `count` tracks, the one on the air first."""
    titles: list[str] = []
    async for event in listener.events():
        if event["type"] == "hello" and event["state"]["nowPlaying"]:
            titles.append(event["state"]["nowPlaying"]["track"]["title"])
        elif event["type"] == "track_started":
            titles.append(event["track"]["title"])
        if len(titles) == count:
            break
    return titles


async def test_the_next_track_starts_when_the_answer_says(serve: Serve, music: Path) -> None:
    async with serve(music) as server, server.listener() as listener:
        await listener.read(samples(0.5))
        before = server.station.now()
        answer = await listener.next_track()
        assert 0 < answer["startsAt"] - before <= samples(0.3)
        assert answer["transition"]["kind"] == "skip"
        track = server.service.library.get(answer["track"]["id"])
        assert track is not None
        after_the_crossfade = (await listener.read(samples(3)))[samples(1.7) :]
    whole = np.concatenate([audio for _, audio in decode(str(track.path), 0)])
    assert best_correlation(after_the_crossfade, whole) >= 0.95


async def test_a_listener_joins_at_the_live_edge(serve: Serve, music: Path) -> None:
    """The first packet is not older than the connection: nothing waits while DTLS connects."""
    async with serve(music) as server:
        station = server.station
        async with server.listener() as listener:
            connected_at = station.now()
            first = await listener.frame()
            (entry,) = server.service.listeners.values()
            assert entry.peer.rtp_offset is not None
            media_time = (first.timestamp - entry.peer.rtp_offset[1]) % 2**32
            assert connected_at - media_time < samples(0.2)
            assert entry.peer.skipped_packets == 0


async def test_a_listener_loses_nothing_while_ten_others_come_and_go(serve: Serve, music: Path) -> None:
    rng = random.Random(4)
    async with serve(music) as server:
        session = server.station
        stuck = session.packet_track()
        await stuck.recv()  # it never reads again

        async def come_and_go(visits: int) -> None:
            for _ in range(visits):
                async with server.listener() as peer:
                    await peer.read(samples(rng.uniform(0.1, 0.6)))

        async with server.listener() as steady:
            visitors = asyncio.gather(*(come_and_go(3) for _ in range(10)))
            audio = await read_until_done(steady, visitors)
            await visitors
            stats = await steady.stats()
        assert stats.packets_lost == 0
        assert longest_silence_ms(audio[samples(0.2) :]) <= 20
        stuck.stop()
        await until(lambda: session.listeners == 0 and not server.service.listeners)
        assert session.packets.readers == 0


@SHARED_PORT
async def test_a_drift_track_plays_on_any_peer_connection(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        session = server.station
        sender, receiver = (RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2))
        sender.addTrack(session.track())
        for peer in (sender, receiver):
            bind_ice(peer, ["127.0.0.1"])
        received = asyncio.get_running_loop().create_future()
        receiver.on("track", received.set_result)
        await sender.setLocalDescription(await sender.createOffer())
        await receiver.setRemoteDescription(RTCSessionDescription(sender.localDescription.sdp, "offer"))
        bind_ice(receiver, ["127.0.0.1"])
        await receiver.setLocalDescription(await receiver.createAnswer())
        await sender.setRemoteDescription(RTCSessionDescription(receiver.localDescription.sdp, "answer"))
        track = await received
        frames = [await track.recv() for _ in range(30)]
        assert max(np.abs(frame.to_ndarray()).max() for frame in frames) > 500
        await asyncio.gather(sender.close(), receiver.close())
        await until(lambda: session.pcm.readers == 0)


@SHARED_PORT
async def test_the_listener_limit_is_reported(serve: Serve, music: Path) -> None:
    async with serve(music, max_listeners=1) as server, server.listener():
        with pytest.raises(ListenerError, match="Listener limit reached"):
            async with server.listener():
                pass
