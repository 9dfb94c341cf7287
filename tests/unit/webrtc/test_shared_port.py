"""Delivery over the shared port: restoring a new engine, reports for all listeners, and failures of one of them."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest
from aiortc.rtp import RtcpSrPacket
from aiortc.sdp import SessionDescription

from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.clock import TickClock
from rtc_drift.webrtc import shared_port
from rtc_drift.webrtc.ice_policy import IcePolicy
from rtc_drift.webrtc.peer import NoCandidatesError
from rtc_drift.webrtc.rtcp import NTP_EPOCH_SECONDS
from rtc_drift.webrtc.shared_port import SharedPort, UdpPortTakenError
from rtc_drift.webrtc.shared_port_peer import SharedPortPeer, StationRef
from tests.support.reference_listener import ReferenceListener
from tests.support.udp import ManualClock

STATION = StationRef(3, lambda: 0)


class Harness:
    """A shared port on loopback, its messages to the engine, and its listeners."""

    def __init__(self, addresses: tuple[str, ...] = ("127.0.0.1",)) -> None:
        self.sent: list[m.ToEngine] = []
        self.lost: list[str] = []
        self.clock, self.wall = ManualClock(1000.0), ManualClock(1_700_000_000.0)
        self.delivery = SharedPort(IcePolicy(addresses), 0, TickClock(0), self.sent.append, self.clock, self.wall)
        self.listeners: list[ReferenceListener] = []
        self.peers: list[SharedPortPeer] = []

    async def offer(self) -> tuple[SharedPortPeer, ReferenceListener, str]:
        """Negotiate with a new listener, which does nothing further."""
        listener, connected = ReferenceListener(), asyncio.Event()
        peer = self.delivery.peer(STATION, connected.set, self.lost.append)
        self.listeners.append(listener)
        self.peers.append(peer)
        answer = await peer.negotiate(listener.offer)
        listener.read_answer(answer)
        return peer, listener, answer

    async def join(self) -> tuple[SharedPortPeer, ReferenceListener]:
        """Connect a new listener, until its first report has arrived."""
        peer, listener, _ = await self.offer()
        listener.check()
        await self.until(lambda: peer._ice.path is not None)
        listener.send(*listener.dtls.start())
        await self.until(lambda: peer.added() is not None and bool(listener.reports))
        return peer, listener

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let all listeners process their datagrams until a condition holds."""
        async with asyncio.timeout(10):
            while not condition():
                for listener in self.listeners:
                    listener.process()
                await asyncio.sleep(0.001)

    async def close(self) -> None:
        for peer in self.peers:
            await peer.close()
        for listener in self.listeners:
            listener.client.close()
        await self.delivery.close()


@pytest.fixture
async def harness() -> AsyncIterator[Harness]:
    harness = Harness()
    harness.delivery.start()
    yield harness
    await harness.close()


def fingerprint(answer: str) -> str:
    (line,) = SessionDescription.parse(answer).media
    assert line.dtls is not None
    return str(line.dtls.fingerprints[0].value)


async def test_a_new_engine_gets_the_sockets_and_the_connected_listeners(harness: Harness) -> None:
    first, _ = await harness.join()
    second, _ = await harness.join()
    await harness.offer()
    harness.delivery.sent(m.SentCounts(np.array([[second.number, 50, 16_000, 1], [99, 1, 1, 1]], "<u4").tobytes()))
    sockets, *listeners = harness.delivery.restore()
    assert sockets == harness.sent[0]
    assert isinstance(sockets, m.AddSocket)
    assert listeners == [first.added(), second.added()]
    assert [it.sent for it in listeners if isinstance(it, m.AddListener)] == [(0, 0, 0), (50, 16_000, 1)]
    harness.delivery.forget(first)
    harness.delivery.forget(first)
    assert list(harness.delivery.restore()) == [sockets, second.added()]


async def test_all_listeners_get_reports_although_one_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shared_port, "UPKEEP_SECONDS", 0.05)
    monkeypatch.setattr(shared_port, "SLICES", 3)
    harness = Harness()
    harness.delivery.start()
    broken, _ = await harness.join()
    monkeypatch.setattr(broken, "upkeep", lambda: 1 / 0)
    others = [(await harness.join())[1] for _ in range(3)]

    def all_reported() -> bool:
        return all(sum(isinstance(it, RtcpSrPacket) for it in listener.reports) > 4 for listener in others)

    await harness.until(all_reported)
    assert harness.lost == ["its upkeep failed"]
    assert sum("upkeep of a WebRTC listener failed" in record.message for record in caplog.records) == 1
    await harness.close()


async def test_an_old_certificate_is_replaced_for_new_listeners(harness: Harness) -> None:
    _, _, early = await harness.offer()
    harness.wall.now -= 50 * 365 * 86_400  # somebody sets the clock
    _, _, soon = await harness.offer()
    harness.clock.now += shared_port.RENEW_SECONDS + 1
    _, _, late = await harness.offer()
    assert fingerprint(early) == fingerprint(soon) != fingerprint(late)
    await harness.join()


async def test_listeners_do_not_see_the_clock_being_set(harness: Harness) -> None:
    peer, listener = await harness.join()
    first = ntp_seconds(listener)
    assert first == pytest.approx(1_700_000_000, abs=1)
    for years in (-60, 200):
        harness.wall.now += years * 365 * 86_400
        harness.clock.now += 5
        peer.report()
        await harness.until(lambda: ntp_seconds(listener) != first)  # noqa: B023
        assert ntp_seconds(listener) == pytest.approx(first + 5)
        first = ntp_seconds(listener)


def ntp_seconds(listener: ReferenceListener) -> float:
    """Return the time of the last sender report, in seconds since 1970."""
    *_, report = (it for it in listener.reports if isinstance(it, RtcpSrPacket))
    return float(report.sender_info.ntp_timestamp) / 2**32 - NTP_EPOCH_SECONDS


async def test_nobody_can_join_while_the_host_has_no_address() -> None:
    addresses = ["127.0.0.1"]
    harness = Harness()
    harness.delivery._ports._addresses = lambda: list(addresses)
    harness.delivery.start()
    addresses.clear()
    harness.delivery._refreshed_at = -shared_port.REFRESH_SECONDS
    with pytest.raises(NoCandidatesError):
        harness.delivery.peer(STATION, lambda: None, harness.lost.append)
    await harness.close()


async def test_a_port_of_another_program_is_refused_at_the_start() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        delivery = SharedPort(IcePolicy(("127.0.0.1",)), sock.getsockname()[1], TickClock(0), lambda _: None)
        with pytest.raises(UdpPortTakenError):
            delivery.start()
        await delivery.close()
        await delivery.close()
