"""All listeners on one UDP port: what the engine sends them, and how they survive changes and failures."""

import asyncio
import os
import re
import signal
import socket
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import aiohttp
import pytest

from rtc_drift.client import Listener
from rtc_drift.config import StartError
from rtc_drift.media import samples
from tests.support.audio_checks import correlation, lag_of
from tests.support.deliveries import SHARED_PORT
from tests.support.light_listener import CountingListener, LightListeners
from tests.support.server import RunningServer, Serve
from tests.support.server_process import free_tcp_port, server_process
from tests.support.waiting import until

pytestmark = SHARED_PORT


def whep(server: RunningServer, session: str = "master") -> str:
    """Return the WHEP url of a session."""
    return f"{server.url}/whep/{session}"


def missing(listener: CountingListener) -> int:
    """Count the packets missing between the first and the last received; assert that they came in order, none twice."""
    steps = [(late - early) % 65536 for early, late in pairwise(listener.sequence_numbers)]
    assert all(0 < step < 1000 for step in steps)
    return sum(steps) - len(steps)


async def assert_none_lost(server: RunningServer, listeners: Sequence[CountingListener]) -> None:
    """Assert that every packet arrived, except for ticks that the engine skipped because the machine stalled."""
    skipped = server.service.metrics.skipped_ticks._value
    await until(lambda: max(missing(it) for it in listeners) <= skipped.get())


async def until_received(crowd: LightListeners, count: int) -> None:
    """Wait until each listener has received `count` more packets."""
    had = {it: len(it.sequence_numbers) for it in crowd.listeners}
    await until(lambda: all(len(it.sequence_numbers) >= had[it] + count for it in crowd.listeners), 30)


