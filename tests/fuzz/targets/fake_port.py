"""A UDP port without a socket, which keeps what is sent."""

from typing import cast

from rtc_drift.webrtc.udp_mux import Address, UdpPort


class FakePort:
    """Has the parts of a `UdpPort` that listeners use."""

    number = 3
    host = "127.0.0.1"
    port = 7000

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Address]] = []

    def send(self, data: bytes, address: Address) -> None:
        """Keep a datagram."""
        self.sent.append((data, address))

    def take(self) -> list[tuple[bytes, Address]]:
        """Return the datagrams that were sent since the last call."""
        sent, self.sent = self.sent, []
        return sent

    @property
    def as_port(self) -> UdpPort:
        """Itself, for code that wants a port with a socket."""
        return cast(UdpPort, self)
