"""One listener on the shared port, the whole way: checks, handshake, what the engine is told, reports, and its end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiortc.rtp import (
    HeaderExtensionsMap,
    RtcpByePacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpSdesPacket,
    RtcpSrPacket,
    RtpPacket,
)
from pylibsrtp import Policy

from rtc_drift.engine.fanout import Fanout
from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.clock import TICK_NS, TickClock
from rtc_drift.engine.srtp import MAX_STEP
from rtc_drift.webrtc import rtcp
from rtc_drift.webrtc import shared_port_peer as direct_peer
from rtc_drift.webrtc.dtls import Identity
from rtc_drift.webrtc.ice_lite import CONSENT_SECONDS, QUIET_SECONDS
from rtc_drift.webrtc.peer import Reception
from rtc_drift.webrtc.shared_port_peer import (
    MAX_RESENT_PER_REPORT,
    MIN_SEQUENCE_NUMBER,
    READ_SECONDS,
    PeerEnvironment,
    SharedPortPeer,
    StationRef,
)
from rtc_drift.webrtc.udp_mux import Demultiplexer, UdpPort
from tests.unit.player import Player
from tests.unit.udp_room import Clock, open_port

STATION = 6
GCM = Policy.SRTP_PROFILE_AEAD_AES_128_GCM


class Room:
    """One peer with all around it: a port, clocks, an engine that only notes what it is told, and the listener."""

    def __init__(self, port: UdpPort, board: Demultiplexer, identity: Identity, player: Player) -> None:
        self.port = port
        self.board = board
        self.player = player
        self.clock = Clock(1000.0)
        self.wall = Clock(1_700_000_000.25)
        self.media_time = 48_000
        self.told: list[m.ToFanout] = []
        self.events: list[str] = []
        around = PeerEnvironment(
            demultiplexer=board,
            identity=identity,
            candidates=[(port.host, port.port)],
            ticks=TickClock(0),
            send_to_engine=self.told.append,
            monotonic=self.clock,
            unix_time=self.wall,
        )
        programme = StationRef(STATION, lambda: self.media_time)
        self.peer = SharedPortPeer(7, programme, around, lambda: self.events.append("connected"), self.events.append)

    async def negotiate(self, **changes: Any) -> None:
        self.player.read_answer(await self.peer.negotiate(replace(self.player.offer, **changes)))

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not true():
                self.player.turn()
                await asyncio.sleep(0.001)

    async def settle(self) -> None:
        """Let everything that is under way arrive."""
        for _ in range(5):
            self.player.turn()
            await asyncio.sleep(0.001)

    async def join(self, *, use_candidate: bool = True, **changes: Any) -> m.AddListener:
        """From the offer until both sides are connected and the first report has come."""
        await self.negotiate(**changes)
        self.player.check(use_candidate)
        await self.settle()
        self.player.send(*self.player.partner.start())
        await self.until(lambda: bool(self.events) and self.player.partner.is_connected)
        await self.settle()
        assert self.events == ["connected"]
        (added,) = self.told
        assert isinstance(added, m.AddListener)
        return added

    @property
    def is_empty(self) -> bool:
        return not (self.board.by_address or self.board.by_fragment or self.board.by_transaction)


@pytest.fixture(scope="module")
def identity() -> Identity:
    return Identity()


@asynccontextmanager
async def room_with(player: Player, identity: Identity) -> AsyncIterator[Room]:
    board = Demultiplexer()
    with open_port(board, 4) as port:
        room = Room(port, board, identity, player)
        yield room
        await room.peer.close()
        await asyncio.sleep(0)
        player.caller.close()
        assert room.is_empty


@pytest.fixture
async def room(identity: Identity) -> AsyncIterator[Room]:
    async with room_with(Player(), identity) as room:
        yield room


# --- joining ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("setup", ["actpass", "active", "passive"])
async def test_one_that_has_joined_hears_the_engine(identity: Identity, setup: str) -> None:
    async with room_with(Player(setup), identity) as room:
        tick = int(room.clock.now * 1e9) // TICK_NS
        added = await room.join()
        assert (added.station, added.listener, added.socket) == (STATION, 7, 4)
        assert added.address == room.player.caller.address
        assert (added.ssrc, added.payload_type, added.profile) == (room.peer.ssrc, 109, GCM)
        assert MIN_SEQUENCE_NUMBER <= added.index_offset + tick <= MAX_STEP
        assert room.peer.rtp_offset == (added.ssrc, added.timestamp_offset)
        fanout = Fanout()
        fanout.add_socket(4, room.port.socket.dup())
        fanout.handle(added)
        fanout.send(STATION, tick + 1, 48_960, b"music")
        fanout.close()
        await room.until(lambda: bool(room.player.media))
        names = HeaderExtensionsMap()
        names._HeaderExtensionsMap__ids.mid = 3  # type: ignore[attr-defined]
        packet = RtpPacket.parse(room.player.media[0], names)
        assert (packet.payload, packet.ssrc, packet.extensions.mid) == (b"music", added.ssrc, "0")
        assert room.board.dropped.total() == 0


@pytest.mark.parametrize(
    "offered", [{"mid_extension": None}, {"mid_extension": 15}, {"mid": ""}, {"mid": "seventeen letters"}]
)
async def test_no_name_is_sent_where_it_is_not_wanted_or_does_not_fit(room: Room, offered: dict[str, Any]) -> None:
    assert (await room.join(**offered)).extension == ""


@pytest.mark.parametrize(("mid", "block"), [("0", "bede000130300000"), ("audio", "bede000234617564696f0000")])
async def test_the_name_of_the_line_is_sent_where_it_is_wanted(room: Room, mid: str, block: str) -> None:
    assert (await room.join(mid=mid)).extension == block


async def test_no_two_listeners_have_a_number_in_common(identity: Identity) -> None:
    async with room_with(Player(), identity) as one, room_with(Player(), identity) as two:
        first, second = await one.join(), await two.join()
    for name in ("ssrc", "timestamp_offset", "key"):
        assert getattr(first, name) != getattr(second, name)


async def test_a_handshake_from_where_no_check_came_is_not_begun(room: Room) -> None:
    await room.negotiate()
    room.player.send(*room.player.partner.start())
    await room.settle()
    assert room.board.dropped == {"unknown address": 1}
    assert room.told == []


async def test_one_with_another_certificate_is_sent_nothing(room: Room) -> None:
    await room.negotiate(fingerprints={"sha-256": ":".join(["00"] * 32)})
    room.player.check()
    room.player.send(*room.player.partner.start())
    await room.until(lambda: bool(room.events))
    assert room.events == ["the DTLS handshake failed"]
    room.peer.upkeep()
    await room.settle()
    assert room.told == []
    assert room.peer.rtp_offset is None
    assert room.player.reports == room.player.media == []


async def test_a_handshake_goes_on_when_datagrams_are_lost(identity: Identity) -> None:
    """After OpenSSL's own second, whoever has begun it."""
    async with room_with(Player("passive"), identity) as one, room_with(Player("active"), identity) as two:
        for room in (one, two):
            room.player.deaf = True
            await room.negotiate()
            room.player.check()
            room.player.send(*room.player.partner.start())
            await room.settle()
            room.player.deaf = False
        for room in (one, two):
            await room.until(lambda room=room: room.events == ["connected"])  # type: ignore[misc]


