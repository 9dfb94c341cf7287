"""The other end of a DTLS handshake: OpenSSL, with a certificate of aiortc's."""

from collections.abc import Sequence

from aiortc import RTCCertificate
from OpenSSL import SSL


class DtlsPartner:
    """One end of a DTLS connection, without a socket: datagrams go in and out as bytes."""

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
        """Return the first flight of a client; a server has none."""
        return self.receive(b"") if self.role == "client" else []

    def receive(self, datagram: bytes) -> list[bytes]:
        """Process a datagram; return the answer."""
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
        """Return the flight to send again, if it is due."""
        self.ssl.DTLSv1_handle_timeout()
        return self.written()

    def send(self, data: bytes) -> bytes:
        """Return a record of application data."""
        self.ssl.send(data)
        return b"".join(self.written())

    def close(self) -> bytes:
        """Return the `close_notify` alert."""
        self.ssl.shutdown()
        return b"".join(self.written())

    @property
    def is_closed_by_us(self) -> bool:
        """True once the server's `close_notify` has arrived."""
        return bool(self.ssl.get_shutdown() & SSL.RECEIVED_SHUTDOWN)

    def written(self) -> list[bytes]:
        """Return what OpenSSL has written since the last call."""
        try:
            return [self.ssl.bio_read(65536)]
        except SSL.WantReadError:
            return []

    def keys(self, key_bytes: int, salt_bytes: int) -> tuple[bytes, bytes]:
        """Return key and salt of this end, and of the other: RFC 5764 lists both keys, then both salts."""
        material = self.ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key_bytes + salt_bytes))
        client_key, server_key = material[:key_bytes], material[key_bytes : 2 * key_bytes]
        client_salt, server_salt = material[2 * key_bytes :][:salt_bytes], material[2 * key_bytes :][salt_bytes:]
        both = client_key + client_salt, server_key + server_salt
        return both if self.role == "client" else (both[1], both[0])
