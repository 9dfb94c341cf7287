"""A listener on the shared UDP port: ICE-lite, DTLS, and the RTCP of a stream whose RTP the engine sends.

The engine gets a message when the DTLS handshake has given the keys, when the listener's address changes, and when it
leaves.
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
from rtc_drift.webrtc.peer import OnLost, Reception
from rtc_drift.webrtc.sdp import OpusOffer, lite_answer
from rtc_drift.webrtc.udp_mux import Address, Demultiplexer, UdpPort

MIN_SEQUENCE_NUMBER = 1024
"""Smallest sequence number of a first packet."""
READ_SECONDS = 2.0
"""Minimum time between two RTCP packets that are read: a listener without NACK may send several a second."""
SECOND_REPORT_SECONDS = 1.0
"""Time between the first two sender reports: a browser may get the first before it is ready for it."""
MAX_RESENT_PER_REPORT = 25
"""Number of packets sent again between two sender reports, so that NACKs can't multiply the traffic."""


@dataclass(frozen=True, slots=True)
class StationRef:
    """A station reference: the station whose packets the engine sends."""

    station: int
    """Number of the station in messages to the engine."""
    now: Callable[[], int]
    """Returns its media time, in samples at 48 kHz."""


@dataclass(frozen=True, slots=True)
class PeerEnvironment:
    """Objects and clocks common to all listeners of the shared port."""

    demultiplexer: Demultiplexer
    identity: Identity
    candidates: Sequence[tuple[str, int]]
    """Host and port of each address where listeners reach this host."""
    ticks: TickClock
    send_to_engine: Callable[[m.ToFanout], None]
    monotonic: Callable[[], float]
    """Returns the monotonic time, in seconds."""
    unix_time: Callable[[], float]
    """Returns about the wall-clock time, in seconds since 1970; it never jumps."""