async def test_one_that_is_closed_before_it_is_connected_leaves_nothing(room: Room) -> None:
    room.player.deaf = True
    await room.negotiate()
    room.player.check()
    room.player.send(*room.player.partner.start())
    await room.settle()
    assert not room.is_empty
    await room.peer.close()
    assert room.is_empty
    assert (room.told, room.events) == ([], [])


async def test_one_that_is_closed_before_it_has_answered_leaves_nothing(room: Room) -> None:
    await room.peer.close()
    assert room.is_empty


# --- reports ------------------------------------------------------------------------------------------------------


async def test_a_report_says_which_moment_is_which_timestamp(room: Room) -> None:
    added = await room.join()
    room.peer.sent = (1_000, 320_000, 3)
    room.wall.now += 5.5
    room.media_time = 2**32 - added.timestamp_offset + 960
    room.peer.report()
    await room.settle()
    first, described, second, again = room.player.reports
    assert isinstance(first, RtcpSrPacket)
    assert first.ssrc == added.ssrc
    assert first.sender_info.ntp_timestamp == rtcp.ntp_time(1_700_000_000.25)
    assert first.sender_info.rtp_timestamp == (added.timestamp_offset + 48_000) % 2**32
    assert (first.sender_info.packet_count, first.sender_info.octet_count) == (0, 0)
    assert second.sender_info.ntp_timestamp - first.sender_info.ntp_timestamp == int(5.5 * 2**32)
    assert second.sender_info.rtp_timestamp == 960
    assert (second.sender_info.packet_count, second.sender_info.octet_count) == (1_000, 320_000)
    assert room.peer.skipped_packets == 3
    assert isinstance(described, RtcpSdesPacket)
    assert described == again, "one name for the life of the stream"
    assert described.chunks[0].ssrc == added.ssrc
    assert described.chunks[0].items[0][0] == 1, "a canonical name"


