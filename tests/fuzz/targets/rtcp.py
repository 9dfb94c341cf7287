"""RTCP: what the parser makes of any bytes, and what a connected listener can have its peer do."""

import asyncio
import struct
from collections.abc import Iterable

import pylibsrtp

from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.clock import TickClock
from rtc_drift.webrtc import rtcp
from rtc_drift.webrtc.dtls import Identity
from rtc_drift.webrtc.shared_port_peer import (
    MAX_RESENT_PER_REPORT,
    READ_SECONDS,
    PeerEnvironment,
    SharedPortPeer,
    StationRef,
)
from rtc_drift.webrtc.udp_mux import Demultiplexer
from tests.fuzz.target import Target, pack, require, unpack
from tests.fuzz.targets.fake_port import FakePort
from tests.support.dtls_partner import DtlsPartner
from tests.support.reference_listener import GCM, ReferenceListener
from tests.support.stun_messages import stun_check
from tests.support.udp import ManualClock

ADDRESS = ("127.0.0.1", 9000)
PARSE, FORGED, AUTHENTIC = range(3)
"""Kinds of steps: to the parser alone, to the peer as it is, and to the peer as the listener encrypts it."""
OUR_SSRC = b"\xaa\xbb\xcc\xdd"
"""Stands for the SSRC of the stream."""


class Rtcp(Target):
    """`webrtc.rtcp`, and `webrtc.shared_port_peer` after a real handshake."""

    name = "rtcp"
    watched = ("webrtc/rtcp.py", "webrtc/shared_port_peer.py")
    tokens = (
        OUR_SSRC,
        b"\x81\xc9\x00\x07",
        b"\x81\xcd\x00\x03",
        b"\x80\xc8\x00\x06",
        b"\x81\xcb\x00\x01",
        b"\xff\xff\xff\xff",
    )
    max_bytes = 2048
    cpu_seconds = 0.05

    def open(self) -> None:
        """Connect a listener."""
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self._connect())

    def close(self) -> None:
        """Close the listener."""
        self._loop.run_until_complete(self._peer.close())
        self._loop.close()

    async def _connect(self) -> None:
        self._port, self._clock, self._demultiplexer = FakePort(), ManualClock(), Demultiplexer()
        self._to_engine: list[m.ToFanout] = []
        environment = PeerEnvironment(
            demultiplexer=self._demultiplexer,
            identity=Identity(),
            candidates=[(self._port.host, self._port.port)],
            ticks=TickClock(0),
            send_to_engine=self._to_engine.append,
            monotonic=self._clock,
            unix_time=lambda: 1.7e9,
        )
        listener = ReferenceListener()
        listener.client.close()
        self._peer = SharedPortPeer(1, StationRef(1, lambda: 48_000), environment, lambda: None, lambda _: None)
        listener.read_answer(await self._peer.negotiate(listener.offer))
        check = stun_check(self._peer.username, self._peer.password, use_candidate=True)
        self._demultiplexer.receive(self._port.as_port, check, ADDRESS)
        flight = listener.dtls.start()
        while flight:
            self._port.take()
            for datagram in flight:
                self._demultiplexer.receive(self._port.as_port, datagram, ADDRESS)
            flight = [it for data, _ in self._port.take() if 20 <= data[0] < 64 for it in listener.dtls.receive(data)]
        self._srtcp = _session(listener.dtls)
        self._to_engine.clear()

    def seeds(self) -> Iterable[bytes]:
        """Return reports and NACKs of listeners."""
        ssrc = int.from_bytes(OUR_SSRC, "big")
        block = struct.pack("!IIIIII", ssrc, 64 << 24 | 0xFFFFFE, 99, 480, 0x12345678, 65536)
        report = struct.pack("!BBHI", 0x81, 201, 7, 1) + block
        nack = struct.pack("!BBHIIHHHH", 0x81, 205, 4, 1, ssrc, 7, 0xFFFF, 65535, 1)
        for kind in (PARSE, FORGED, AUTHENTIC):
            yield pack(bytes([kind]) + report + nack)
            yield pack(bytes([kind]) + rtcp.sender_report(1, 1, 1, 1, 1) + block + rtcp.bye(ssrc), bytes([kind]) + nack)
        yield pack(*[bytes([AUTHENTIC]) + report + nack] * 8)

    def run(self, data: bytes) -> None:
        """Run the steps of an input."""
        self._loop.run_until_complete(self._run(data))

    async def _run(self, data: bytes) -> None:
        self._peer.report()
        self._port.take()
        resent = 0
        for step in unpack(data):
            kind, packet = step[0] % 3 if step else PARSE, step[1:]
            packet = packet.replace(OUR_SSRC, self._peer.ssrc.to_bytes(4, "big"))
            if kind == PARSE:
                _check_parsing(packet)
                continue
            before = self._peer.reception
            self._clock.now += READ_SECONDS
            self._receive(kind, packet)
            require(kind == AUTHENTIC or self._peer.reception is before, "a forged report is believed")
            require(kind == AUTHENTIC or not self._to_engine, "a forged report has something sent")
            for message in self._to_engine:
                require(isinstance(message, m.Resend), "a report has the engine do something else than send again")
                resent += len(message.sequence_numbers) if isinstance(message, m.Resend) else 0
            self._to_engine.clear()
            require(resent <= MAX_RESENT_PER_REPORT, "more packets are sent again than allowed")
            require(not self._port.take(), "a report is answered")
            reception = self._peer.reception
            require(reception is None or 0 <= reception.loss <= 1, "a loss beyond 0 to 1")
            require(reception is None or (reception.round_trip_seconds or 0) >= 0, "a negative round trip")

    def _receive(self, kind: int, packet: bytes) -> None:
        if kind == AUTHENTIC:
            try:
                packet = self._srtcp.protect_rtcp(packet)
            except (pylibsrtp.Error, ValueError):
                return  # not even the listener can encrypt it
            self._peer.rtcp_received(packet)
        else:
            self._demultiplexer.receive(self._port.as_port, b"\x81\xc9" + packet, ADDRESS)


def _check_parsing(packet: bytes) -> None:
    items = list(rtcp.parse(packet))
    require(len(items) <= len(packet) // 8, "more items than fit")
    for item in items:
        require(0 <= item.ssrc < 1 << 32, "an SSRC out of range")
        if isinstance(item, rtcp.Nack):
            require(len(item.sequence_numbers) <= 17 * len(packet) // 4, "more sequence numbers than fit")
            require(all(0 <= number < 1 << 16 for number in item.sequence_numbers), "a sequence number out of range")
        else:
            require(0 <= item.fraction_lost < 1, "a loss beyond 0 to 1")
            elapsed = rtcp.round_trip_seconds(item, rtcp.ntp_time(1.7e9))
            require(elapsed is None or elapsed >= 0, "a negative round trip")


def _session(dtls: DtlsPartner) -> pylibsrtp.Session:
    kind = pylibsrtp.Policy.SSRC_ANY_OUTBOUND
    return pylibsrtp.Session(pylibsrtp.Policy(key=dtls.keys(16, 12)[0], ssrc_type=kind, srtp_profile=GCM))
