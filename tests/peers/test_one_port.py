"""All listeners on one UDP port: what the engine sends them, and what becomes of them when something changes."""

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

from rtc_drift.app import StartError
from rtc_drift.client import Listener
from rtc_drift.media import samples
from tests.conftest import Serve, Served
from tests.crowd import Crowd, LightListener
from tests.listening import correlation, lag_of
from tests.peers.conftest import ONE_PORT
from tests.peers.test_sessions import scanned
from tests.processes import free_port, server_process
from tests.waiting import until

pytestmark = ONE_PORT


def whep(served: Served, session: str = "master") -> str:
    return f"{served.url}/whep/{session}"


def missing(listener: LightListener) -> int:
    """Packets between the first and the last it received; they came in order, and none twice."""
    steps = [(late - early) % 65536 for early, late in pairwise(listener.sequence_numbers)]
    assert all(0 < step < 1000 for step in steps)
    return sum(steps) - len(steps)


async def lost_none(served: Served, listeners: Sequence[LightListener]) -> None:
    """Every packet has come; but for ticks that the engine had to leave out, as it does on a machine that stalls."""
    skipped = served.service.metrics.skipped_ticks._value
    await until(lambda: max(missing(it) for it in listeners) <= skipped.get())


async def more_packets(crowd: Crowd, count: int) -> None:
    """Wait until everybody has got so many more."""
    had = {it: len(it.sequence_numbers) for it in crowd.listeners}
    await until(lambda: all(len(it.sequence_numbers) >= had[it] + count for it in crowd.listeners), 30)


