"""A listener over a stock aiortc peer connection, which encrypts and sends each packet itself.

Used where the shared port is not possible: with STUN or TURN, for ICE-lite listeners, with one UDP port per listener
(`--udp-port 0`), and with an unsupported pylibsrtp. It needs about ten times the CPU time.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from aiortc import RTCIceCandidate, RTCPeerConnection, RTCRtpTransceiver, RTCSessionDescription

from rtc_drift.media import SAMPLE_RATE
from rtc_drift.tracks import PacketTrack
from rtc_drift.webrtc.aiortc_internals import bind_ice, last_rtp_timestamp, ssrc
from rtc_drift.webrtc.client_address import is_same_host
from rtc_drift.webrtc.ice_policy import IcePolicy
from rtc_drift.webrtc.offer_bounds import BadOfferError
from rtc_drift.webrtc.peer import NoCandidatesError, OnLost, Reception
from rtc_drift.webrtc.sdp import OpusOffer, advertised, whole_answer

CLOSE_SECONDS = 5.0


class AiortcPeer:
    """A `Peer` over aiortc's `RTCPeerConnection`; control sends its packets."""

    fed_by_engine = False

    def __init__(
        self,
        policy: IcePolicy,
        new_track: Callable[[], PacketTrack],
        on_connected: Callable[[], None],
        on_lost: OnLost,
        only_from: str | None = None,
    ) -> None:
        """Create a peer that waits for its offer. Candidates at other addresses than `only_from` are left out."""
        self._policy = policy
        self._only_from = only_from
        self._new_track = new_track
        self._track: PacketTrack | None = None
        self._on_connected = on_connected
        self._on_lost = on_lost
        self._peer = RTCPeerConnection(policy.configuration())
        self._peer.on("connectionstatechange", self._state_changed)
        self._reception: Reception | None = None

    async def negotiate(self, offer: OpusOffer) -> str:
        """Return the SDP answer. Raises BadOfferError, IceUnavailableError, NoCandidatesError."""
        for line in offer.description.media:
            line.ice_candidates = list(filter(self._may_check, line.ice_candidates))
            if offer.setup == "actpass" and line.dtls is not None:
                # As a DTLS client aiortc speaks to ECDSA certificates only, and GStreamer has RSA ones.
                line.dtls.role = "client"
        # Before the offer is read: an error in this line is not an error of the offer.
        audio = self._peer.addTransceiver("audio", direction="sendonly")
        try:
            await self._peer.setRemoteDescription(RTCSessionDescription(str(offer.description), "offer"))
        except (OSError, MemoryError):
            raise
        except Exception as error:
            # aiortc raises errors of many types when it reads invalid SDP.
            raise BadOfferError("The offer is not valid SDP.") from error
        self._track = self._new_track()
        audio.sender.replaceTrack(self._track)
        if self._policy.addresses:
            bind_ice(self._peer, self._policy.addresses)
        await self._peer.setLocalDescription(await self._peer.createAnswer())
        answer = whole_answer(self._peer.localDescription.sdp, offer)
        if "a=candidate:" not in answer:
            raise NoCandidatesError  # aioice silently skips addresses it can't bind
        return advertised(answer, self._policy.advertise) if self._policy.advertise else answer

    async def add_candidates(self, candidates: Sequence[RTCIceCandidate]) -> None:
        """Add trickled candidates. Raises ValueError."""
        for candidate in filter(self._may_check, candidates):
            candidate.sdpMid = self._audio().mid
            await self._peer.addIceCandidate(candidate)

    async def close(self) -> None:
        """Close the connection, within CLOSE_SECONDS. Idempotent."""
        self._peer.remove_all_listeners()
        if self._track is not None:
            self._track.stop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._peer.close(), CLOSE_SECONDS)

    @property
    def rtp_offset(self) -> tuple[int, int] | None:
        """`(SSRC, RTP timestamp of media time 0)`, modulo 2³²; None before the first packet."""
        sender = self._audio().sender
        timestamp, source = last_rtp_timestamp(sender), ssrc(sender)
        last = self._track.last_media_time if self._track else None
        if timestamp is None or source is None or last is None:
            return None
        return source, (timestamp - last) % 2**32

    @property
    def reception(self) -> Reception | None:
        """Reception as last reported by the listener; None before the first report."""
        return self._reception

    async def update_reception(self) -> None:
        """Update `reception` from aiortc's statistics."""
        for stats in (await self._audio().sender.getStats()).values():
            if stats.type == "remote-inbound-rtp":
                self._reception = Reception(
                    loss=stats.fractionLost / 256,
                    lost_packets=stats.packetsLost,
                    jitter_seconds=stats.jitter / SAMPLE_RATE,
                    round_trip_seconds=stats.roundTripTime,
                )

    @property
    def skipped_packets(self) -> int:
        """Packets not sent because the track was not read in time."""
        return self._track.skipped if self._track else 0

    @property
    def is_reached(self) -> bool:
        """True once a connectivity check has succeeded."""
        return self._peer.iceConnectionState == "completed"

    def _may_check(self, candidate: RTCIceCandidate) -> bool:
        return self._only_from is None or is_same_host(candidate.ip, self._only_from)

    def _audio(self) -> RTCRtpTransceiver:
        return next(t for t in self._peer.getTransceivers() if t.kind == "audio")

    def _state_changed(self) -> None:
        state = self._peer.connectionState
        if state == "connected":
            self._on_connected()
        elif state in ("failed", "closed"):
            self._on_lost("connection lost" if state == "failed" else "closed by the listener")
