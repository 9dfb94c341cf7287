"""What signaling needs of a peer connection, whoever makes it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from aiortc import RTCIceCandidate

from rtc_drift.webrtc.sdp import OpusOffer

Lost: TypeAlias = Callable[[str], None]
"""Told the reason."""


class NoCandidatesError(Exception):
    """There is no address at which a listener could reach this host; file descriptors may have run out."""


@dataclass(frozen=True, slots=True)
class Reception:
    """How a listener receives, by its own last report."""

    loss: float
    """Share of the packets since the report before, 0 to 1."""
    lost_packets: int
    """Since it joined."""
    jitter_seconds: float
    round_trip_seconds: float | None


class Peer(Protocol):
    """One listener's peer connection, which only sends audio."""

    @property
    def fed_by_engine(self) -> bool:
        """The engine sends to it; otherwise control does, packet by packet."""

    async def negotiate(self, offer: OpusOffer) -> str:
        """The answer to an offer. Raises BadOfferError, IceUnavailableError, NoCandidatesError."""

    async def add_candidates(self, candidates: Sequence[RTCIceCandidate]) -> None:
        """Take trickled candidates. Raises ValueError."""

    async def close(self) -> None:
        """End it: BYE, DTLS alert, everything it held. Idempotent."""

    async def update_reception(self) -> None:
        """Bring `reception` up to date."""

    @property
    def rtp_offset(self) -> tuple[int, int] | None:
        """`(SSRC, RTP timestamp of media time 0)`, modulo 2³²; None while it is not known."""

    @property
    def reception(self) -> Reception | None:
        """What it last reported; None before."""

    @property
    def skipped_packets(self) -> int:
        """Packets left out because they could not be sent in time."""
