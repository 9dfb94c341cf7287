"""The interface of a listener's peer connection for signaling; `SharedPortPeer` and `AiortcPeer` implement it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from aiortc import RTCIceCandidate

from rtc_drift.webrtc.sdp import OpusOffer

OnLost: TypeAlias = Callable[[str], None]
"""Callback for a lost connection, called with the reason."""


class NoCandidatesError(Exception):
    """This host has no address that a listener could reach; it may have run out of file descriptors."""


@dataclass(frozen=True, slots=True)
class Reception:
    """Quality of a listener's reception, from its last RTCP report."""

    loss: float
    """Share of packets lost since the report before, 0 to 1."""
    lost_packets: int
    """Packets lost since it joined; negative if packets arrived twice."""
    jitter_seconds: float
    """Interarrival jitter (RFC 3550, 6.4.1)."""
    round_trip_seconds: float | None
    """Round-trip time; None if not known."""


class Peer(Protocol):
    """One listener's peer connection; it only sends audio."""

    @property
    def fed_by_engine(self) -> bool:
        """True if the engine sends its packets; otherwise control does."""

    @property
    def is_reached(self) -> bool:
        """True once an authentic STUN message of the listener has come: there is somebody at the other end."""

    async def negotiate(self, offer: OpusOffer) -> str:
        """Return the SDP answer to an offer. Raises BadOfferError, IceUnavailableError, NoCandidatesError."""

    async def add_candidates(self, candidates: Sequence[RTCIceCandidate]) -> None:
        """Add trickled candidates. Raises ValueError."""

    async def close(self) -> None:
        """Close the connection (RTCP BYE, DTLS alert) and release its resources. Idempotent."""

    async def update_reception(self) -> None:
        """Update `reception`."""

    @property
    def rtp_offset(self) -> tuple[int, int] | None:
        """`(SSRC, RTP timestamp of media time 0)`, modulo 2³²; None until known."""

    @property
    def reception(self) -> Reception | None:
        """Reception as last reported by the listener; None before the first report."""

    @property
    def skipped_packets(self) -> int:
        """Packets left out because they could not be sent in time."""
