"""Addresses of clients, as a server compares them."""

import ipaddress

IPV6_PREFIX = 64
"""Bits of an IPv6 address that one household or machine has to itself: it may use all addresses below."""

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_LOCALHOST = {ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")}


def owner_of(address: str) -> str:
    """Return what stands for all addresses that one client may use: its IPv4 address, or its IPv6 network."""
    parsed = _parsed(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, IPV6_PREFIX), strict=False))
    return address if parsed is None else str(parsed)


def is_same_host(address: str, other: str) -> bool:
    """Return True if two addresses are equal, or are `127.0.0.1` and `::1`."""
    first, second = _parsed(address), _parsed(other)
    return first is not None and (first == second or {first, second} == _LOCALHOST)


def _parsed(address: str) -> _Address | None:
    """Parse an address, without the zone of an IPv6 one, and with IPv4 in IPv6 as IPv4; None if it is none."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, ipaddress.IPv6Address) else parsed
