"""The ICE settings, checked and in aiortc's terms: addresses to bind, STUN and TURN servers."""

import ipaddress
import socket
from dataclasses import dataclass

from aioice.ice import get_host_addresses
from aiortc import RTCConfiguration, RTCIceServer
from aiortc.rtcicetransport import connection_kwargs

from rtc_drift.config import ConfigError, IceServer, Settings


@dataclass(frozen=True, slots=True)
class IcePolicy:
    """Sources of this host's ICE candidates. Empty `addresses` = every interface except loopback."""

    addresses: tuple[str, ...]
    servers: tuple[IceServer, ...] = ()
    advertise: str | None = None
    """Address in the answers in place of this host's own; None = this host's own."""

    def host_addresses(self) -> list[str]:
        """Return the addresses to bind; without a setting, the present ones of this host."""
        return list(self.addresses) or get_host_addresses(use_ipv4=True, use_ipv6=True)

    def configuration(self) -> RTCConfiguration:
        """Return the configuration of an `RTCPeerConnection`.

        `iceServers` is a list even if it is empty: with None, aiortc uses Google's STUN server.
        """
        return RTCConfiguration(
            iceServers=[RTCIceServer(server.url, server.username, server.credential) for server in self.servers]
        )


def ice_policy(settings: Settings) -> IcePolicy:
    """Return the policy of the settings, after a test of each server and address. Raises ConfigError."""
    for server in settings.ice_servers:
        _check_server(server)
    if any(ipaddress.ip_address(address).is_unspecified for address in settings.ice_address):
        return IcePolicy((), settings.ice_servers, settings.advertise)
    for address in settings.ice_address:
        _check_address(address)
    addresses = settings.ice_address or (("127.0.0.1",) if is_loopback(settings.host) else ())
    return IcePolicy(addresses, settings.ice_servers, settings.advertise)


def _check_server(server: IceServer) -> None:
    """Raise ConfigError for a server that aiortc would ignore, or that would fail at every join."""
    option = "--" + server.url[:4]
    try:
        parsed = connection_kwargs([RTCIceServer(server.url, server.username, server.credential)])
    except ValueError as error:
        raise ConfigError(f"{option}: {server.url!r} can't be used ({error}).") from None
    if not parsed:
        raise ConfigError(f"{option}: {server.url!r} can't be used (aiortc ignores it).")
    _, port = parsed.get("stun_server") or parsed["turn_server"]
    if not 1 <= port <= 65535:
        raise ConfigError(f"{option}: {server.url!r} can't be used (port {port} is not between 1 and 65535).")


def _check_address(address: str) -> None:
    """Raise ConfigError if UDP can't bind this address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as trial:
            trial.bind((address, 0))
    except OSError as error:
        reason = error.strerror or error
        raise ConfigError(f"--ice-address: {address} can't be bound on this machine ({reason}).") from None


def is_loopback(host: str) -> bool:
    """Return True if a host name or address means this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