class SharedPortPeer:
    """A `Peer` on the shared port. All methods run on the event loop's thread."""

    fed_by_engine = True

    def __init__(
        self,
        number: int,
        station: StationRef,
        env: PeerEnvironment,
        on_connected: Callable[[], None],
        on_lost: OnLost,
    ) -> None:
        """Create a peer that waits for its offer. `number` must be unique while control runs."""
        self.number = number
        self.ssrc = secrets.randbits(32)
        self.reception: Reception | None = None
        self.sent = (0, 0, 0)
        """Packets, payload octets and dropped packets, as last reported by the engine."""
        self.is_reached = False
        self._station_ref = station
        self._env = env
        self._on_connected = on_connected
        self._on_lost: OnLost = on_lost
        self._timestamp_offset = secrets.randbits(32)
        self._cname = secrets.token_hex(8).encode()
        self._payload_type = 0
        self._wants_nack = False
        self._extension = b""
        self._dtls: Dtls
        """Set by `negotiate`."""
        self._timer: asyncio.TimerHandle | None = None
        self._ice = IceLite(self, env.demultiplexer, env.monotonic, self._path_changed)
        self._srtcp: tuple[pylibsrtp.Session, pylibsrtp.Session] | None = None
        """SRTCP sessions for sending and for receiving; None until connected."""
        self._added: m.AddListener | None = None
        """The message with which the engine got this listener, at its latest address; None before it is connected."""
        self._read_again_at = 0.0
        self._resent = 0
        self._closed = False

    # --- signaling ----------------------------------------------------------------------------------------------------

    async def negotiate(self, offer: OpusOffer) -> str:
        """Return the SDP answer, and accept binding requests of this listener from now on."""
        self._payload_type, self._wants_nack = offer.payload_type, offer.wants_nack
        self._extension = _mid_extension(offer)
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
        """Do nothing: reports are read when they arrive."""

    async def add_candidates(self, candidates: Sequence[RTCIceCandidate]) -> None:
        """Do nothing: binding requests show the listener's address."""

    async def close(self) -> None:
        """Send BYE and the DTLS alert; remove this listener from the engine and the demultiplexer. Idempotent."""
        if self._closed:
            return
        self._closed = True
        if self._added is not None:
            self._env.send_to_engine(m.RemoveListener(self._station_ref.station, self.number))
        if self._ice.path is not None and self._srtcp is not None:
            self._send_rtcp(rtcp.bye(self.ssrc))
        self._srtcp = None
        dtls: Dtls | None = getattr(self, "_dtls", None)
        alert = dtls.close() if dtls is not None else []
        if self._ice.path is not None:
            self._send(alert, self._ice.path)
        self._stop_timer()
        self._ice.close()
        self._on_connected = self._on_lost = _nobody  # the owner holds this, and no cycle shall keep both

    def give_up(self, reason: str) -> None:
        """Report the connection as lost; the owner then closes it."""
        self._on_lost(reason)

    @property
    def rtp_offset(self) -> tuple[int, int] | None:
        """`(SSRC, RTP timestamp of media time 0)`, modulo 2³²; None until connected."""
        return (self.ssrc, self._timestamp_offset) if self._added else None

    @property
    def port(self) -> UdpPort | None:
        """The port of its path; None before a path is selected."""
        return None if self._ice.path is None else self._ice.path.port

    @property
    def skipped_packets(self) -> int:
        """Packets that the system did not accept, as last reported by the engine."""
        return self.sent[2]

    def added(self) -> m.AddListener | None:
        """Return the message after which a new engine process sends to this listener; None before it is connected."""
        return None if self._added is None else replace(self._added, sent=self.sent)

    # --- received datagrams -------------------------------------------------------------------------------------------

    @property
    def username(self) -> str:
        """USERNAME of the listener's binding requests: our username fragment, a colon, its own."""
        return self._ice.username

    @property
    def password(self) -> bytes:
        """Password that signs the listener's binding requests."""
        return self._ice.password

    def stun_request_received(self, message: stun.StunMessage, port: UdpPort, address: Address) -> None:
        """Pass an authentic binding request to ICE."""
        self.is_reached = True
        self._ice.request_received(message, Path(port, address))

    def stun_response_received(self, message: stun.StunMessage, port: UdpPort, address: Address) -> None:
        """Pass a binding response to ICE, which checks its authenticity."""
        self._ice.response_received(message, Path(port, address))

    def dtls_received(self, data: bytes, port: UdpPort, address: Address) -> None:
        """Continue the DTLS handshake, or end the connection when the listener closes it."""
        before = self._dtls.state
        self._send(self._dtls.receive(data), self._ice.path or Path(port, address))
        if self._dtls.state == before:
            self._set_timer()
            return
        self._stop_timer()
        if self._dtls.state == "connected":
            self._start_sending(self._ice.path or Path(port, address))
        elif self._dtls.state == "closed":
            self._on_lost("closed by the listener")
        else:
            self._on_lost("the DTLS handshake failed")

    def rtcp_received(self, data: bytes) -> None:
        """Read report blocks and NACKs; packets that are not authentic are dropped and counted."""
        now = self._env.monotonic()
        if self._srtcp is None or (now < self._read_again_at and not self._wants_nack):
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
                self._update_reception(item)

    # --- path and handshake -------------------------------------------------------------------------------------------

    def _path_changed(self, path: Path) -> None:
        if self._added is not None:
            self._added = replace(self._added, socket=path.port.number, address=path.address)
            move = m.MoveListener(self._station_ref.station, self.number, path.port.number, path.address)
            self._env.send_to_engine(move)
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

    def _start_sending(self, path: Path) -> None:
        """Pass the listener with its SRTP keys to the engine, and send the first sender report."""
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
            station=self._station_ref.station,
            listener=self.number,
            socket=path.port.number,
            address=path.address,
            ssrc=self.ssrc,
            payload_type=self._payload_type,
            extension=self._extension.hex(),
            # The first sequence number is below 2¹⁵, so that a listener that misses the first packets still guesses
            # the roll-over counter. It is not near 0, as an engine that is a few ticks behind would send one below 0.
            index_offset=MIN_SEQUENCE_NUMBER + secrets.randbelow(2**15 - MIN_SEQUENCE_NUMBER) - tick,
            timestamp_offset=self._timestamp_offset,
            profile=keys.profile,
            key=keys.ours.hex(),
        )
        self._env.send_to_engine(self._added)
        self.report()
        self._timer = asyncio.get_running_loop().call_later(SECOND_REPORT_SECONDS, self.report)
        self._on_connected()

    # --- RTCP ---------------------------------------------------------------------------------------------------------

    def report(self) -> None:
        """Send a sender report, which relates wall-clock time to the RTP timestamp."""
        self._resent = 0
        ntp = rtcp.ntp_time(self._env.unix_time())
        timestamp = self._timestamp_offset + self._station_ref.now()
        packets, octets, _ = self.sent
        self._send_rtcp(
            rtcp.sender_report(self.ssrc, ntp, timestamp, packets, octets)
            + rtcp.source_description(self.ssrc, self._cname)
        )

    def upkeep(self) -> None:
        """Send a sender report, check a quiet listener, and end one whose consent has expired."""
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

    def _update_reception(self, report: rtcp.ReportBlock) -> None:
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
        if not self._wants_nack:
            return
        numbers = sequence_numbers[: max(0, MAX_RESENT_PER_REPORT - self._resent)]
        self._resent += len(numbers)
        if numbers:
            self._env.send_to_engine(m.Resend(self._station_ref.station, self.number, numbers))

    def _send_rtcp(self, compound: bytes) -> None:
        if self._srtcp is not None and self._ice.path is not None:
            self._ice.path.port.send(self._srtcp[0].protect_rtcp(compound), self._ice.path.address)

    @staticmethod
    def _send(datagrams: Sequence[bytes], path: Path) -> None:
        for datagram in datagrams:
            path.port.send(datagram, path.address)


def _nobody(*_: object) -> None:
    pass


def _mid_extension(offer: OpusOffer) -> bytes:
    """Return the header extension block with the mid (RFC 8285, one-byte form; RFC 9143); empty if not offered."""
    mid = offer.mid.encode()
    if offer.mid_extension is None or not 1 <= offer.mid_extension <= 14 or not 1 <= len(mid) <= 16:
        return b""
    element = bytes((offer.mid_extension << 4 | len(mid) - 1,)) + mid
    element += bytes(-len(element) % 4)
    return b"\xbe\xde" + (len(element) // 4).to_bytes(2, "big") + element
