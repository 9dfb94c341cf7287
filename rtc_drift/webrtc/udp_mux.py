"""One UDP port for all listeners: datagrams find theirs by STUN user name first, then by address (RFC 7983).

All that arrives is from strangers. What can't be read, belongs to nobody or was not made by the listener it names is
dropped and counted; it is never answered.
"""

import asyncio
import contextlib
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
DATAGRAMS_AT_ONCE = 64
"""Then the event loop does something else, and comes back."""
BUFFER_BYTES = 4 * 1024 * 1024


class Receiver(Protocol):
    """A listener, as the port sees it."""

    @property
    def password(self) -> bytes:
        """What its STUN requests are signed with."""

    @property
    def username(self) -> str:
        """What its STUN requests name: our user name fragment, a colon, and its own."""

    def check_received(self, message: stun.StunMessage, port: "UdpPort", address: Address) -> None: ...
    def check_answered(self, message: stun.StunMessage, port: "UdpPort", address: Address) -> None: ...
    def dtls_received(self, data: bytes, port: "UdpPort", address: Address) -> None: ...
    def rtcp_received(self, data: bytes) -> None: ...


class Demultiplexer:
    """Who is reached how, over all ports; and what was dropped, by reason."""

    def __init__(self) -> None:
        self.by_fragment: dict[str, Receiver] = {}
        """By our user name fragment, which is a listener's own."""
        self.by_address: dict[tuple[UdpPort, Address], Receiver] = {}
        self.by_transaction: dict[bytes, Receiver] = {}
        """Who has a check on the way."""
        self.dropped: Counter[str] = Counter()

    def receive(self, port: "UdpPort", data: bytes, address: Address) -> None:
        """Take one datagram. Never raises."""
        first = data[0] if data else 0xFF
        if first < 4:
            self._stun(port, data, address)
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

    def _stun(self, port: "UdpPort", data: bytes, address: Address) -> None:
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
                receiver.check_received(message, port, address)
        elif message.transaction in self.by_transaction:
            self.by_transaction[message.transaction].check_answered(message, port, address)
        else:
            self.dropped["unknown transaction"] += 1


class UdpPort:
    """A bound socket, read by the event loop."""

    def __init__(self, number: int, host: str, port: int, demultiplexer: Demultiplexer) -> None:
        """`number` is its name towards the engine. Raises OSError where it can't be bound."""
        self.number = number
        self.host = host
        self.unsent = 0
        """Datagrams that the system did not take."""
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
        """Send one datagram, if the system takes it now."""
        try:
            self.socket.sendto(data, address)
        except OSError:
            self.unsent += 1

    def close(self) -> None:
        """Idempotent."""
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
                continue  # an ICMP error of something sent before
            self._receive(self, data, address[:2])


class UdpPorts:
    """The same port on every address of this host that listeners may use."""

    def __init__(
        self,
        port: int,
        demultiplexer: Demultiplexer,
        addresses: Callable[[], list[str]],
        on_new: Callable[[UdpPort], None],
        advertise: str | None = None,
    ) -> None:
        """`addresses`: which there are now; `on_new` is told of each port that was opened."""
        self._number = port
        self._demultiplexer = demultiplexer
        self._addresses = addresses
        self._on_new = on_new
        self._advertise = advertise
        self._ports: dict[str, UdpPort] = {}
        self._refused = set[str]()
        self._present: list[str] = []

    def refresh(self) -> None:
        """Open the port on addresses that are new. Raises OSError if it can be opened on none."""
        self._present = self._addresses()
        error: OSError | None = None
        for host in self._present:
            if host in self._ports:
                continue
            try:
                self._ports[host] = UdpPort(len(self._ports), host, self._number, self._demultiplexer)
            except OSError as reason:
                error = reason
                if host not in self._refused:
                    self._refused.add(host)
                    logger.warning("UDP port %d can't be opened on %s: %s", self._number, host, reason.strerror)
                continue
            self._number = self._ports[host].port
            self._on_new(self._ports[host])
        if error is not None and not self._ports:
            raise error

    def candidates(self) -> list[tuple[str, int]]:
        """Where listeners can reach this host."""
        open_now = [self._ports[host] for host in self._present if host in self._ports]
        shown = [(self._advertise or port.host, port.port) for port in open_now]
        if self._advertise is not None:
            family = ":" in self._advertise
            shown = [it for it, port in zip(shown, open_now, strict=True) if (":" in port.host) == family]
        return list(dict.fromkeys(shown))

    def close(self) -> None:
        """Close all. Idempotent."""
        for port in self._ports.values():
            port.close()

    def __iter__(self) -> Iterator[UdpPort]:
        return iter(self._ports.values())
