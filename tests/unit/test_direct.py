"""The delivery over the shared port: what a fresh engine is told, what all listeners get, and whom it may cost what."""

import asyncio
import datetime
import socket
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest
from aiortc.rtp import RtcpSrPacket
from aiortc.sdp import SessionDescription

from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.clock import TickClock
from rtc_drift.webrtc import shared_port as direct
from rtc_drift.webrtc.ice_policy import IcePolicy
from rtc_drift.webrtc.peer import NoCandidatesError
from rtc_drift.webrtc.shared_port import SharedPort, UdpPortTakenError
from rtc_drift.webrtc.shared_port_peer import SharedPortPeer, StationRef
from tests.unit.player import Player

PROGRAMME = StationRef(3, lambda: 0)


class House:
    """A delivery on loopback, what it has told the engine, and its listeners."""

    def __init__(self, addresses: tuple[str, ...] = ("127.0.0.1",)) -> None:
        self.told: list[m.ToEngine] = []
        self.lost: list[str] = []
        self.delivery = SharedPort(IcePolicy(addresses), 0, TickClock(0), self.told.append)
        self.players: list[Player] = []
        self.peers: list[SharedPortPeer] = []

    async def offer(self) -> tuple[SharedPortPeer, Player, str]:
        """Somebody who has an answer, and no more."""
        player, connected = Player(), asyncio.Event()
        peer = self.delivery.peer(PROGRAMME, connected.set, self.lost.append)
        self.players.append(player)
        self.peers.append(peer)
        answer = await peer.negotiate(player.offer)
        player.read_answer(answer)
        return peer, player, answer

    async def join(self) -> tuple[SharedPortPeer, Player]:
        peer, player, _ = await self.offer()
        player.check()
        await self.until(lambda: peer._ice.path is not None)
        player.send(*player.partner.start())
        await self.until(lambda: peer.added() is not None and bool(player.reports))
        return peer, player

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not true():
                for player in self.players:
                    player.turn()
                await asyncio.sleep(0.001)

    async def close(self) -> None:
        for peer in self.peers:
            await peer.close()
        for player in self.players:
            player.caller.close()
        await self.delivery.close()


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    house.delivery.start()
    yield house
    await house.close()


def fingerprint(answer: str) -> str:
    (line,) = SessionDescription.parse(answer).media
    assert line.dtls is not None
    return str(line.dtls.fingerprints[0].value)


async def test_a_fresh_engine_is_told_of_the_sockets_and_of_all_who_are_connected(house: House) -> None:
    first, _ = await house.join()
    second, _ = await house.join()
    await house.offer()
    house.delivery.sent(m.Sent(np.array([[second.number, 50, 16_000, 1], [99, 1, 1, 1]], "<u4").tobytes()))
    sockets, *listeners = house.delivery.restore()
    assert sockets == house.told[0]
    assert isinstance(sockets, m.AddSocket)
    assert listeners == [first.added(), second.added()]
    assert [it.sent for it in listeners if isinstance(it, m.AddListener)] == [(0, 0, 0), (50, 16_000, 1)]
    house.delivery.forget(first)
    house.delivery.forget(first)
    assert list(house.delivery.restore()) == [sockets, second.added()]


async def test_everybody_gets_reports_although_one_can_not_be_looked_after(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(direct, "UPKEEP_SECONDS", 0.05)
    monkeypatch.setattr(direct, "SLICES", 3)
    house = House()
    house.delivery.start()
    broken, _ = await house.join()
    monkeypatch.setattr(broken, "upkeep", lambda: 1 / 0)
    others = [(await house.join())[1] for _ in range(3)]

    def all_reported() -> bool:
        return all(sum(isinstance(it, RtcpSrPacket) for it in player.reports) > 4 for player in others)

    await house.until(all_reported)
    assert house.lost == ["its upkeep failed"]
    assert sum("upkeep of a WebRTC listener failed" in record.message for record in caplog.records) == 1
    await house.close()


async def test_a_certificate_that_grows_old_is_replaced_for_those_who_come_later(house: House) -> None:
    _, _, early = await house.offer()
    _, _, soon = await house.offer()
    house.delivery._identity.renew_at = datetime.datetime.now(datetime.UTC)
    _, _, late = await house.offer()
    assert fingerprint(early) == fingerprint(soon) != fingerprint(late)
    await house.join()


async def test_where_this_host_has_no_address_nobody_can_join() -> None:
    addresses = ["127.0.0.1"]
    house = House()
    house.delivery._ports._addresses = lambda: list(addresses)
    house.delivery.start()
    addresses.clear()
    house.delivery._refreshed_at = -direct.REFRESH_SECONDS
    with pytest.raises(NoCandidatesError):
        house.delivery.peer(PROGRAMME, lambda: None, house.lost.append)
    await house.close()


async def test_a_port_of_another_program_is_refused_at_the_start() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        delivery = SharedPort(IcePolicy(("127.0.0.1",)), sock.getsockname()[1], TickClock(0), lambda _: None)
        with pytest.raises(UdpPortTakenError):
            delivery.start()
        await delivery.close()
        await delivery.close()
