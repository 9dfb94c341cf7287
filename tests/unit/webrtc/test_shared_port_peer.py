"""One peer of the shared port: checks, handshake, messages to the engine, reports, moving, and its end."""

import asyncio
import gc
import weakref
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
from OpenSSL import SSL
from pylibsrtp import Policy

from rtc_drift.engine.fanout import Fanout
from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.clock import TICK_NS, TickClock
from rtc_drift.engine.srtp import MAX_STEP
from rtc_drift.webrtc import rtcp, shared_port_peer
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
from tests.support.reference_listener import ReferenceListener
from tests.support.udp import ManualClock, open_port

STATION = 6
GCM = Policy.SRTP_PROFILE_AEAD_AES_128_GCM


class Harness:
    """One peer with a port, manual clocks, a listener, and a record of all messages to the engine."""

    def __init__(self, port: UdpPort, demux: Demultiplexer, identity: Identity, listener: ReferenceListener) -> None:
        self.port = port
        self.demux = demux
        self.listener = listener
        self.clock = ManualClock(1000.0)
        self.wall = ManualClock(1_700_000_000.25)
        self.media_time = 48_000
        self.sent: list[m.ToFanout] = []
        self.events: list[str] = []
        environment = self.environment = PeerEnvironment(
            demultiplexer=demux,
            identity=identity,
            candidates=[(port.host, port.port)],
            ticks=TickClock(0),
            send_to_engine=self.sent.append,
            monotonic=self.clock,
            unix_time=self.wall,
        )
        station = self.station = StationRef(STATION, lambda: self.media_time)
        self.peer = SharedPortPeer(7, station, environment, lambda: self.events.append("connected"), self.events.append)

    async def negotiate(self, **changes: Any) -> None:
        self.listener.read_answer(await self.peer.negotiate(replace(self.listener.offer, **changes)))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the listener process its datagrams until a condition holds."""
        async with asyncio.timeout(10):
            while not condition():
                self.listener.process()
                await asyncio.sleep(0.001)

    async def settle(self) -> None:
        """Let all datagrams under way arrive."""
        for _ in range(5):
            self.listener.process()
            await asyncio.sleep(0.001)

    async def join(self, *, use_candidate: bool = True, **changes: Any) -> m.AddListener:
        """Negotiate and connect, until the first report has arrived; return the message to the engine."""
        await self.negotiate(**changes)
        self.listener.check(use_candidate)
        await self.settle()
        self.listener.send(*self.listener.dtls.start())
        await self.until(lambda: bool(self.events) and self.listener.dtls.is_connected)
        await self.settle()
        assert self.events == ["connected"]
        (added,) = self.sent
        assert isinstance(added, m.AddListener)
        return added

    @property
    def is_empty(self) -> bool:
        return not (self.demux.by_address or self.demux.by_fragment or self.demux.by_transaction)


@pytest.fixture(scope="module")
def identity() -> Identity:
    return Identity()


@asynccontextmanager
async def harness_with(listener: ReferenceListener, identity: Identity) -> AsyncIterator[Harness]:
    demux = Demultiplexer()
    with open_port(demux, 4) as port:
        harness = Harness(port, demux, identity, listener)
        yield harness
        await harness.peer.close()
        await asyncio.sleep(0)
        listener.client.close()
        assert harness.is_empty


@pytest.fixture
async def harness(identity: Identity) -> AsyncIterator[Harness]:
    async with harness_with(ReferenceListener(), identity) as harness:
        yield harness


# --- joining ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("setup", ["actpass", "active", "passive"])
async def test_a_connected_listener_receives_from_the_engine(identity: Identity, setup: str) -> None:
    async with harness_with(ReferenceListener(setup), identity) as harness:
        tick = int(harness.clock.now * 1e9) // TICK_NS
        added = await harness.join()
        assert (added.station, added.listener, added.socket) == (STATION, 7, 4)
        assert added.address == harness.listener.client.address
        assert (added.ssrc, added.payload_type, added.profile) == (harness.peer.ssrc, 109, GCM)
        assert MIN_SEQUENCE_NUMBER <= added.index_offset + tick <= MAX_STEP
        assert harness.peer.rtp_offset == (added.ssrc, added.timestamp_offset)
        fanout = Fanout()
        fanout.add_socket(4, harness.port.socket.dup())
        fanout.handle(added)
        fanout.send(STATION, tick + 1, 48_960, b"music")
        fanout.close()
        await harness.until(lambda: bool(harness.listener.media))
        names = HeaderExtensionsMap()
        names._HeaderExtensionsMap__ids.mid = 3  # type: ignore[attr-defined]
        packet = RtpPacket.parse(harness.listener.media[0], names)
        assert (packet.payload, packet.ssrc, packet.extensions.mid) == (b"music", added.ssrc, "0")
        assert harness.demux.dropped.total() == 0


@pytest.mark.parametrize(
    "offered", [{"mid_extension": None}, {"mid_extension": 15}, {"mid": ""}, {"mid": "seventeen letters"}]
)
async def test_no_mid_is_sent_if_it_is_not_wanted_or_does_not_fit(harness: Harness, offered: dict[str, Any]) -> None:
    assert (await harness.join(**offered)).extension == ""


@pytest.mark.parametrize(("mid", "block"), [("0", "bede000130300000"), ("audio", "bede000234617564696f0000")])
async def test_the_mid_is_sent_if_it_is_wanted(harness: Harness, mid: str, block: str) -> None:
    assert (await harness.join(mid=mid)).extension == block


@pytest.mark.parametrize("use_candidate", [True, False])
async def test_a_connected_listener_can_be_restored_before_it_has_nominated_a_path(
    harness: Harness, use_candidate: bool
) -> None:
    added = await harness.join(use_candidate=use_candidate)
    harness.peer.sent = (5, 50, 1)
    assert harness.peer.added() == replace(added, sent=(5, 50, 1))


async def test_no_two_listeners_share_an_ssrc_an_offset_or_a_key(identity: Identity) -> None:
    async with harness_with(ReferenceListener(), identity) as one, harness_with(ReferenceListener(), identity) as two:
        first, second = await one.join(), await two.join()
    for name in ("ssrc", "timestamp_offset", "key"):
        assert getattr(first, name) != getattr(second, name)


async def test_no_handshake_begins_from_an_address_without_a_check(harness: Harness) -> None:
    await harness.negotiate()
    harness.listener.send(*harness.listener.dtls.start())
    await harness.settle()
    assert harness.demux.dropped == {"unknown address": 1}
    assert harness.sent == []


async def test_a_listener_with_another_certificate_is_sent_nothing(harness: Harness) -> None:
    await harness.negotiate(fingerprints={"sha-256": ":".join(["00"] * 32)})
    harness.listener.check()
    harness.listener.send(*harness.listener.dtls.start())
    await harness.until(lambda: bool(harness.events))
    assert harness.events == ["the DTLS handshake failed"]
    harness.peer.upkeep()
    await harness.settle()
    assert harness.sent == []
    assert harness.peer.rtp_offset is None
    assert harness.listener.reports == harness.listener.media == []


async def test_a_handshake_goes_on_when_datagrams_are_lost(identity: Identity) -> None:
    """OpenSSL sends again after a second, in either role."""
    async with (
        harness_with(ReferenceListener("passive"), identity) as one,
        harness_with(ReferenceListener("active"), identity) as two,
    ):
        for harness in (one, two):
            harness.listener.loses_all = True
            await harness.negotiate()
            harness.listener.check()
            harness.listener.send(*harness.listener.dtls.start())
            await harness.settle()
            harness.listener.loses_all = False
        for harness in (one, two):
            await harness.until(lambda harness=harness: harness.events == ["connected"])  # type: ignore[misc]


async def test_a_peer_closed_before_it_is_connected_leaves_nothing(harness: Harness) -> None:
    harness.listener.loses_all = True
    await harness.negotiate()
    harness.listener.check()
    harness.listener.send(*harness.listener.dtls.start())
    await harness.settle()
    assert not harness.is_empty
    await harness.peer.close()
    assert harness.is_empty
    assert (harness.sent, harness.events) == ([], [])


async def test_a_peer_closed_before_it_has_answered_leaves_nothing(harness: Harness) -> None:
    await harness.peer.close()
    assert harness.is_empty


# --- reports ------------------------------------------------------------------------------------------------------


async def test_a_sender_report_maps_time_to_rtp_timestamps(harness: Harness) -> None:
    added = await harness.join()
    harness.peer.sent = (1_000, 320_000, 3)
    harness.wall.now += 5.5
    harness.media_time = 2**32 - added.timestamp_offset + 960
    harness.peer.report()
    await harness.settle()
    first, described, second, again = harness.listener.reports
    assert isinstance(first, RtcpSrPacket)
    assert first.ssrc == added.ssrc
    assert first.sender_info.ntp_timestamp == rtcp.ntp_time(1_700_000_000.25)
    assert first.sender_info.rtp_timestamp == (added.timestamp_offset + 48_000) % 2**32
    assert (first.sender_info.packet_count, first.sender_info.octet_count) == (0, 0)
    assert second.sender_info.ntp_timestamp - first.sender_info.ntp_timestamp == int(5.5 * 2**32)
    assert second.sender_info.rtp_timestamp == 960
    assert (second.sender_info.packet_count, second.sender_info.octet_count) == (1_000, 320_000)
    assert harness.peer.skipped_packets == 3
    assert isinstance(described, RtcpSdesPacket)
    assert described == again, "the same name for the whole stream"
    assert described.chunks[0].ssrc == added.ssrc
    assert described.chunks[0].items[0][0] == 1, "a canonical name"


async def test_the_report_of_a_listener_becomes_its_reception(harness: Harness) -> None:
    added = await harness.join()
    assert harness.peer.reception is None
    last = harness.listener.reports[0].sender_info.ntp_timestamp >> 16 & 0xFFFFFFFF
    harness.wall.now += 1.125
    mine = RtcpReceiverInfo(added.ssrc, 64, -2, 99, 480, last, 65536)
    others = replace(mine, ssrc=added.ssrc ^ 1, fraction_lost=255)
    harness.listener.report(RtcpRrPacket(1, [mine, others]))
    await harness.until(lambda: harness.peer.reception is not None)
    expected = Reception(loss=0.25, lost_packets=-2, jitter_seconds=0.01, round_trip_seconds=0.125)
    assert harness.peer.reception == expected


async def test_a_report_without_a_sender_report_keeps_the_round_trip(harness: Harness) -> None:
    added = await harness.join()
    last = harness.listener.reports[0].sender_info.ntp_timestamp >> 16 & 0xFFFFFFFF
    harness.wall.now += 0.125
    harness.listener.report(RtcpRrPacket(1, [RtcpReceiverInfo(added.ssrc, 0, 0, 0, 0, last, 0)]))
    await harness.until(lambda: harness.peer.reception is not None)
    harness.clock.now += READ_SECONDS
    harness.listener.report(RtcpRrPacket(1, [RtcpReceiverInfo(added.ssrc, 128, 0, 0, 0, 0, 0)]))
    await harness.until(lambda: harness.peer.reception is not None and harness.peer.reception.loss == 0.5)
    assert harness.peer.reception is not None
    assert harness.peer.reception.round_trip_seconds == 0.125


async def test_a_second_sender_report_follows_soon(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_port_peer, "SECOND_REPORT_SECONDS", 0.05)
    await harness.join()
    await harness.until(lambda: sum(isinstance(it, RtcpSrPacket) for it in harness.listener.reports) == 2)


async def test_forged_and_repeated_reports_are_counted_and_ignored(harness: Harness) -> None:
    added = await harness.join()
    once = harness.listener.report(RtcpRrPacket(1, [RtcpReceiverInfo(added.ssrc, 0, 0, 0, 0, 0, 0)]))
    await harness.until(lambda: harness.peer.reception is not None)
    reception = harness.peer.reception
    plain = bytes(RtcpRrPacket(1, [RtcpReceiverInfo(added.ssrc, 200, 0, 0, 0, 0, 0)]))
    changed = once[:-1] + bytes((once[-1] ^ 1,))
    for wire in (once, plain, changed, plain[:2], plain + bytes(1900)):
        harness.listener.send(wire)
    await harness.until(lambda: harness.demux.dropped["not authentic"] == 5)
    assert harness.peer.reception is reception
    assert len(harness.sent) == 1


async def test_missed_packets_are_requested_from_the_engine(harness: Harness) -> None:
    added = await harness.join()
    harness.listener.nack(added.ssrc, 7, 9, 700)
    harness.listener.nack(added.ssrc ^ 1, 8)
    await harness.until(lambda: len(harness.sent) > 1)
    await harness.settle()
    assert harness.sent[1:] == [m.Resend(STATION, 7, (7, 9, 700))]


async def test_resent_packets_are_limited_between_reports(harness: Harness) -> None:
    added = await harness.join()
    for start in range(0, 400, 20):
        harness.listener.nack(added.ssrc, *range(start, start + 17))
    await harness.settle()
    asked = [message for message in harness.sent if isinstance(message, m.Resend)]
    assert sum(len(message.sequence_numbers) for message in asked) == MAX_RESENT_PER_REPORT
    harness.peer.report()
    harness.listener.nack(added.ssrc, 500)
    await harness.settle()
    assert harness.sent[-1] == m.Resend(STATION, 7, (500,)), "the next report allows more"


async def test_nothing_is_resent_without_nack_in_the_offer(harness: Harness) -> None:
    added = await harness.join(wants_nack=False)
    harness.listener.nack(added.ssrc, 7)
    harness.listener.report(RtcpRrPacket(1, [RtcpReceiverInfo(added.ssrc, 0, 0, 0, 0, 0, 0)]))
    await asyncio.sleep(0.1)
    assert harness.peer.reception is None, "of two reports in a row the second is ignored"
    harness.clock.now += READ_SECONDS
    harness.listener.report(RtcpRrPacket(1, [RtcpReceiverInfo(added.ssrc, 0, 0, 0, 0, 0, 0)]))
    await harness.until(lambda: harness.peer.reception is not None)
    assert harness.sent == [added]


# --- moving, silence, leaving -------------------------------------------------------------------------------------


async def test_a_listener_that_moves_is_followed(harness: Harness) -> None:
    added = await harness.join()
    harness.peer.sent = (5, 50, 1)
    harness.listener.move()
    harness.listener.check()
    await harness.until(lambda: len(harness.sent) > 1)
    assert harness.sent == [added, m.MoveListener(STATION, 7, 4, harness.listener.client.address)]
    before = len(harness.listener.reports)
    harness.peer.report()
    await harness.until(lambda: len(harness.listener.reports) > before)
    assert harness.peer.added() == replace(added, address=harness.listener.client.address, sent=(5, 50, 1))


async def test_a_move_without_an_answer_is_not_followed(harness: Harness) -> None:
    added = await harness.join()
    harness.listener.answers_checks = False
    harness.listener.move()
    harness.listener.check()
    await harness.until(lambda: harness.listener.checks > 0)
    await harness.settle()
    assert harness.sent == [added]


async def test_a_quiet_listener_is_checked_and_stays_if_it_answers(harness: Harness) -> None:
    await harness.join()
    for _ in range(5):
        harness.clock.now += QUIET_SECONDS - 1
        harness.peer.upkeep()
        await harness.settle()
        asked_before = harness.listener.checks
        harness.clock.now += 2
        harness.peer.upkeep()
        await harness.until(lambda before=asked_before: harness.listener.checks > before)  # type: ignore[misc]
        await harness.settle()
        assert harness.listener.checks == asked_before + 1
    assert harness.events == ["connected"]


async def test_a_listener_that_sends_checks_is_not_checked(harness: Harness) -> None:
    await harness.join()
    for _ in range(10):
        harness.clock.now += QUIET_SECONDS - 1
        harness.listener.check(use_candidate=False)
        await harness.settle()
        harness.peer.upkeep()
    await harness.settle()
    assert harness.listener.checks == 0
    assert harness.events == ["connected"]


@pytest.mark.parametrize("use_candidate", [True, False])
async def test_a_listener_without_consent_is_lost(harness: Harness, use_candidate: bool) -> None:
    """Also if it never nominated a path."""
    await harness.join(use_candidate=use_candidate)
    harness.listener.answers_checks = False
    harness.clock.now += CONSENT_SECONDS - 0.5
    harness.peer.upkeep()
    await harness.settle()
    assert harness.events == ["connected"]
    harness.clock.now += 1
    harness.listener.report(RtcpRrPacket(1))
    await harness.settle()
    harness.peer.upkeep()
    assert harness.events == ["connected", "connection lost"]


async def test_a_listener_that_closes_dtls_has_left(harness: Harness) -> None:
    await harness.join()
    harness.listener.send(harness.listener.dtls.close())
    await harness.until(lambda: len(harness.events) > 1)
    assert harness.events == ["connected", "closed by the listener"]


async def test_closing_informs_the_listener_and_the_engine(harness: Harness) -> None:
    added = await harness.join()
    seen = len(harness.listener.reports)
    await harness.peer.close()
    await harness.peer.close()
    assert harness.is_empty
    assert harness.sent == [added, m.RemoveListener(STATION, 7)]
    await harness.settle()
    assert harness.listener.reports[seen:] == [RtcpRrPacket(added.ssrc), RtcpByePacket([added.ssrc])]
    assert harness.listener.dtls.is_closed_by_us


async def test_a_closed_peer_is_freed_without_a_garbage_collection(harness: Harness) -> None:
    def associations() -> int:
        return sum(isinstance(it, SSL.Connection) for it in gc.get_objects())

    class Owner:
        def __init__(self) -> None:
            self.peer = SharedPortPeer(8, harness.station, harness.environment, self.connected, self.lost)

        def connected(self) -> None:
            pass

        def lost(self, reason: str) -> None:
            pass

    gc.disable()
    try:
        before = associations()
        await harness.join()
        assert associations() > before
        await harness.peer.close()
        assert associations() == before, "OpenSSL's memory is free, whoever holds the peer"
        owner = Owner()
        await owner.peer.negotiate(harness.listener.offer)
        await owner.peer.close()
        gone = weakref.ref(owner), weakref.ref(owner.peer)
        del owner
        assert [it() for it in gone] == [None, None]
        assert associations() == before
    finally:
        gc.enable()


async def test_datagrams_after_the_end_are_dropped(harness: Harness) -> None:
    added = await harness.join()
    await harness.peer.close()
    before = list(harness.sent)
    harness.listener.nack(added.ssrc, 7)
    harness.listener.check()
    harness.listener.send(harness.listener.dtls.send(b"hello?"))
    await harness.until(lambda: harness.demux.dropped.total() == 3)
    assert harness.sent == before
    assert harness.is_empty
