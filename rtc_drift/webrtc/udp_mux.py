"""One UDP port for all listeners: finds the listener of a datagram by STUN username or transaction, or by address.

Datagrams are untrusted. One that is malformed, belongs to no listener or is not authentic is dropped and counted; no
response is sent. STUN, DTLS and RTCP are distinguished by their first bytes (RFC 7983, RFC 5761).
"""

import asyncio
import contextlib
import itertools
import logging
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Protocol, TypeAlias

from rtc_drift.webrtc import stun

logger = logging.getLogger(__name__)

Address: TypeAlias = tuple[str, int]
"""Host and port."""

DATAGRAM_BYTES = 2048
"""Largest datagram read; longer ones are cut."""
DATAGRAMS_AT_ONCE = 64
"""Datagrams read in one go, before the event loop runs other callbacks."""
BUFFER_BYTES = 4 * 1024 * 1024
"""Size of the socket's receive buffer and of its send buffer, if the system allows it."""


class Receiver(Protocol):
    """A listener, as the demultiplexer sees it."""

    @property
    def password(self) -> bytes:
        """Password that signs the listener's binding requests."""

    @property
    def username(self) -> str:
        """USERNAME of the listener's binding requests: our username fragment, a colon, its own."""

    def stun_request_received(self, message: stun.StunMessage, port: "UdpPort", address: Address) -> None:
        """Take a binding request with the right username and password."""

    def stun_response_received(self, message: stun.StunMessage, port: "UdpPort", address: Address) -> None:
        """Take a binding response to a check of ours; it may not be authentic."""

    def dtls_received(self, data: bytes, port: "UdpPort", address: Address) -> None:
        """Take a DTLS datagram from an address of this listener."""

    def rtcp_received(self, data: bytes) -> None:
        """Take an SRTCP packet from an address of this listener; it may not be authentic."""


class Demultiplexer:
    """The tables that map datagrams of all ports to listeners, and the count of dropped datagrams."""

    def __init__(self) -> None:
        self.by_fragment: dict[str, Receiver] = {}
        """Listeners by our username fragment, a different one for each listener."""
        self.by_address: dict[tuple[UdpPort, Address], Receiver] = {}
        """Listeners by path: our port and their address."""
        self.by_transaction: dict[bytes, Receiver] = {}
        """Listeners by the transaction id of a check that waits for its response."""
        self.dropped: Counter[str] = Counter()
        """Number of dropped datagrams by reason."""

    def receive(self, port: "UdpPort", data: bytes, address: Address) -> None:
        """Take one datagram. Never raises."""
        first = data[0] if data else 0xFF
        if first < 4:
            self._receive_stun(port, data, address)
            return
        receiver = self.by_address.get((port, address))
        if receiver is None:
            self.dropped["unknown address"] += 1
        elif 20 <= first < 64:
            receiver.dtls_received(data, port, address)
        elif 128 <= first < 192 and len(data) > 1 and 192 <= data[1] < 224:
            receiver.rtcp_received(data)
        else:
            self.dropped["unknown kind"] += 1

    def _receive_stun(self, port: "UdpPort", data: bytes, address: Address) -> None:
        message = stun.parse(data)
        if message is None:
            self.dropped["malformed"] += 1
        elif message.kind == stun.REQUEST:
            receiver = self.by_fragment.get(message.username.partition(":")[0])
            if receiver is None or message.username != receiver.username:
                self.dropped["unknown user"] += 1
            elif not message.is_authentic(receiver.password):
                self.dropped["not authentic"] += 1
            else:
                receiver.stun_request_received(message, port, address)
        elif message.transaction in self.by_transaction:
            self.by_transaction[message.transaction].stun_response_received(message, port, address)
        else:
            self.dropped["unknown transaction"] += 1


