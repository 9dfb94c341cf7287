"""The only module that uses private attributes of aiortc and aioice.

Two things have no public API: which addresses ICE binds (aioice skips loopback and takes all others), and the RTP
timestamp a sender starts from (random), without which a page can't know what is being played. If aiortc changes,
timestamps are missing. A server that may use only some addresses then refuses all listeners: otherwise it would
publish addresses that are to stay private.
"""

from collections.abc import Awaitable, Callable, Sequence

from aioice import Candidate
from aiortc import RTCPeerConnection, RTCRtpSender


class IceUnavailableError(Exception):
    """ICE can't be restricted to the allowed addresses: aiortc has changed."""


def bind_ice(peer: RTCPeerConnection, addresses: Sequence[str]) -> None:
    """Restrict ICE of a peer connection to `addresses`. Call it before the local description is set.

    Raises IceUnavailableError if aiortc has changed: the connection must not gather candidates then.
    """
    try:
        for transceiver in peer.getTransceivers():
            connection = transceiver.sender.transport.transport._connection
            if not isinstance(connection.get_component_candidates, _CandidateGatherer):
                gather = _CandidateGatherer(connection.get_component_candidates, list(addresses))
                setattr(connection, "get_component_candidates", gather)  # noqa: B010
    except AttributeError as error:
        allowed = ", ".join(addresses)
        raise IceUnavailableError(f"ICE can't be restricted to {allowed}: aiortc has changed ({error}).") from error


class _CandidateGatherer:
    """Replacement for a connection's `get_component_candidates` that uses other addresses."""

    def __init__(self, gather: Callable[..., Awaitable[list[Candidate]]], addresses: list[str]) -> None:
        self._gather = gather
        self._addresses = addresses

    async def __call__(self, component: int, addresses: list[str], timeout: int = 5) -> list[Candidate]:  # noqa: ASYNC109
        return await self._gather(component=component, addresses=self._addresses, timeout=timeout)


def last_rtp_timestamp(sender: RTCRtpSender) -> int | None:
    """Return the RTP timestamp of the last packet sent; None before the first packet or if aiortc has changed."""
    if not getattr(sender, "_RTCRtpSender__packet_count", 0):
        return None
    timestamp = getattr(sender, "_RTCRtpSender__rtp_timestamp", None)
    return timestamp if isinstance(timestamp, int) else None


def ssrc(sender: RTCRtpSender) -> int | None:
    """Return the SSRC of a sender; None if aiortc has changed."""
    value = getattr(sender, "_ssrc", None)
    return value if isinstance(value, int) else None