async def test_two_sessions_on_one_port_have_different_audio(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        tracks = await server.scanned_tracks()
        playing = (await server.info())["nowPlaying"]["track"]["id"]
        await server.create("kitchen", startingTrack=next(it["id"] for it in tracks if it["id"] != playing))
        async with server.listener("master") as one, server.listener("kitchen") as other:
            ports = {remote_port(listener) for listener in (one, other)}
            assert ports == {server.service.settings.udp_port}
            first, second = await asyncio.gather(one.read(samples(2.5)), other.read(samples(2)))
        window = second[samples(0.5) : samples(1.5)]
        lag = lag_of(window, first)
        assert max(correlation(window, first[lag : lag + len(window)])) < 0.5


def remote_port(listener: Listener) -> int:
    """Return the port of the server's candidate."""
    match = re.search(r"a=candidate:\S+ 1 udp \d+ \S+ (\d+)", listener._peer.remoteDescription.sdp)
    assert match is not None
    return int(match[1])


async def test_every_listener_gets_every_packet(serve: Serve, music: Path) -> None:
    async with serve(music) as server, LightListeners(whep(server), 40) as crowd:
        await until(lambda: all(len(it.sequence_numbers) > 100 for it in crowd.listeners), 30)
        await assert_none_lost(server, crowd.listeners)
        assert not any(it.undecryptable for it in crowd.listeners)
        assert server.service.sessions.master.listeners == 40


async def test_two_hundred_listeners_go_on_when_the_engine_is_killed(serve: Serve, music: Path) -> None:
    """All listeners go on without joining again. No packet index is used twice: all packets can be decrypted."""
    async with serve(music) as server, LightListeners(whep(server), 200) as crowd:
        await until(lambda: all(len(it.sequence_numbers) > 20 for it in crowd.listeners), 30)
        killed = server.service.engines.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        await until(lambda: server.service.engines.pid not in (None, killed))
        await until_received(crowd, 50)
        assert not any(it.undecryptable for it in crowd.listeners)
        assert all(len(set(it.sequence_numbers)) == len(it.sequence_numbers) for it in crowd.listeners)
        assert len(server.service.listeners) == 200


async def test_a_listener_goes_on_when_its_address_changes(serve: Serve, music: Path) -> None:
    async with serve(music) as server, LightListeners(whep(server), 2) as crowd:
        mover, other = crowd.listeners
        await until(lambda: all(len(it.sequence_numbers) > 20 for it in crowd.listeners))
        mover.move()
        mover.check()
        had = len(mover.sequence_numbers)
        await until(lambda: len(mover.sequence_numbers) > had + 50)
        await assert_none_lost(server, [other])
        assert mover.undecryptable == 0
        assert len(server.service.listeners) == 2


async def test_the_reports_of_listeners_are_published(serve: Serve, music: Path) -> None:
    async with serve(music) as server, LightListeners(whep(server), 1) as crowd:
        (listener,) = crowd.listeners
        listener.report(index=0, jitter=480, loss=0.25)
        await until(lambda: any(it.peer.reception for it in server.service.listeners.values()))
        info = await server.info()
        assert info["reception"] == {
            str(listener.ssrc): {"lossRatio": 0.25, "packetsLost": 0, "jitterSeconds": 0.01, "roundTripSeconds": None}
        }
        metrics = await server.metrics()
        assert "rtc_drift_listener_loss_ratio_sum 0.25" in metrics
        assert "rtc_drift_listener_jitter_seconds_sum 0.01" in metrics


async def test_datagrams_of_strangers_are_counted_and_not_answered(serve: Serve, music: Path) -> None:
    async with serve(music) as server, LightListeners(whep(server), 3) as crowd:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.1", 0))
            stranger.setblocking(False)
            for data in (b"", b"\x00\x01", b"\x16\xfe\xff", b"\x80\x6f" + bytes(20), b"\xff" * 1400, os.urandom(2000)):
                stranger.sendto(data, ("127.0.0.1", server.service.settings.udp_port))
            await until(lambda: sum(dropped(server).values()) >= 6)
            with pytest.raises(BlockingIOError):
                stranger.recv(1)
        await until_received(crowd, 20)
        await assert_none_lost(server, crowd.listeners)
        assert 'rtc_drift_dropped_datagrams_total{reason="malformed"}' in await server.metrics()


def dropped(server: RunningServer) -> dict[str, int]:
    """Return the number of dropped datagrams by reason."""
    assert server.service.shared_port is not None
    return dict(server.service.shared_port.dropped)


async def test_listeners_receive_over_ipv6(serve: Serve, music: Path) -> None:
    async with serve(music, ice_address=("::1",)) as server:
        async with Listener(whep(server), ice_addresses=["::1"]) as listener:
            assert abs(await listener.read(samples(1))).max() > 0.01
        async with LightListeners(whep(server), 2, "::1") as crowd:
            await until(lambda: all(len(it.sequence_numbers) > 20 for it in crowd.listeners))


async def test_the_advertised_address_replaces_the_own_one(serve: Serve, music: Path) -> None:
    async with serve(music, ice_address=("127.0.0.2",), advertise="127.0.0.1") as server:
        async with aiohttp.ClientSession() as http:
            (listener,) = LightListeners(whep(server), 1).listeners
            headers = {"Content-Type": "application/sdp"}
            async with http.post(whep(server), data=listener.offer(), headers=headers) as response:
                answer = await response.text()
            listener.close()
        assert re.findall(r"a=candidate:\S+ 1 udp \d+ (\S+) ", answer) == ["127.0.0.1"]
        assert "127.0.0.2" not in answer


async def test_a_taken_udp_port_is_reported_in_one_sentence(serve: Serve, music: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=f"--udp-port {port} is taken by another program"):
            async with serve(music, udp_port=port):
                pass


async def test_stock_aiortc_delivers_if_pylibsrtp_has_changed(
    serve: Serve, music: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("rtc_drift.engine.srtp._binding", object())
    async with serve(music) as server, server.listener() as listener:
        assert server.service.shared_port is None
        assert abs(await listener.read(samples(1))).max() > 0.01
    assert len([record for record in caplog.records if "pylibsrtp has changed" in record.message]) == 1


async def test_a_stopping_server_says_goodbye(music: Path, tmp_path: Path, udp_port: int) -> None:
    port = free_tcp_port()
    async with (
        server_process(music, tmp_path, port) as process,
        LightListeners(f"http://127.0.0.1:{port}/whep/master", 50) as crowd,
    ):
        await until(lambda: all(it.sequence_numbers for it in crowd.listeners), 30)
        process.terminate()
        await process.wait()
        await until(lambda: all(it.said_goodbye and it.ended for it in crowd.listeners))


async def test_sessions_are_spread_over_engines_and_fail_independently(serve: Serve, music: Path) -> None:
    async with serve(music, engines=2) as server:
        await server.scanned_tracks()
        await server.create("kitchen")
        async with LightListeners(whep(server), 3) as master, LightListeners(whep(server, "kitchen"), 3) as kitchen:
            await until_received(master, 20)
            await until_received(kitchen, 20)
            first, second = server.service.engines.pids
            os.kill(second, signal.SIGKILL)
            await until(lambda: len(set(server.service.engines.pids) - {first, second}) == 1)
            await until_received(master, 50)
            await until_received(kitchen, 50)
            hit, spared = sorted((master, kitchen), key=lambda crowd: -missing(crowd.listeners[0]))
            await assert_none_lost(server, spared.listeners)
            assert all(missing(it) > 5 for it in hit.listeners)
