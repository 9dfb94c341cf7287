"""Headless WebRTC peers on loopback hear what the mixer made."""

import asyncio
import random
from pathlib import Path

import numpy as np
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from rtc_drift.audio.seeking import decode
from rtc_drift.client import Listener, ListenerError
from rtc_drift.media import SAMPLE_RATE, Audio, samples
from rtc_drift.tracks import DriftTrack
from rtc_drift.webrtc.aiortc_internals import bind_ice
from tests.conftest import Serve
from tests.listening import correlation, integrated_lufs, lag_of, longest_silence_ms
from tests.peers.conftest import ONE_PORT
from tests.waiting import until


async def record_mixer(track: DriftTrack, seconds: float) -> Audio:
    """What the mixer makes, from its own track: `(n, 2) float32`."""
    frames = [await track.recv() for _ in range(samples(seconds) // 960)]
    track.stop()
    pcm = np.concatenate([np.asarray(frame.to_ndarray(), np.int16).reshape(-1, 2) for frame in frames])
    return (pcm / np.float32(32768)).astype(np.float32)


async def test_what_is_heard_is_what_the_mixer_made(serve: Serve, music: Path) -> None:
    async with serve(music) as served, served.listener() as listener:
        made, heard = await asyncio.gather(
            record_mixer(served.service.sessions.master.track(), 4), listener.read(samples(4))
        )
    heard = heard[samples(0.8) : samples(3)]
    lag = lag_of(heard, made)
    left, right = correlation(heard, made[lag : lag + len(heard)])
    assert min(left, right) >= 0.95
    crossed = np.corrcoef(heard[:, 0], made[lag : lag + len(heard), 1])[0, 1]
    assert abs(crossed) < 0.5, "left and right are neither swapped nor mixed down"


@ONE_PORT
async def test_three_track_changes_without_a_gap_and_at_one_loudness(serve: Serve, short_music: Path) -> None:
    async with serve(short_music) as served, served.listener() as listener:
        events = asyncio.create_task(started_tracks(listener, 4))
        heard = await listener.read(samples(18))
        assert len(set(await events)) == 4
        stats = await listener.stats()
    assert longest_silence_ms(heard) <= 20
    assert stats.packets_lost == 0
    for at in range(samples(1), len(heard) - samples(3), samples(1)):
        assert integrated_lufs(heard[at : at + samples(3)]) == pytest.approx(-16, abs=1.5), f"at {at / SAMPLE_RATE} s"


async def started_tracks(listener: Listener, count: int) -> list[str]:
    titles: list[str] = []
    async for event in listener.events():
        if event["type"] == "hello" and event["state"]["nowPlaying"]:
            titles.append(event["state"]["nowPlaying"]["track"]["title"])
        elif event["type"] == "track_started":
            titles.append(event["track"]["title"])
        if len(titles) == count:
            break
    return titles


async def test_next_track_is_heard_from_when_the_answer_says(serve: Serve, music: Path) -> None:
    async with serve(music) as served, served.listener() as listener:
        await listener.read(samples(0.5))
        before = served.service.sessions.master.station.now()
        answer = await listener.next_track()
        assert 0 < answer["startsAt"] - before <= samples(0.3)
        assert answer["transition"]["kind"] == "skip"
        # The file that comes in, as the mixer should make it, against what is heard after the crossfade.
        track = served.service.library.get(answer["track"]["id"])
        assert track is not None
        heard = (await listener.read(samples(4)))[samples(2) :]
    whole = np.concatenate([audio for _, audio in decode(str(track.path), 0)])
    lag = lag_of(heard, whole)
    assert min(correlation(heard, whole[lag : lag + len(heard)])) >= 0.95


async def test_a_listener_joins_at_the_live_edge(serve: Serve, music: Path) -> None:
    """Nothing made before its DTLS was connected: its first packet is as young as the connection."""
    async with serve(music) as served:
        station = served.service.sessions.master.station
        async with served.listener() as listener:
            connected_at = station.now()
            first = await listener.frame()
            (entry,) = served.service.listeners.values()
            assert entry.peer.rtp_offset is not None
            media_time = (first.timestamp - entry.peer.rtp_offset[1]) % 2**32
            assert connected_at - media_time < samples(0.2)
            assert entry.peer.skipped_packets == 0


async def test_ten_peers_come_and_go_and_one_never_reads(serve: Serve, music: Path) -> None:
    rng = random.Random(4)
    async with serve(music) as served:
        session = served.service.sessions.master.station
        stuck = session.packet_track()
        await stuck.recv()  # and never again

        async def come_and_go(visits: int) -> None:
            for _ in range(visits):
                async with served.listener() as peer:
                    await peer.read(samples(rng.uniform(0.1, 0.6)))

        async with served.listener() as steady:
            visitors = asyncio.gather(*(come_and_go(3) for _ in range(10)))
            heard = await steady.read(samples(4))
            await visitors
            stats = await steady.stats()
        assert stats.packets_lost == 0
        assert longest_silence_ms(heard[samples(0.2) :]) <= 20
        stuck.stop()
        await until(lambda: session.listeners == 0 and not served.service.listeners)
        assert session.packets.readers == 0


@ONE_PORT
async def test_a_drift_track_plays_on_somebody_elses_peer_connection(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        session = served.service.sessions.master.station
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


@ONE_PORT
async def test_the_listener_limit_is_said(serve: Serve, music: Path) -> None:
    async with serve(music, max_listeners=1) as served, served.listener():
        with pytest.raises(ListenerError, match="Listener limit reached"):
            async with served.listener():
                pass
