"""A listener made of other parts than the peer: aioice's STUN, OpenSSL, aiortc's RTCP."""

from typing import Any

import pylibsrtp
from aioice import stun as theirs
from aiortc.rtp import RTCP_RTPFB_NACK, RtcpPacket, RtcpRrPacket, RtcpRtpfbPacket
from aiortc.sdp import SessionDescription
from pylibsrtp import Policy

from rtc_drift.webrtc.sdp import OpusOffer
from tests.unit.udp_room import Caller, Partner, answer, check

GCM = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
THEIR_PASSWORD = b"of the listener's own"


class Player:
    """See the module."""

    def __init__(self, setup: str = "actpass") -> None:
        self.caller = Caller()
        self.partner = Partner("server" if setup == "passive" else "client")
        self.offer = OpusOffer(
            description=SessionDescription(),
            fragment="theirs",
            password=THEIR_PASSWORD.decode(),
            setup=setup,  # type: ignore[arg-type]
            fingerprints={"sha-256": self.partner.fingerprints["sha-256"]},
            payload_type=109,
            mid="0",
            mid_extension=3,
            wants_nack=True,
        )
        self.consents = True
        """It answers checks."""
        self.deaf = False
        """All it gets is lost."""
        self.checks = 0
        self.reports: list[Any] = []
        self.media: list[bytes] = []
        self._server = ("", 0)
        self._user = ("", b"")
        self._srtp: tuple[pylibsrtp.Session, pylibsrtp.Session] | None = None

    def read_answer(self, text: str) -> None:
        (line,) = SessionDescription.parse(text).media
        assert line.ice is not None
        candidate = line.ice_candidates[0]
        self._server = (candidate.ip, candidate.port)
        self._user = (f"{line.ice.usernameFragment}:theirs", str(line.ice.password).encode())

    def check(self, use_candidate: bool = True) -> None:
        self.send(check(*self._user, use_candidate=use_candidate))

    def send(self, *datagrams: bytes) -> None:
        for datagram in datagrams:
            self.caller.socket.sendto(datagram, self._server)

    def report(self, *packets: object) -> bytes:
        """Sends RTCP; gives the datagram."""
        assert self._srtp is not None
        wire = self._srtp[0].protect_rtcp(b"".join(bytes(packet) for packet in packets))  # type: ignore[call-overload]
        self.send(wire)
        return wire

    def nack(self, ssrc: int, *numbers: int) -> None:
        self.report(RtcpRrPacket(1), RtcpRtpfbPacket(RTCP_RTPFB_NACK, 1, ssrc, list(numbers)))

    def move(self) -> None:
        """Go on from another port."""
        self.caller.close()
        self.caller = Caller()

    def turn(self) -> None:
        """Take what has come, and answer it."""
        for datagram in self.caller.received():
            if self.deaf:
                continue
            if datagram[0] < 4:
                if theirs.parse_message(datagram).message_class is theirs.Class.REQUEST:
                    self.checks += 1
                    if self.consents:
                        self.send(answer(datagram, THEIR_PASSWORD))
            elif datagram[0] < 64:
                self.send(*self.partner.receive(datagram))
                if self.partner.is_connected and self._srtp is None:
                    self._agree()
            elif self._srtp is None:
                pass
            elif 192 <= datagram[1] < 224:
                self.reports += RtcpPacket.parse(self._srtp[1].unprotect_rtcp(datagram))
            else:
                self.media.append(self._srtp[1].unprotect(datagram))

    def _agree(self) -> None:
        kinds = (Policy.SSRC_ANY_OUTBOUND, Policy.SSRC_ANY_INBOUND)
        own, ours = (
            pylibsrtp.Session(Policy(key=key, ssrc_type=kind, srtp_profile=GCM))
            for key, kind in zip(self.partner.keys(16, 12), kinds, strict=True)
        )
        self._srtp = own, ours
