"""A listener on the shared UDP port: ICE-lite, DTLS, and the RTCP of a stream whose RTP the engine sends.

The engine is told of it once the keys are agreed on, and again when it moves or goes.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pylibsrtp
from aiortc import RTCIceCandidate

from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.clock import TickClock
from rtc_drift.media import SAMPLE_RATE
from rtc_drift.webrtc import rtcp, stun
from rtc_drift.webrtc.dtls import Dtls, Identity
from rtc_drift.webrtc.ice_lite import CONSENT_SECONDS, QUIET_SECONDS, IceLite, Path
from rtc_drift.webrtc.peer import Lost, Reception
from rtc_drift.webrtc.sdp import OpusOffer, lite_answer
from rtc_drift.webrtc.udp_mux import Address, Demultiplexer, UdpPort

MIN_SEQUENCE_NUMBER = 1024
READ_SECONDS = 2.0
"""Reports that come sooner after one another are not looked at: a listener may send several a second."""
SECOND_REPORT_SECONDS = 1.0
"""After the first, which a browser may get before it is ready to take it in."""
MAX_RESENT_PER_REPORT = 25
"""Packets sent again between two of our reports, so that nobody can ask for a second stream."""


@dataclass(frozen=True, slots=True)
class StationRef:
    """What the engine is to send."""

    station: int
    now: Callable[[], int]
    """Its media time."""


@dataclass(frozen=True, slots=True)
class PeerEnvironment:
    """What all listeners of the shared port have in common."""

    demultiplexer: Demultiplexer
    identity: Identity
    candidates: Sequence[tuple[str, int]]
    ticks: TickClock
    tell_engine: Callable[[m.ToFanout], None]
    monotonic: Callable[[], float]
    unix_time: Callable[[], float]


class SharedPortPeer:
    """See the module. All methods run on the event loop's thread."""

    fed_by_engine = True

    def __init__(
        self, number: int, programme: StationRef, env: PeerEnvironment, on_connected: Callable[[], None], on_lost: Lost
    ) -> None:
        """`number`: unique in the life of control."""
        self.number = number
        self.ssrc = secrets.randbits(32)
        self.reception: Reception | None = None
        self.sent = (0, 0, 0)
        """Packets, octets and packets dropped, as the engine last said."""
        self._station = programme
        self._env = env
        self._on_connected = on_connected
        self._on_lost = on_lost
        self._timestamp_offset = secrets.randbits(32)
        self._cname = secrets.token_hex(8).encode()
        self._offer: OpusOffer
        self._dtls: Dtls
        self._timer: asyncio.TimerHandle | None = None
        self._ice = IceLite(self, env.demultiplexer, env.monotonic, self._path_changed)
        self._srtcp: tuple[pylibsrtp.Session, pylibsrtp.Session] | None = None
        """For what we send, and for what comes."""
        self._added: m.AddListener | None = None
        self._read_again_at = 0.0
        self._resent = 0
        self._closed = False

    # --- signaling ----------------------------------------------------------------------------------------------------

    async def negotiate(self, offer: OpusOffer) -> str:
        self._offer = offer
        role: Literal["client", "server"] = "client" if offer.setup == "passive" else "server"
        self._dtls = Dtls(self._env.identity, offer.fingerprints, role)
        self._ice.open(offer.fragment, offer.password)
        return lite_answer(
            offer,
            fragment=self._ice.fragment,
            password=self._ice.password.decode(),
            fingerprint=self._env.identity.fingerprint,
            setup="active" if role == "client" else "passive",
            candidates=self._env.candidates,
            ssrc=self.ssrc,
            cname=self._cname.decode(),
        )

    async def update_reception(self) -> None:
        """Nothing to do: reports are read as they come."""

    async def add_candidates(self, candidates: Sequence[RTCIceCandidate]) -> None:
        """Nothing to do: a listener's address is learnt from its checks."""

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._added is not None:
            self._env.tell_engine(m.RemoveListener(self._station.station, self.number))
        if self._ice.path is not None:
            if self._srtcp is not None:
                self._send_rtcp(rtcp.bye(self.ssrc))
            self._send(self._dtls.close(), self._ice.path)
        self._stop_timer()
        self._ice.close()

    def give_up(self, reason: str) -> None:
        """Have it ended by its owner."""
        self._on_lost(reason)

    @property
    def rtp_offset(self) -> tuple[int, int] | None:
        return (self.ssrc, self._timestamp_offset) if self._added else None

    @property
    def skipped_packets(self) -> int:
        return self.sent[2]

    def added(self) -> m.AddListener | None:
        """What brings a fresh engine to send to this listener; None before it is connected."""
        path = self._ice.path
        if self._added is None or path is None:
            return None
        return replace(self._added, socket=path.port.number, address=path.address, sent=self.sent)

    # --- what comes in ------------------------------------------------------------------------------------------------

    @property
    def username(self) -> str:
        return self._ice.username

    @property
    def password(self) -> bytes:
        return self._ice.password

    def check_received(self, message: stun.StunMessage, port: UdpPort, address: Address) -> None:
        self._ice.request_received(message, Path(port, address))

    def check_answered(self, message: stun.StunMessage, port: UdpPort, address: Address) -> None:
        self._ice.answer_received(message, Path(port, address))

    def dtls_received(self, data: bytes, port: UdpPort, address: Address) -> None:
        before = self._dtls.state
        self._send(self._dtls.receive(data), self._ice.path or Path(port, address))
        if self._dtls.state == before:
            self._set_timer()
            return
        self._stop_timer()
        if self._dtls.state == "connected":
            self._begin(self._ice.path or Path(port, address))
        elif self._dtls.state == "closed":
            self._on_lost("closed by the listener")
        else:
            self._on_lost("the handshake failed")

    def rtcp_received(self, data: bytes) -> None:
        now = self._env.monotonic()
        if self._srtcp is None or (now < self._read_again_at and not self._offer.wants_nack):
            return
        try:
            compound = self._srtcp[1].unprotect_rtcp(data)
        except (pylibsrtp.Error, ValueError):
            self._env.demultiplexer.dropped["not authentic"] += 1
            return
        self._read_again_at = now + READ_SECONDS
        for item in rtcp.parse(compound):
            if item.ssrc != self.ssrc:
                continue
            if isinstance(item, rtcp.Nack):
                self._resend(item.sequence_numbers)
            else:
                self._note(item)

    # --- the way to the listener --------------------------------------------------------------------------------------

    def _path_changed(self, path: Path) -> None:
        if self._added is not None:
            to = m.MoveListener(self._station.station, self.number, path.port.number, path.address)
            self._env.tell_engine(to)
        elif self._dtls.state == "connecting":
            self._send(self._dtls.start(), path)
            self._set_timer()

    def _set_timer(self) -> None:
        self._stop_timer()
        seconds = self._dtls.timeout_seconds
        if seconds is not None and not self._closed:
            self._timer = asyncio.get_running_loop().call_later(seconds + 0.001, self._timed_out)

    def _timed_out(self) -> None:
        self._timer = None
        if self._ice.path is not None:
            self._send(self._dtls.timed_out(), self._ice.path)
        self._set_timer()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _begin(self, path: Path) -> None:
        """The keys are there: let the engine send."""
        keys = self._dtls.keys
        assert keys is not None
        kinds = (pylibsrtp.Policy.SSRC_ANY_OUTBOUND, pylibsrtp.Policy.SSRC_ANY_INBOUND)
        policies = [
            pylibsrtp.Policy(key=key, ssrc_type=kind, srtp_profile=keys.profile)
            for key, kind in zip((keys.ours, keys.theirs), kinds, strict=True)
        ]
        self._srtcp = (pylibsrtp.Session(policies[0]), pylibsrtp.Session(policies[1]))
        tick = self._env.ticks.tick_at(int(self._env.monotonic() * 1e9))
        self._added = m.AddListener(
            station=self._station.station,
            listener=self.number,
            socket=path.port.number,
            address=path.address,
            ssrc=self.ssrc,
            payload_type=self._offer.payload_type,
            extension=_mid_extension(self._offer).hex(),
            # A first sequence number below 2¹⁵: who misses it still guesses the roll-over. And not so near to 0 that an
            # engine that is a few ticks behind would send one before it.
            index_offset=MIN_SEQUENCE_NUMBER + secrets.randbelow(2**15 - MIN_SEQUENCE_NUMBER) - tick,
            timestamp_offset=self._timestamp_offset,
            profile=keys.profile,
            key=keys.ours.hex(),
        )
        self._env.tell_engine(self._added)
        self.report()
        self._timer = asyncio.get_running_loop().call_later(SECOND_REPORT_SECONDS, self.report)
        self._on_connected()

    # --- RTCP ---------------------------------------------------------------------------------------------------------

    def report(self) -> None:
        """Send a sender report: which moment is which timestamp."""
        self._resent = 0
        ntp = rtcp.ntp_time(self._env.unix_time())
        timestamp = self._timestamp_offset + self._station.now()
        packets, octets, _ = self.sent
        self._send_rtcp(
            rtcp.sender_report(self.ssrc, ntp, timestamp, packets, octets) + rtcp.description(self.ssrc, self._cname)
        )

    def upkeep(self) -> None:
        """Every few seconds: report, ask one who is quiet, give up one who is gone."""
        if self._added is None:
            return
        if self._ice.quiet_seconds > CONSENT_SECONDS:
            self._on_lost("connection lost")
            return
        if self._ice.path is None:
            return
        self.report()
        if self._ice.quiet_seconds > QUIET_SECONDS:
            self._ice.check(self._ice.path)

    def _note(self, report: rtcp.ReportBlock) -> None:
        round_trip = rtcp.round_trip_seconds(report, rtcp.ntp_time(self._env.unix_time()))
        if round_trip is None and self.reception is not None:
            round_trip = self.reception.round_trip_seconds
        self.reception = Reception(
            loss=report.fraction_lost,
            lost_packets=report.total_lost,
            jitter_seconds=report.jitter / SAMPLE_RATE,
            round_trip_seconds=round_trip,
        )

    def _resend(self, sequence_numbers: tuple[int, ...]) -> None:
        if not self._offer.wants_nack:
            return
        numbers = sequence_numbers[: max(0, MAX_RESENT_PER_REPORT - self._resent)]
        self._resent += len(numbers)
        if numbers:
            self._env.tell_engine(m.Resend(self._station.station, self.number, numbers))

    def _send_rtcp(self, compound: bytes) -> None:
        assert self._srtcp is not None
        if self._ice.path is not None:
            self._ice.path.port.send(self._srtcp[0].protect_rtcp(compound), self._ice.path.address)

    @staticmethod
    def _send(datagrams: Sequence[bytes], path: Path) -> None:
        for datagram in datagrams:
            path.port.send(datagram, path.address)


def _mid_extension(offer: OpusOffer) -> bytes:
    """The header extension block with the media line's name (RFC 8285, one-byte form; RFC 9143), if that is wanted."""
    mid = offer.mid.encode()
    if offer.mid_extension is None or not 1 <= offer.mid_extension <= 14 or not 1 <= len(mid) <= 16:
        return b""
    element = bytes((offer.mid_extension << 4 | len(mid) - 1,)) + mid
    element += bytes(-len(element) % 4)
    return b"\xbe\xde" + (len(element) // 4).to_bytes(2, "big") + element
