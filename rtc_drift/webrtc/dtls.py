"""DTLS for one listener (RFC 5763, RFC 5764): datagrams in, datagrams out; the handshake gives the SRTP keys."""

import datetime
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pylibsrtp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

DIGESTS: Mapping[str, hashes.HashAlgorithm] = {
    "sha-256": hashes.SHA256(),
    "sha-384": hashes.SHA384(),
    "sha-512": hashes.SHA512(),
}
CIPHERS = b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA"
"""Cipher suites that WebRTC requires (RFC 8827, 6.5), and similar ones, in OpenSSL's notation."""
MTU_BYTES = 1200
RECORD_HEADER_BYTES = 13
VALID_FROM = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
VALID_UNTIL = datetime.datetime(2049, 12, 31, tzinfo=datetime.UTC)
"""Validity of certificates, whatever the time is: this machine's clock may be wrong, or a listener's."""


@dataclass(frozen=True, slots=True)
class SrtpProfile:
    """An SRTP protection profile, as DTLS and libsrtp name it."""

    name: bytes
    """Name in the DTLS extension `use_srtp`."""
    number: int
    """Number in libsrtp."""
    key_bytes: int
    salt_bytes: int


def _supported_profiles() -> tuple[SrtpProfile, ...]:
    """Return the profiles that this build of libsrtp supports, the cheapest first: GCM with 128 bits."""
    known = (
        SrtpProfile(b"SRTP_AEAD_AES_128_GCM", pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
        SrtpProfile(b"SRTP_AEAD_AES_256_GCM", pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12),
        SrtpProfile(b"SRTP_AES128_CM_SHA1_80", pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
    )
    supported = []
    for profile in known:
        try:
            pylibsrtp.Policy(srtp_profile=profile.number)
        except pylibsrtp.Error:
            continue
        supported.append(profile)
    return tuple(supported)


PROFILES = _supported_profiles()


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """SRTP keys of both directions; each is the master key followed by the master salt."""

    profile: int
    """Number of the SRTP profile in libsrtp."""
    ours: bytes
    """For packets that this server sends."""
    theirs: bytes
    """For packets that the listener sends."""


class Identity:
    """A self-signed certificate of this server, shared by all listeners, who verify it by its fingerprint."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, secrets.token_hex(16))])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(VALID_FROM)
            .not_valid_after(VALID_UNTIL)
            .sign(key, hashes.SHA256())
        )
        self.certificate = certificate
        self.fingerprint = fingerprint(certificate, "sha-256")
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_options(SSL.OP_NO_TICKET)
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        # Accept every certificate here: its fingerprint is compared with the offer after the handshake.
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        context.use_certificate(certificate)
        context.use_privatekey(key)
        context.set_cipher_list(CIPHERS)
        context.set_tlsext_use_srtp(b":".join(profile.name for profile in PROFILES))
        self.context = context


def fingerprint(certificate: x509.Certificate, algorithm: str) -> str:
    """Return the fingerprint as SDP writes it, in upper case with colons. Raises KeyError for an unknown algorithm."""
    return certificate.fingerprint(DIGESTS[algorithm]).hex(":").upper()


class Dtls:
    """A DTLS association. `state` goes from `connecting` to `connected` and ends as `closed` or `failed`."""

    def __init__(self, identity: Identity, fingerprints: Mapping[str, str], role: Literal["client", "server"]) -> None:
        """Create an association that has not started.

        `fingerprints` are those of the listener's certificate, by hash algorithm. All with a known algorithm must
        match, and there must be at least one.
        """
        self.state: Literal["connecting", "connected", "closed", "failed"] = "connecting"
        self.keys: SrtpKeys | None = None
        """SRTP keys; None until connected."""
        self._fingerprints = fingerprints
        self._role = role
        # None once it is closed. OpenSSL holds 70 kB, and whoever holds this may wait for a full garbage collection.
        self._connection: SSL.Connection | None = SSL.Connection(identity.context)
        self._ssl.set_ciphertext_mtu(MTU_BYTES)
        if role == "server":
            self._ssl.set_accept_state()
        else:
            self._ssl.set_connect_state()

    @property
    def _ssl(self) -> SSL.Connection:
        assert self._connection is not None, "the association is closed"
        return self._connection

    def start(self) -> list[bytes]:
        """Return the first flight if this is the client; a server waits for it."""
        return self._advance() if self._role == "client" and self.state == "connecting" else []

    def receive(self, datagram: bytes) -> list[bytes]:
        """Take one datagram and return the datagrams to send."""
        if self.state in ("closed", "failed"):
            return []
        self._ssl.bio_write(datagram)
        return self._advance()

    @property
    def timeout_seconds(self) -> float | None:
        """Seconds until `timed_out` must be called if no datagram arrives; None if no timer is needed."""
        return self._ssl.DTLSv1_get_timeout() if self.state == "connecting" else None

    def timed_out(self) -> list[bytes]:
        """Return the last flight again, for retransmission."""
        if self.state != "connecting":
            return []
        self._ssl.DTLSv1_handle_timeout()
        return self._datagrams_to_send()

    def close(self) -> list[bytes]:
        """Close the association, free its memory, and return the `close_notify` alert to send. Idempotent."""
        alert = self._shut_down() if self.state in ("connecting", "connected") else []
        self._connection = None
        return alert

    def _shut_down(self) -> list[bytes]:
        self.state = "closed"
        try:
            self._ssl.shutdown()
        except SSL.Error:
            return []
        return self._datagrams_to_send()

    def _advance(self) -> list[bytes]:
        try:
            if self.state == "connecting":
                self._ssl.do_handshake()
                self._finish_handshake()
            while self.state == "connected":
                self._ssl.recv(2048)  # only the end matters, but unread data would accumulate
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.state = "closed"
        except SSL.Error:
            # Fatal only during the handshake; after it, invalid datagrams are ignored.
            if self.state == "connecting":
                self.state = "failed"
        return self._datagrams_to_send()

    def _finish_handshake(self) -> None:
        """Verify the listener's certificate and take the keys; `state` becomes `connected` or `failed`."""
        certificate = self._ssl.get_peer_certificate(as_cryptography=True)
        known = {name: value for name, value in self._fingerprints.items() if name in DIGESTS}
        name = self._ssl.get_selected_srtp_profile()
        profile = next((profile for profile in PROFILES if profile.name == name), None)
        if (
            certificate is None
            or profile is None
            or not known
            or any(fingerprint(certificate, algorithm) != value for algorithm, value in known.items())
        ):
            self.state = "failed"
            return
        self.keys = self._export_keys(profile)
        self.state = "connected"

    def _export_keys(self, profile: SrtpProfile) -> SrtpKeys:
        """Cut the keys out of the exported material: both keys, then both salts, the client's first (RFC 5764, 4.2)."""
        key, salt = profile.key_bytes, profile.salt_bytes
        material: Any = self._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
        client = material[:key] + material[2 * key : 2 * key + salt]
        server = material[key : 2 * key] + material[2 * key + salt :]
        ours, theirs = (server, client) if self._role == "server" else (client, server)
        return SrtpKeys(profile.number, ours, theirs)

    def _datagrams_to_send(self) -> list[bytes]:
        """Return OpenSSL's output as datagrams: each holds as many whole records as fit into MTU_BYTES."""
        try:
            written = self._ssl.bio_read(65536)
        except SSL.Error:
            return []
        datagrams: list[bytes] = []
        start = position = 0
        while position < len(written):
            length = RECORD_HEADER_BYTES + int.from_bytes(written[position + 11 : position + 13], "big")
            if position > start and position + length - start > MTU_BYTES:
                datagrams.append(written[start:position])
                start = position
            position += length
        datagrams.append(written[start:])
        return datagrams
