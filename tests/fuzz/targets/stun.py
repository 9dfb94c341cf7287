"""STUN datagrams, through the demultiplexer to the ICE agent of a listener: from strangers and from the listener."""

import hashlib
import hmac
import struct
from collections.abc import Iterable

from rtc_drift.webrtc import stun
from rtc_drift.webrtc.ice_lite import MAX_PATHS, IceLite, Path
from rtc_drift.webrtc.udp_mux import Address, Demultiplexer, UdpPort
from tests.fuzz.target import Target, pack, require, unpack
from tests.fuzz.targets.fake_port import FakePort
from tests.support.udp import ManualClock

THEIR_PASSWORD = b"of the listener's own"
MAX_SENT_BYTES = 250
"""Most that one datagram of the listener has this server send: an answer and a check."""
RAW, FRAMED, REQUEST, RESPONSE, TIME = range(5)
"""Kinds of steps: any datagram, one with a right header, a signed request, a signed response, and time that passes."""


class _Listener:
    """The receiver behind an ICE agent."""

    def __init__(self, demultiplexer: Demultiplexer, clock: ManualClock) -> None:
        self.reached = 0
        self.ice = IceLite(self, demultiplexer, clock, lambda _: None)
        self.ice.open("theirs", THEIR_PASSWORD.decode())

    @property
    def password(self) -> bytes:
        """Password that signs its binding requests."""
        return self.ice.password

    @property
    def username(self) -> str:
        """USERNAME of its binding requests."""
        return self.ice.username

    def stun_request_received(self, message: stun.StunMessage, port: UdpPort, address: Address) -> None:
        """Pass a request on."""
        self.reached += 1
        self.ice.request_received(message, Path(port, address))

    def stun_response_received(self, message: stun.StunMessage, port: UdpPort, address: Address) -> None:
        """Pass a response on."""
        self.ice.response_received(message, Path(port, address))

    def dtls_received(self, data: bytes, port: UdpPort, address: Address) -> None:
        """Take a handshake."""

    def rtcp_received(self, data: bytes) -> None:
        """Take a report."""


class Stun(Target):
    """`webrtc.stun`, `webrtc.udp_mux` and `webrtc.ice_lite`."""

    name = "stun"
    watched = ("webrtc/stun.py", "webrtc/udp_mux.py", "webrtc/ice_lite.py")
    tokens = (
        *(b"\x00\x06", b"\x00\x08\x00\x14", b"\x00\x25\x00\x00", b"\x80\x29\x00\x08", b"\x80\x28\x00\x04"),
        *(struct.pack("!HHI", kind, 0, stun.COOKIE) for kind in (1, 0x101, 0x111)),
    )
    max_bytes = 2048
    cpu_seconds = 0.05

    def seeds(self) -> Iterable[bytes]:
        """Return a join, a move to another address, a conflict of roles, and noise."""
        nominate = _attribute(0x25, b"")
        check = bytes([REQUEST, 1])
        yield pack(check, check + nominate, bytes([REQUEST, 2]) + nominate, bytes([RESPONSE, 2, 1]))
        yield pack(check + _attribute(0x8029, bytes(8)), bytes([RESPONSE, 1, 0x11]), bytes([TIME, 1, 9]), check)
        yield pack(*(bytes([REQUEST, number]) for number in range(12)))
        yield pack(bytes([RAW, 1]) + stun.request(bytes(12), "a:b", b"no", 1), bytes([FRAMED, 1, 1]) + nominate)
        yield pack(bytes([RAW, 1, 0x16, 0xFE]), bytes([RAW, 1, 0x80, 200]), bytes([RAW, 1, 255]), bytes([RAW, 1]))

    def run(self, data: bytes) -> None:
        """Run the steps of an input."""
        clock, demultiplexer, port = ManualClock(), Demultiplexer(), FakePort()
        listener = _Listener(demultiplexer, clock)
        for step in unpack(data):
            kind, number, rest = step[0] % 5 if step else RAW, step[1] % 16 if len(step) > 1 else 0, step[2:]
            address = ("127.0.0.1", 9000 + number)
            if kind == TIME:
                clock.now += sum(rest)
                listener.ice.check(listener.ice.path or Path(port.as_port, address))
                _check_sent(port, listener, 1)
                continue
            datagram = self._datagram(kind, rest, listener, demultiplexer)
            reached = listener.reached
            demultiplexer.receive(port.as_port, datagram, address)
            _check_parsing(datagram)
            # Only the listener, who knows the passwords, has anything sent.
            _check_sent(port, listener, 2 if listener.reached > reached else 0)
            require(len(demultiplexer.by_address) <= MAX_PATHS, "more paths than allowed")
            require(len(demultiplexer.by_transaction) <= 1, "more than one check waits")
        listener.ice.close()
        tables = (demultiplexer.by_address, demultiplexer.by_fragment, demultiplexer.by_transaction)
        require(not any(tables), "a listener that has left is in the tables")

    def _datagram(self, kind: int, rest: bytes, listener: _Listener, demultiplexer: Demultiplexer) -> bytes:
        if kind == RAW:
            return rest
        transaction = next(iter(demultiplexer.by_transaction), bytes(12))
        if kind == FRAMED:
            return _message(int.from_bytes(rest[:2], "big"), transaction, rest[2:])
        if kind == REQUEST:
            username = _attribute(0x06, listener.username.encode())
            return _signed(stun.REQUEST, bytes(12), username + rest, listener.password)
        number = stun.RESPONSE if rest[:1] == b"\x01" else stun.ERROR
        return _signed(number, transaction, rest[1:], THEIR_PASSWORD)


def _check_parsing(datagram: bytes) -> None:
    message = stun.parse(datagram)
    if message is not None:
        require(message.kind in (stun.REQUEST, stun.RESPONSE, stun.ERROR), "an unknown kind")
        require(len(message.transaction) == 12, "a transaction id of another length")
        require(len(message.username) <= len(datagram), "a username longer than the datagram")
        message.is_authentic(b"password")


def _check_sent(port: FakePort, listener: _Listener, most: int) -> None:
    sent = port.take()
    require(len(sent) <= most, "more datagrams are sent than allowed")
    require(sum(len(data) for data, _ in sent) <= MAX_SENT_BYTES, "more bytes are sent than allowed")
    for data, _ in sent:
        message = stun.parse(data)
        require(message is not None, "what is sent is no STUN message")
        assert message is not None
        password = THEIR_PASSWORD if message.kind == stun.REQUEST else listener.password
        require(message.is_authentic(password), "what is sent is not signed")


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def _message(kind: int, transaction: bytes, attributes: bytes) -> bytes:
    attributes += bytes(-len(attributes) % 4)
    return struct.pack("!HHI12s", kind, len(attributes), stun.COOKIE, transaction) + attributes


def _signed(kind: int, transaction: bytes, attributes: bytes, password: bytes) -> bytes:
    attributes += bytes(-len(attributes) % 4)
    head = struct.pack("!HHI12s", kind, len(attributes) + stun.INTEGRITY_BYTES, stun.COOKIE, transaction)
    digest = hmac.digest(password, head + attributes, hashlib.sha1)
    return head + attributes + _attribute(0x08, digest)