async def test_what_a_listener_reports_is_known(room: Room) -> None:
    added = await room.join()
    assert room.peer.reception is None
    last = room.player.reports[0].sender_info.ntp_timestamp >> 16 & 0xFFFFFFFF
    room.wall.now += 1.125
    mine = RtcpReceiverInfo(added.ssrc, 64, -2, 99, 480, last, 65536)
    others = replace(mine, ssrc=added.ssrc ^ 1, fraction_lost=255)
    room.player.report(RtcpRrPacket(1, [mine, others]))
    await room.until(lambda: room.peer.reception is not None)
    assert room.peer.reception == Reception(loss=0.25, lost_packets=-2, jitter_seconds=0.01, round_trip_seconds=0.125)


async def test_a_report_that_answers_none_of_ours_says_nothing_new_of_the_round_trip(room: Room) -> None:
    added = await room.join()
    last = room.player.reports[0].sender_info.ntp_timestamp >> 16 & 0xFFFFFFFF
    room.wall.now += 0.125
    room.player.report(RtcpRrPacket(1, [RtcpReceiverInfo(added.ssrc, 0, 0, 0, 0, last, 0)]))
    await room.until(lambda: room.peer.reception is not None)
    room.clock.now += READ_SECONDS
    room.player.report(RtcpRrPacket(1, [RtcpReceiverInfo(added.ssrc, 128, 0, 0, 0, 0, 0)]))
    await room.until(lambda: room.peer.reception is not None and room.peer.reception.loss == 0.5)
    assert room.peer.reception is not None
    assert room.peer.reception.round_trip_seconds == 0.125


async def test_a_second_report_follows_soon_by_itself(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct_peer, "SECOND_REPORT_SECONDS", 0.05)
    await room.join()
    await room.until(lambda: sum(isinstance(it, RtcpSrPacket) for it in room.player.reports) == 2)


async def test_a_report_that_is_forged_or_comes_twice_is_counted_and_ignored(room: Room) -> None:
    added = await room.join()
    once = room.player.report(RtcpRrPacket(1, [RtcpReceiverInfo(added.ssrc, 0, 0, 0, 0, 0, 0)]))
    await room.until(lambda: room.peer.reception is not None)
    reception = room.peer.reception
    plain = bytes(RtcpRrPacket(1, [RtcpReceiverInfo(added.ssrc, 200, 0, 0, 0, 0, 0)]))
    changed = once[:-1] + bytes((once[-1] ^ 1,))
    for wire in (once, plain, changed, plain[:2], plain + bytes(1900)):
        room.player.send(wire)
    await room.until(lambda: room.board.dropped["not authentic"] == 5)
    assert room.peer.reception is reception
    assert len(room.told) == 1


async def test_missed_packets_are_asked_of_the_engine(room: Room) -> None:
    added = await room.join()
    room.player.nack(added.ssrc, 7, 9, 700)
    room.player.nack(added.ssrc ^ 1, 8)
    await room.until(lambda: len(room.told) > 1)
    await room.settle()
    assert room.told[1:] == [m.Resend(STATION, 7, (7, 9, 700))]


async def test_nobody_can_ask_for_a_second_stream(room: Room) -> None:
    added = await room.join()
    for start in range(0, 400, 20):
        room.player.nack(added.ssrc, *range(start, start + 17))
    await room.settle()
    asked = [message for message in room.told if isinstance(message, m.Resend)]
    assert sum(len(message.sequence_numbers) for message in asked) == MAX_RESENT_PER_REPORT
    room.peer.report()
    room.player.nack(added.ssrc, 500)
    await room.settle()
    assert room.told[-1] == m.Resend(STATION, 7, (500,)), "after the next report there is something left again"


