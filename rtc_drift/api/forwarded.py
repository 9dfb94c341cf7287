"""Reads from the headers of a proxy how a client asked it: its address, the scheme and the host that it used.

A proxy appends to `Forwarded` (RFC 7239) and to `X-Forwarded-…`. So the last entry is that of the nearest proxy, and
what stands before the entry of an address that is no proxy of ours may be anybody's invention.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

MAX_CHARACTERS = 2_048
"""Greatest length of these headers together."""
MAX_HOPS = 16
"""Greatest number of proxies that a request may have passed."""
FORWARDED = "Forwarded"
BY_PARTS = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host")
SCHEMES = ("http", "https")
_PAIR = re.compile(r"""([A-Za-z]+)=("(?:[^"\\]|\\.)*"|[^\s",;=]+)""")
_QUOTED_WELL = re.compile(r"""(?:[^"\\]|"(?:[^"\\]|\\.)*+")*+""")
_ELEMENT = re.compile(r"""(?:"(?:[^"\\]|\\.)*"|[^",])+""")
_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::[0-9]{1,5})?|([0-9A-Fa-f:.]+)")
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_MAX_HOST_CHARACTERS = 255

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class BadForwardedError(ValueError):
    """A proxy has sent a header that makes no sense."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Address, scheme and host that a client used; None stands for what nobody said."""

    address: str | None = None
    scheme: str | None = None
    host: str | None = None


class TrustedProxies:
    """Networks of proxies whose headers are believed."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        """Trust some IP addresses and networks."""
        self._networks: tuple[Network, ...] = tuple(ipaddress.ip_network(each, strict=False) for each in networks)

    def __contains__(self, address: str) -> bool:
        """Return True for the address of a trusted proxy."""
        try:
            parsed = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        plain = (parsed.ipv4_mapped or parsed) if isinstance(parsed, ipaddress.IPv6Address) else parsed
        return any(plain in network for network in self._networks)

    def asked(self, headers: Mapping[str, Sequence[str]]) -> Asked:
        """Return how the client asked; `headers` are those of a request that a trusted proxy has sent.

        Raises BadForwardedError, also if both kinds of headers say different things: then one is the client's.
        """
        if sum(len(value) for values in headers.values() for value in values) > MAX_CHARACTERS:
            raise BadForwardedError(f"The headers of the proxy have more than {MAX_CHARACTERS} characters.")
        whole = self._last_trusted(list(_elements(headers.get(FORWARDED, ()))))
        by_parts = self._by_parts(*(headers.get(name, ()) for name in BY_PARTS))
        if whole is not None and by_parts is not None and whole != by_parts:
            raise BadForwardedError("Forwarded and X-Forwarded-… contradict each other.")
        return whole or by_parts or Asked()

    def _by_parts(self, *headers: Sequence[str]) -> Asked | None:
        addresses, schemes, hosts = (_listed(values) for values in headers)
        if not (addresses or schemes or hosts):
            return None
        hops = [
            Asked(
                None if not addresses else _from_end(addresses, depth),
                None if not schemes else _from_end(schemes, depth),
                None if not hosts else _from_end(hosts, depth),
            )
            for depth in reversed(range(max(1, len(addresses))))
        ]
        return self._last_trusted(hops)

    def _last_trusted(self, hops: Sequence[Asked]) -> Asked | None:
        """Return the earliest hop that a proxy of ours has reported."""
        if len(hops) > MAX_HOPS:
            raise BadForwardedError(f"The request has passed more than {MAX_HOPS} proxies.")
        found: Asked | None = None
        for hop in reversed(hops):
            # A proxy that does not tell the address of its client leaves that of the hop after it.
            address = _address(hop.address)
            found = Asked(address or (found.address if found else None), hop.scheme, hop.host)
            if address is None or address not in self:
                break
        return None if found is None else _checked(found)


def _elements(values: Sequence[str]) -> Iterator[Asked]:
    text = ",".join(values)
    # Looked at first, since with an open quotation mark the search for elements would take time squared.
    if not _QUOTED_WELL.fullmatch(text):
        raise BadForwardedError("The header Forwarded is not valid.")
    for element in _ELEMENT.findall(text):
        pairs = {name.lower(): _unquoted(value) for name, value in _PAIR.findall(element)}
        if len(pairs) != len([part for part in _split_pairs(element) if part.strip()]):
            raise BadForwardedError("The header Forwarded is not valid.")
        yield Asked(pairs.get("for"), pairs.get("proto"), pairs.get("host"))


def _split_pairs(element: str) -> list[str]:
    return re.sub(r'"(?:[^"\\]|\\.)*"', "", element).split(";")


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def _listed(values: Sequence[str]) -> list[str]:
    return [part for value in values for each in value.split(",") if (part := each.strip())]


def _from_end(values: Sequence[str], depth: int) -> str:
    """Return what the proxy at that depth said, or the first of a header that fewer of them have written."""
    return values[max(0, len(values) - 1 - depth)]


def _address(text: str | None) -> str | None:
    """Return an address without port; None if the proxy hides it. Raises BadForwardedError."""
    if text is None or text.lower() == "unknown" or text.startswith("_"):
        return None
    match = _ADDRESS.fullmatch(text)
    try:
        if match is not None:
            return str(ipaddress.ip_address(match[1] or match[2] or match[3]))
    except ValueError:
        pass
    raise BadForwardedError("The proxy has sent an address that is none.")


def _checked(asked: Asked) -> Asked:
    """Return it with the scheme in small letters. Raises BadForwardedError."""
    scheme = asked.scheme.lower() if asked.scheme else None
    if scheme not in (None, *SCHEMES):
        raise BadForwardedError("The proxy has sent a scheme that is neither http nor https.")
    host = asked.host or None
    if host is not None and (len(host) > _MAX_HOST_CHARACTERS or not _HOST.fullmatch(host)):
        raise BadForwardedError("The proxy has sent a host that is not valid.")
    return Asked(asked.address, scheme, host)
