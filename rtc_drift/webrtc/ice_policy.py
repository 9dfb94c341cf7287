"""Which addresses ICE binds and which servers it asks: what the settings say, in aiortc's terms."""

import ipaddress
import socket
from dataclasses import dataclass

from aioice.ice import get_host_addresses
from aiortc import RTCConfiguration, RTCIceServer
from aiortc.rtcicetransport import connection_kwargs

from rtc_drift.config import ConfigError, IceServer, Settings


@dataclass(frozen=True, slots=True)
class IcePolicy:
    """Where this host's ICE candidates come from. Empty `addresses` = every interface, loopback excepted."""

    addresses: tuple[str, ...]
    servers: tuple[IceServer, ...] = ()
    advertise: str | None = None
    """What listeners are told in place of this host's addresses."""

    def host_addresses(self) -> list[str]:
        """Those to bind, as they are now."""
        return list(self.addresses) or get_host_addresses(use_ipv4=True, use_ipv6=True)

    def configuration(self) -> RTCConfiguration:
        """For an `RTCPeerConnection`. Never None servers: aiortc would ask Google's STUN server."""
        return RTCConfiguration(
            iceServers=[RTCIceServer(server.url, server.username, server.credential) for server in self.servers]
        )


def ice_policy(settings: Settings) -> IcePolicy:
    """What the settings say, tried out. Raises ConfigError."""
    for server in settings.ice_servers:
        _check_server(server)
    if any(ipaddress.ip_address(address).is_unspecified for address in settings.ice_address):
        return IcePolicy((), settings.ice_servers, settings.advertise)
    for address in settings.ice_address:
        _check_address(address)
    addresses = settings.ice_address or (("127.0.0.1",) if is_loopback(settings.host) else ())
    return IcePolicy(addresses, settings.ice_servers, settings.advertise)


def _check_server(server: IceServer) -> None:
    """Refuse what aiortc would choke on at every join, or pass over."""
    option = "--" + server.url[:4]
    try:
        understood = connection_kwargs([RTCIceServer(server.url, server.username, server.credential)])
    except ValueError as error:
        raise ConfigError(f"{option}: {server.url!r} can't be used ({error}).") from None
    if not understood:
        raise ConfigError(f"{option}: {server.url!r} can't be used (aiortc ignores it).")
    _, port = understood.get("stun_server") or understood["turn_server"]
    if not 1 <= port <= 65535:
        raise ConfigError(f"{option}: {server.url!r} can't be used ({port} is no port).")


def _check_address(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as trial:
            trial.bind((address, 0))
    except OSError as error:
        reason = error.strerror or error
        raise ConfigError(f"--ice-address: {address} can't be bound on this machine ({reason}).") from None


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
