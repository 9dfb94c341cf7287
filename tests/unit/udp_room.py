"""What tests of the shared UDP port have in common: strangers on loopback, and a clock that is set by hand."""

import contextlib
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from aioice import stun
from aiortc import RTCCertificate
from OpenSSL import SSL

from rtc_drift.webrtc.stun import StunMessage
from rtc_drift.webrtc.udp_mux import Address, Demultiplexer, UdpPort


class Clock:
    """Tells the time it was told."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Caller:
    """Somebody with a UDP socket on loopback."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        host, port = self.socket.getsockname()
        self.address: Address = (str(host), int(port))

    def received(self) -> list[bytes]:
        """What has come since it was last asked."""
        datagrams = []
        with contextlib.suppress(BlockingIOError):
            while True:
                datagrams.append(self.socket.recv(2048))
        return datagrams

    def close(self) -> None:
        self.socket.close()


@contextlib.contextmanager
def callers(count: int) -> Iterator[list[Caller]]:
    """Some of them, gone in the end."""
    them = [Caller() for _ in range(count)]
    try:
        yield them
    finally:
        for caller in them:
            caller.close()


def check(
    username: str,
    password: bytes,
    *,
    use_candidate: bool = False,
    controlled: bool = False,
    transaction: bytes | None = None,
) -> bytes:
    """A STUN request as a listener sends it, made by aioice."""
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, transaction)
    message.attributes["USERNAME"] = username
    message.attributes["PRIORITY"] = 1845501695
    message.attributes["ICE-CONTROLLED" if controlled else "ICE-CONTROLLING"] = 0x1122334455667788
    if use_candidate:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(password)
    return bytes(message)


def answer(request: bytes, password: bytes, kind: stun.Class = stun.Class.RESPONSE) -> bytes:
    """A listener's answer to a check of ours, made by aioice."""
    message = stun.Message(stun.Method.BINDING, kind, stun.parse_message(request).transaction_id)
    message.attributes["XOR-MAPPED-ADDRESS"] = ("127.0.0.1", 9)
    message.add_message_integrity(password)
    return bytes(message)


def read(datagram: bytes) -> stun.Message:
    """A STUN message, read by aioice, which sees to its fingerprint."""
    return stun.parse_message(datagram)


@dataclass
class Seat:
    """A receiver that only notes what it gets."""

    fragment: str
    password: bytes
    their_fragment: str = "them"
    checks: list[tuple[StunMessage, Address]] = field(default_factory=list)
    answers: list[tuple[StunMessage, Address]] = field(default_factory=list)
    dtls: list[bytes] = field(default_factory=list)
    rtcp: list[bytes] = field(default_factory=list)

    @property
    def username(self) -> str:
        return f"{self.fragment}:{self.their_fragment}"

    def stun_request_received(self, message: StunMessage, port: UdpPort, address: Address) -> None:
        self.checks.append((message, address))

    def stun_response_received(self, message: StunMessage, port: UdpPort, address: Address) -> None:
        self.answers.append((message, address))

    def dtls_received(self, data: bytes, port: UdpPort, address: Address) -> None:
        self.dtls.append(data)

    def rtcp_received(self, data: bytes) -> None:
        self.rtcp.append(data)

    @property
    def calls(self) -> int:
        return len(self.checks) + len(self.answers) + len(self.dtls) + len(self.rtcp)


@contextlib.contextmanager
def open_port(board: Demultiplexer, number: int = 0) -> Iterator[UdpPort]:
    """A port on loopback. Needs a running event loop."""
    port = UdpPort(number, "127.0.0.1", 0, board)
    try:
        yield port
    finally:
        port.close()


class Partner:
    """The other side of DTLS: OpenSSL with a certificate of aiortc's."""

    def __init__(self, role: str, profiles: Sequence[bytes] = (b"SRTP_AEAD_AES_128_GCM",)) -> None:
        certificate = RTCCertificate.generateCertificate()
        self.fingerprints = {it.algorithm: it.value for it in certificate.getFingerprints()}
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        context.use_certificate(certificate._cert)
        context.use_privatekey(certificate._key)
        if profiles:
            context.set_tlsext_use_srtp(b":".join(profiles))
        self.ssl = SSL.Connection(context)
        self.ssl.set_ciphertext_mtu(1200)
        self.role = role
        self.is_connected = False
        if role == "server":
            self.ssl.set_accept_state()
        else:
            self.ssl.set_connect_state()

    def start(self) -> list[bytes]:
        return self.receive(b"") if self.role == "client" else []

    def receive(self, datagram: bytes) -> list[bytes]:
        """What it answers."""
        if datagram:
            self.ssl.bio_write(datagram)
        try:
            if not self.is_connected:
                self.ssl.do_handshake()
                self.is_connected = True
            self.ssl.recv(2048)
        except (SSL.WantReadError, SSL.ZeroReturnError):
            pass
        return self.written()

    def timed_out(self) -> list[bytes]:
        self.ssl.DTLSv1_handle_timeout()
        return self.written()

    def say(self, data: bytes) -> bytes:
        """A record of application data."""
        self.ssl.send(data)
        return b"".join(self.written())

    def close(self) -> bytes:
        self.ssl.shutdown()
        return b"".join(self.written())

    @property
    def is_closed_by_us(self) -> bool:
        """Whether our `close_notify` has come."""
        return bool(self.ssl.get_shutdown() & SSL.RECEIVED_SHUTDOWN)

    def written(self) -> list[bytes]:
        try:
            return [self.ssl.bio_read(65536)]
        except SSL.WantReadError:
            return []

    def keys(self, key_bytes: int, salt_bytes: int) -> tuple[bytes, bytes]:
        """Its own and ours: key and salt of the client and of the server as RFC 5764 has them one after another."""
        material = self.ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key_bytes + salt_bytes))
        client_key, server_key = material[:key_bytes], material[key_bytes : 2 * key_bytes]
        client_salt, server_salt = material[2 * key_bytes :][:salt_bytes], material[2 * key_bytes :][salt_bytes:]
        both = client_key + client_salt, server_key + server_salt
        return both if self.role == "client" else (both[1], both[0])