async def test_two_sessions_on_one_port_are_heard_apart(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        tracks = await scanned(served)
        playing = (await served.get("/api/session/info"))["nowPlaying"]["track"]["id"]
        await served.create("kitchen", startingTrack=next(it["id"] for it in tracks if it["id"] != playing))
        async with served.listener("master") as one, served.listener("kitchen") as other:
            ports = {remote_port(listener) for listener in (one, other)}
            assert ports == {served.service.settings.udp_port}
            first, second = await asyncio.gather(one.read(samples(3)), other.read(samples(3)))
        window = second[samples(0.5) : samples(1.5)]
        lag = lag_of(window, first)
        assert max(correlation(window, first[lag : lag + len(window)])) < 0.5


def remote_port(listener: Listener) -> int:
    match = re.search(r"a=candidate:\S+ 1 udp \d+ \S+ (\d+)", listener._peer.remoteDescription.sdp)
    assert match is not None
    return int(match[1])


async def test_everybody_gets_every_packet(serve: Serve, music: Path) -> None:
    async with serve(music) as served, Crowd(whep(served), 40) as crowd:
        await until(lambda: all(len(it.sequence_numbers) > 100 for it in crowd.listeners), 30)
        await lost_none(served, crowd.listeners)
        assert not any(it.undecryptable for it in crowd.listeners)
        assert served.service.sessions.master.listeners == 40


async def test_the_engine_is_killed_under_two_hundred(serve: Serve, music: Path) -> None:
    """All hear again without joining anew, and no packet index is used twice: what is received can be decrypted."""
    async with serve(music) as served, Crowd(whep(served), 200) as crowd:
        await until(lambda: all(len(it.sequence_numbers) > 20 for it in crowd.listeners), 30)
        killed = served.service.engines.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        await until(lambda: served.service.engines.pid not in (None, killed))
        await more_packets(crowd, 50)
        assert not any(it.undecryptable for it in crowd.listeners)
        assert all(len(set(it.sequence_numbers)) == len(it.sequence_numbers) for it in crowd.listeners)
        assert len(served.service.listeners) == 200


async def test_a_listener_whose_address_changes_hears_on(serve: Serve, music: Path) -> None:
    async with serve(music) as served, Crowd(whep(served), 2) as crowd:
        mover, other = crowd.listeners
        await until(lambda: all(len(it.sequence_numbers) > 20 for it in crowd.listeners))
        mover.move()
        mover.check()
        had = len(mover.sequence_numbers)
        await until(lambda: len(mover.sequence_numbers) > had + 50)
        await lost_none(served, [other])
        assert mover.undecryptable == 0
        assert len(served.service.listeners) == 2


async def test_what_it_reports_is_told(serve: Serve, music: Path) -> None:
    async with serve(music) as served, Crowd(whep(served), 1) as crowd:
        (listener,) = crowd.listeners
        listener.report(fraction_lost=64, jitter=480)
        await until(lambda: any(it.peer.reception for it in served.service.listeners.values()))
        info = await served.get("/api/session/info")
        assert info["reception"] == {
            str(listener.ssrc): {"lossRatio": 0.25, "packetsLost": 0, "jitterSeconds": 0.01, "roundTripSeconds": None}
        }
        async with served.http.get(f"{served.url}/metrics") as response:
            told = await response.text()
        assert f'rtc_drift_listener_loss_ratio{{session="master",ssrc="{listener.ssrc}"}} 0.25' in told
        assert f'rtc_drift_listener_jitter_seconds{{session="master",ssrc="{listener.ssrc}"}} 0.01' in told


async def test_strangers_are_counted_and_not_answered(serve: Serve, music: Path) -> None:
    async with serve(music) as served, Crowd(whep(served), 3) as crowd:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.1", 0))
            stranger.setblocking(False)
            for data in (b"", b"\x00\x01", b"\x16\xfe\xff", b"\x80\x6f" + bytes(20), b"\xff" * 1400, os.urandom(2000)):
                stranger.sendto(data, ("127.0.0.1", served.service.settings.udp_port))
            await until(lambda: sum(dropped(served).values()) >= 6)
            with pytest.raises(BlockingIOError):
                stranger.recv(1)
        await more_packets(crowd, 20)
        await lost_none(served, crowd.listeners)
        async with served.http.get(f"{served.url}/metrics") as response:
            assert 'rtc_drift_dropped_datagrams{reason="malformed"}' in await response.text()


def dropped(served: Served) -> dict[str, int]:
    assert served.service.shared_port is not None
    return dict(served.service.shared_port.dropped)


async def test_more_than_can_join_at_once_are_asked_to_wait(
    serve: Serve, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtc_drift.signaling.MAX_CONNECTING", 2)
    async with serve(music) as served:
        async with aiohttp.ClientSession() as http:
            crowd = Crowd(whep(served), 3)
            answers = []
            for listener in crowd.listeners:
                headers = {"Content-Type": "application/sdp"}
                async with http.post(whep(served), data=listener._offer(), headers=headers) as response:
                    answers.append((response.status, response.headers.get("Retry-After")))
                listener.close()
        assert [status for status, _ in answers] == [201, 201, 503]
        assert answers[2][1] is not None


async def test_it_is_heard_over_ipv6(serve: Serve, music: Path) -> None:
    async with serve(music, ice_address=("::1",)) as served:
        async with Listener(whep(served), ice_addresses=["::1"]) as listener:
            assert abs(await listener.read(samples(1))).max() > 0.01
        async with Crowd(whep(served), 2, "::1") as crowd:
            await until(lambda: all(len(it.sequence_numbers) > 20 for it in crowd.listeners))


async def test_an_advertised_address_is_told_in_place_of_our_own(serve: Serve, music: Path) -> None:
    async with serve(music, ice_address=("127.0.0.2",), advertise="127.0.0.1") as served:
        async with aiohttp.ClientSession() as http:
            (listener,) = Crowd(whep(served), 1).listeners
            headers = {"Content-Type": "application/sdp"}
            async with http.post(whep(served), data=listener._offer(), headers=headers) as response:
                answer = await response.text()
            listener.close()
        assert re.findall(r"a=candidate:\S+ 1 udp \d+ (\S+) ", answer) == ["127.0.0.1"]
        assert "127.0.0.2" not in answer


async def test_a_port_that_is_taken_is_told_in_one_sentence(serve: Serve, music: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=f"--udp-port {port} is taken by another program"):
            async with serve(music, udp_port=port):
                pass


async def test_where_srtp_is_not_as_expected_the_stock_way_is_taken(
    serve: Serve, music: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("rtc_drift.engine.srtp._binding", object())
    async with serve(music) as served, served.listener() as listener:
        assert served.service.shared_port is None
        assert abs(await listener.read(samples(1))).max() > 0.01
    assert len([record for record in caplog.records if "pylibsrtp has changed" in record.message]) == 1


async def test_a_server_that_is_told_to_stop_says_bye(music: Path, tmp_path: Path, udp_port: int) -> None:
    port = free_port()
    async with (
        server_process(music, tmp_path, port) as server,
        Crowd(f"http://127.0.0.1:{port}/whep/master", 50) as crowd,
    ):
        await until(lambda: all(it.sequence_numbers for it in crowd.listeners), 30)
        server.terminate()
        await server.wait()
        await until(lambda: all(it.said_bye and it.closed for it in crowd.listeners))


async def test_sessions_are_spread_over_engines_and_fail_apart(serve: Serve, music: Path) -> None:
    async with serve(music, engines=2) as served:
        await until(lambda: not served.service.library.status().scanning, 30)
        await served.create("kitchen")
        async with Crowd(whep(served), 3) as master, Crowd(whep(served, "kitchen"), 3) as kitchen:
            await more_packets(master, 20)
            await more_packets(kitchen, 20)
            first, second = served.service.engines.pids
            os.kill(second, signal.SIGKILL)
            await until(lambda: len(set(served.service.engines.pids) - {first, second}) == 1)
            await more_packets(master, 50)
            await more_packets(kitchen, 50)
            hit, spared = sorted((master, kitchen), key=lambda crowd: -missing(crowd.listeners[0]))
            await lost_none(served, spared.listeners)
            assert all(missing(it) > 5 for it in hit.listeners)