class UdpPort:
    """A bound socket, read by the event loop."""

    def __init__(self, number: int, host: str, port: int, demultiplexer: Demultiplexer) -> None:
        """Bind the port and start to read it. `number` names it in messages to the engine. Raises OSError."""
        self.number = number
        self.host = host
        self.unsent = 0
        """Datagrams that the system did not accept."""
        self._receive = demultiplexer.receive
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self.socket.setblocking(False)
            if family == socket.AF_INET6:
                self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                with contextlib.suppress(OSError):
                    self.socket.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
            self.socket.bind((host, port))
        except BaseException:
            self.socket.close()
            raise
        self.port: int = self.socket.getsockname()[1]
        asyncio.get_running_loop().add_reader(self.socket, self._read)

    def send(self, data: bytes, address: Address) -> None:
        """Send one datagram, or drop and count it if the system does not accept it now."""
        try:
            self.socket.sendto(data, address)
        except OSError:
            self.unsent += 1

    def close(self) -> None:
        """Stop reading and close the socket. Idempotent."""
        if self.socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self.socket)
            self.socket.close()

    def _read(self) -> None:
        for _ in range(DATAGRAMS_AT_ONCE):
            try:
                data, address = self.socket.recvfrom(DATAGRAM_BYTES)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                continue  # an ICMP error caused by a datagram sent before
            self._receive(self, data, address[:2])


class UdpPorts:
    """The UDP ports of this host: the same port number on every address that listeners may use."""

    def __init__(
        self,
        port: int,
        demultiplexer: Demultiplexer,
        addresses: Callable[[], list[str]],
        on_new: Callable[[UdpPort], None],
        on_gone: Callable[[UdpPort], None],
        advertise: str | None = None,
    ) -> None:
        """Create without opening a port.

        `port` is the port number; 0 = any, chosen with the first address. `addresses` returns this host's present
        addresses. `on_new` is called with each port that was opened, `on_gone` with each that is about to be closed.
        `advertise` is published in their place.
        """
        self._number = port
        self._demultiplexer = demultiplexer
        self._addresses = addresses
        self._on_new = on_new
        self._on_gone = on_gone
        self._advertise = advertise
        self._ports: dict[str, UdpPort] = {}
        self._numbers = itertools.count()
        self._refused = set[str]()
        self._present: list[str] = []

    def refresh(self, is_used: Callable[[UdpPort], bool] = lambda _: False) -> None:
        """Open the port on new addresses, and close it on addresses that are gone unless it `is_used`.

        Raises OSError if no port is open then.
        """
        self._present = self._addresses()
        for host in [host for host, port in self._ports.items() if host not in self._present and not is_used(port)]:
            port = self._ports.pop(host)
            self._on_gone(port)
            port.close()
        error: OSError | None = None
        for host in self._present:
            if host in self._ports:
                continue
            try:
                self._ports[host] = UdpPort(next(self._numbers), host, self._number, self._demultiplexer)
            except OSError as failure:
                error = failure
                if host not in self._refused:
                    self._refused.add(host)
                    logger.warning("UDP port %d can't be opened on %s: %s", self._number, host, failure.strerror)
                continue
            self._number = self._ports[host].port
            self._on_new(self._ports[host])
        if error is not None and not self._ports:
            raise error

    def candidates(self) -> list[tuple[str, int]]:
        """Return host and port of each address at which listeners can reach this host; the advertised one if set."""
        open_now = [self._ports[host] for host in self._present if host in self._ports]
        candidates = [(self._advertise or port.host, port.port) for port in open_now]
        if self._advertise is not None:
            is_ipv6 = ":" in self._advertise
            candidates = [it for it, port in zip(candidates, open_now, strict=True) if (":" in port.host) == is_ipv6]
        return list(dict.fromkeys(candidates))

    def close(self) -> None:
        """Close all ports. Idempotent."""
        for port in self._ports.values():
            port.close()

    def __iter__(self) -> Iterator[UdpPort]:
        return iter(self._ports.values())
