"""The names under which this server may be asked."""

import ipaddress
import socket
from collections.abc import Iterable

ALWAYS_KNOWN = ("localhost", "*.localhost", "*.local")
"""Names that no other site can have: the DNS does not resolve them."""


class KnownHosts:
    """Some names, ALWAYS_KNOWN, and every IP address: nobody else can lead an address here."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        """Know some names; `*.example.org` stands for all names below `example.org`."""
        known = {_plain(name) for name in (*ALWAYS_KNOWN, *names)}
        self._names = frozenset(name for name in known if not name.startswith("*."))
        self._endings = tuple(name[1:] for name in known if name.startswith("*."))

    def __contains__(self, host: str) -> bool:
        """Return True for a known name or an IP address, without port. Case and a trailing dot make no difference."""
        name = _plain(host)
        return name in self._names or name.endswith(self._endings) or _is_address(name)


def names_of_this_host() -> tuple[str, ...]:
    """Return the name of this machine, whole and without its domain. The DNS is not asked."""
    name = socket.gethostname()
    return name, name.partition(".")[0]


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name[1:-1] if name.startswith("[") else name)
    except ValueError:
        return False
    return True
