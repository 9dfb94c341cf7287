"""A listener for tests of the shared port that shares no code with it: aioice's STUN, OpenSSL, aiortc's RTCP."""

from typing import Any

import pylibsrtp
from aioice import stun as theirs
from aiortc.rtp import RTCP_RTPFB_NACK, RtcpPacket, RtcpRrPacket, RtcpRtpfbPacket
from aiortc.sdp import SessionDescription
from pylibsrtp import Policy

from rtc_drift.webrtc.sdp import OpusOffer
from tests.support.dtls_partner import DtlsPartner
from tests.support.stun_messages import stun_answer, stun_check
from tests.support.udp import UdpClient

GCM = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
THEIR_PASSWORD = b"of the listener's own"


class ReferenceListener:
    """A listener with a UDP socket. It does nothing until `process` is called."""

    def __init__(self, setup: str = "actpass") -> None:
        self.client = UdpClient()
        self.dtls = DtlsPartner("server" if setup == "passive" else "client")
        self.offer = OpusOffer(
            description=SessionDescription(),
            fragment="theirs",
            password=THEIR_PASSWORD.decode(),
            setup=setup,  # type: ignore[arg-type]
            fingerprints={"sha-256": self.dtls.fingerprints["sha-256"]},
            payload_type=109,
            mid="0",
            mid_extension=3,
            wants_nack=True,
        )
        self.answers_checks = True
        """True: it answers STUN checks, which is its consent."""
        self.loses_all = False
        """True: all datagrams to it are lost."""
        self.checks = 0
        """Number of STUN checks received."""
        self.reports: list[Any] = []
        self.media: list[bytes] = []
        self._server = ("", 0)
        self._user = ("", b"")
        self._srtp: tuple[pylibsrtp.Session, pylibsrtp.Session] | None = None

    def read_answer(self, text: str) -> None:
        """Take address and credentials from the server's SDP answer."""
        (line,) = SessionDescription.parse(text).media
        assert line.ice is not None
        candidate = line.ice_candidates[0]
        self._server = (candidate.ip, candidate.port)
        self._user = (f"{line.ice.usernameFragment}:theirs", str(line.ice.password).encode())

    def check(self, use_candidate: bool = True) -> None:
        """Send a STUN check, which nominates the path if `use_candidate` is set."""
        self.send(stun_check(*self._user, use_candidate=use_candidate))

    def send(self, *datagrams: bytes) -> None:
        """Send datagrams to the server."""
        for datagram in datagrams:
            self.client.socket.sendto(datagram, self._server)

    def report(self, *packets: object) -> bytes:
        """Send RTCP packets in one datagram; return the datagram."""
        assert self._srtp is not None
        wire = self._srtp[0].protect_rtcp(b"".join(bytes(packet) for packet in packets))  # type: ignore[call-overload]
        self.send(wire)
        return wire

    def nack(self, ssrc: int, *numbers: int) -> None:
        """Ask for packets again."""
        self.report(RtcpRrPacket(1), RtcpRtpfbPacket(RTCP_RTPFB_NACK, 1, ssrc, list(numbers)))

    def move(self) -> None:
        """Continue from another port."""
        self.client.close()
        self.client = UdpClient()

    def process(self) -> None:
        """Process all datagrams that have arrived, and answer them."""
        for datagram in self.client.received():
            if self.loses_all:
                continue
            if datagram[0] < 4:
                if theirs.parse_message(datagram).message_class is theirs.Class.REQUEST:
                    self.checks += 1
                    if self.answers_checks:
                        self.send(stun_answer(datagram, THEIR_PASSWORD))
            elif datagram[0] < 64:
                self.send(*self.dtls.receive(datagram))
                if self.dtls.is_connected and self._srtp is None:
                    self._set_keys()
            elif self._srtp is None:
                pass
            elif 192 <= datagram[1] < 224:
                self.reports += RtcpPacket.parse(self._srtp[1].unprotect_rtcp(datagram))
            else:
                self.media.append(self._srtp[1].unprotect(datagram))

    def _set_keys(self) -> None:
        kinds = (Policy.SSRC_ANY_OUTBOUND, Policy.SSRC_ANY_INBOUND)
        own, ours = (
            pylibsrtp.Session(Policy(key=key, ssrc_type=kind, srtp_profile=GCM))
            for key, kind in zip(self.dtls.keys(16, 12), kinds, strict=True)
        )
        self._srtp = own, ours