async def test_without_an_agreement_nothing_is_sent_again(room: Room) -> None:
    added = await room.join(wants_nack=False)
    room.player.nack(added.ssrc, 7)
    room.player.report(RtcpRrPacket(1, [RtcpReceiverInfo(added.ssrc, 0, 0, 0, 0, 0, 0)]))
    await asyncio.sleep(0.1)
    assert room.peer.reception is None, "two in a row are not looked at"
    room.clock.now += READ_SECONDS
    room.player.report(RtcpRrPacket(1, [RtcpReceiverInfo(added.ssrc, 0, 0, 0, 0, 0, 0)]))
    await room.until(lambda: room.peer.reception is not None)
    assert room.told == [added]


# --- moving, being quiet, leaving ---------------------------------------------------------------------------------


async def test_one_whose_address_has_changed_is_followed(room: Room) -> None:
    added = await room.join()
    room.peer.sent = (5, 50, 1)
    room.player.move()
    room.player.check()
    await room.until(lambda: len(room.told) > 1)
    assert room.told == [added, m.MoveListener(STATION, 7, 4, room.player.caller.address)]
    before = len(room.player.reports)
    room.peer.report()
    await room.until(lambda: len(room.player.reports) > before)
    assert room.peer.added() == replace(added, address=room.player.caller.address, sent=(5, 50, 1))


async def test_one_that_moves_and_does_not_answer_stays_where_it_was(room: Room) -> None:
    added = await room.join()
    room.player.consents = False
    room.player.move()
    room.player.check()
    await room.until(lambda: room.player.checks > 0)
    await room.settle()
    assert room.told == [added]


async def test_one_that_is_quiet_is_asked_and_stays_if_it_answers(room: Room) -> None:
    await room.join()
    for _ in range(5):
        room.clock.now += QUIET_SECONDS - 1
        room.peer.upkeep()
        await room.settle()
        asked_before = room.player.checks
        room.clock.now += 2
        room.peer.upkeep()
        await room.until(lambda before=asked_before: room.player.checks > before)  # type: ignore[misc]
        await room.settle()
        assert room.player.checks == asked_before + 1
    assert room.events == ["connected"]


async def test_one_that_asks_itself_is_left_in_peace(room: Room) -> None:
    await room.join()
    for _ in range(10):
        room.clock.now += QUIET_SECONDS - 1
        room.player.check(use_candidate=False)
        await room.settle()
        room.peer.upkeep()
    await room.settle()
    assert room.player.checks == 0
    assert room.events == ["connected"]


@pytest.mark.parametrize("use_candidate", [True, False])
async def test_one_of_whom_nothing_is_heard_is_given_up(room: Room, use_candidate: bool) -> None:
    """Also one that has never said which path it wants."""
    await room.join(use_candidate=use_candidate)
    room.player.consents = False
    room.clock.now += CONSENT_SECONDS - 0.5
    room.peer.upkeep()
    await room.settle()
    assert room.events == ["connected"]
    room.clock.now += 1
    room.player.report(RtcpRrPacket(1))
    await room.settle()
    room.peer.upkeep()
    assert room.events == ["connected", "connection lost"]


async def test_one_that_says_goodbye_is_gone(room: Room) -> None:
    await room.join()
    room.player.send(room.player.partner.close())
    await room.until(lambda: len(room.events) > 1)
    assert room.events == ["connected", "closed by the listener"]


async def test_the_end_is_told_to_the_listener_and_the_engine(room: Room) -> None:
    added = await room.join()
    seen = len(room.player.reports)
    await room.peer.close()
    await room.peer.close()
    assert room.is_empty
    assert room.told == [added, m.RemoveListener(STATION, 7)]
    await room.settle()
    assert room.player.reports[seen:] == [RtcpRrPacket(added.ssrc), RtcpByePacket([added.ssrc])]
    assert room.player.partner.is_closed_by_us


async def test_what_comes_after_the_end_reaches_nobody(room: Room) -> None:
    added = await room.join()
    await room.peer.close()
    told = list(room.told)
    room.player.nack(added.ssrc, 7)
    room.player.check()
    room.player.send(room.player.partner.say(b"hello?"))
    await room.until(lambda: room.board.dropped.total() == 3)
    assert room.told == told
    assert room.is_empty
