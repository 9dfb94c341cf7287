"""The only place that touches private attributes of aiortc and aioice. Each use has a fallback if they change.

Two things have no public way: which addresses ICE binds (aioice skips loopback and takes every other), and the RTP
timestamp a sender starts from (random, and kept to itself), without which a page can't tell what is being heard.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence

from aioice import Candidate
from aiortc import RTCPeerConnection, RTCRtpSender

logger = logging.getLogger(__name__)


def bind_ice(peer: RTCPeerConnection, addresses: Sequence[str]) -> None:
    """Let ICE of a peer connection gather on `addresses` only; call it before its local description is set.

    Where aiortc has changed, ICE gathers as it does by default, and a warning says so once per connection.
    """
    try:
        for transceiver in peer.getTransceivers():
            connection = transceiver.sender.transport.transport._connection
            if not isinstance(connection.get_component_candidates, _GatherOn):
                gather = _GatherOn(connection.get_component_candidates, list(addresses))
                setattr(connection, "get_component_candidates", gather)  # noqa: B010
    except AttributeError as error:
        logger.warning("aiortc has changed (%s): ICE uses every address but loopback", error)


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
