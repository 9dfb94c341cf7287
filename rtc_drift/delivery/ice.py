"""Which addresses ICE binds and which servers it asks: what the settings say, in aiortc's terms."""

import ipaddress
from dataclasses import dataclass

from aiortc import RTCConfiguration, RTCIceServer

from rtc_drift.config import IceServer


@dataclass(frozen=True, slots=True)
class IcePolicy:
    """Where this host's ICE candidates come from. Empty `addresses` = every interface, loopback excepted."""

    addresses: tuple[str, ...]
    servers: tuple[IceServer, ...] = ()

    def configuration(self) -> RTCConfiguration:
        """For an `RTCPeerConnection`. Never None servers: aiortc would ask Google's STUN server."""
        return RTCConfiguration(
            iceServers=[RTCIceServer(server.url, server.username, server.credential) for server in self.servers]
        )


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
