"""The only place that touches private attributes of aiortc and aioice. If they change, timestamps are missing, and
a server that may not use every address lets nobody join: going on would show addresses that were to stay private.

Two things have no public way: which addresses ICE binds (aioice skips loopback and takes every other), and the RTP
timestamp a sender starts from (random, and kept to itself), without which a page can't tell what is being heard.
"""

from collections.abc import Awaitable, Callable, Sequence

from aioice import Candidate
from aiortc import RTCPeerConnection, RTCRtpSender


class IceUnavailableError(Exception):
    """ICE can't be kept to the addresses it may use: aiortc has changed."""


def bind_ice(peer: RTCPeerConnection, addresses: Sequence[str]) -> None:
    """Let ICE of a peer connection gather on `addresses` only; call it before its local description is set.

    Raises IceUnavailableError where aiortc has changed: the connection must not gather then.
    """
    try:
        for transceiver in peer.getTransceivers():
            connection = transceiver.sender.transport.transport._connection
            if not isinstance(connection.get_component_candidates, _GatherOn):
                gather = _GatherOn(connection.get_component_candidates, list(addresses))
                setattr(connection, "get_component_candidates", gather)  # noqa: B010
    except AttributeError as error:
        wanted = ", ".join(addresses)
        raise IceUnavailableError(f"ICE can't be kept to {wanted}: aiortc has changed ({error}).") from error


class _GatherOn:
    """In place of a connection's `get_component_candidates`: the same, with other addresses."""

    def __init__(self, gather: Callable[..., Awaitable[list[Candidate]]], addresses: list[str]) -> None:
        self._gather = gather
        self._addresses = addresses

    async def __call__(self, component: int, addresses: list[str], timeout: int = 5) -> list[Candidate]:  # noqa: ASYNC109
        return await self._gather(component=component, addresses=self._addresses, timeout=timeout)


def last_rtp_timestamp(sender: RTCRtpSender) -> int | None:
    """The RTP timestamp of the last packet a sender has sent; None before the first, or where aiortc has changed."""
    if not getattr(sender, "_RTCRtpSender__packet_count", 0):
        return None
    timestamp = getattr(sender, "_RTCRtpSender__rtp_timestamp", None)
    return timestamp if isinstance(timestamp, int) else None


def ssrc(sender: RTCRtpSender) -> int | None:
    """The SSRC a sender uses."""
    value = getattr(sender, "_ssrc", None)
    return value if isinstance(value, int) else None
