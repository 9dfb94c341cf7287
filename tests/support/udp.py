"""UDP on loopback for tests of the shared port: sockets of clients, a receiver that records, and a manual clock."""

import contextlib
import os
import select
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

from rtc_drift.webrtc.stun import StunMessage
from rtc_drift.webrtc.udp_mux import Address, Demultiplexer, UdpPort

_LAST = b"the last of those that have arrived"
_PATIENCE_SECONDS = 5.0


def free_udp_port() -> int:
    """Return a UDP port of loopback that is free at the moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


class ManualClock:
    """A clock that stands until the test sets it. Seconds."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class UdpClient:
    """A UDP socket on loopback."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        host, port = self.socket.getsockname()
        self.address: Address = (str(host), int(port))

    def received(self) -> list[bytes]:
        """Return the datagrams that have arrived since the last call.

        One of its own comes last: on a busy machine those that were sent before may still be on their way.
        """
        self.socket.sendto(_LAST, self.address)
        datagrams = list[bytes]()
        while select.select([self.socket], [], [], _PATIENCE_SECONDS)[0]:
            datagram = self.socket.recv(2048)
            if datagram == _LAST:
                break
            datagrams.append(datagram)
        return datagrams

    def close(self) -> None:
        """Close the socket. Idempotent."""
        self.socket.close()


@contextlib.contextmanager
def udp_clients(count: int) -> Iterator[list[UdpClient]]:
    """Open some clients, and close them at the end. Meanwhile this thread keeps its core.

    Linux delivers on loopback in order only what one core has sent.
    """
    clients = [UdpClient() for _ in range(count)]
    try:
        with _on_one_core():
            yield clients
    finally:
        for client in clients:
            client.close()


@contextlib.contextmanager
def _on_one_core() -> Iterator[None]:
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


@dataclass
class RecordingReceiver:
    """A receiver of the demultiplexer that records what it gets."""

    fragment: str
    password: bytes
    their_fragment: str = "them"
    checks: list[tuple[StunMessage, Address]] = field(default_factory=list)
    answers: list[tuple[StunMessage, Address]] = field(default_factory=list)
    dtls: list[bytes] = field(default_factory=list)
    rtcp: list[bytes] = field(default_factory=list)

    @property
    def username(self) -> str:
        """The STUN username of requests to this receiver."""
        return f"{self.fragment}:{self.their_fragment}"

    def stun_request_received(self, message: StunMessage, port: UdpPort, address: Address) -> None:
        """Record a STUN request."""
        self.checks.append((message, address))

    def stun_response_received(self, message: StunMessage, port: UdpPort, address: Address) -> None:
        """Record a STUN response."""
        self.answers.append((message, address))

    def dtls_received(self, data: bytes, port: UdpPort, address: Address) -> None:
        """Record a DTLS datagram."""
        self.dtls.append(data)

    def rtcp_received(self, data: bytes) -> None:
        """Record an RTCP packet."""
        self.rtcp.append(data)

    @property
    def calls(self) -> int:
        """Number of datagrams received."""
        return len(self.checks) + len(self.answers) + len(self.dtls) + len(self.rtcp)


@contextlib.contextmanager
def open_port(demultiplexer: Demultiplexer, number: int = 0) -> Iterator[UdpPort]:
    """Open a port on loopback. Needs a running event loop."""
    port = UdpPort(number, "127.0.0.1", 0, demultiplexer)
    try:
        yield port
    finally:
        port.close()
