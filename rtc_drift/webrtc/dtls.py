"""DTLS for one listener (RFC 5763, RFC 5764): datagrams in, datagrams out, and in the end the keys of SRTP."""

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
"""What WebRTC asks for (RFC 8827, 6.5) and its like."""
MTU_BYTES = 1200
RECORD_HEADER_BYTES = 13
CERTIFICATE_DAYS = 30


@dataclass(frozen=True, slots=True)
class SrtpProfile:
    """A way to protect packets, in the terms of DTLS and of libsrtp."""

    name: bytes
    number: int
    key_bytes: int
    salt_bytes: int


def _profiles() -> tuple[SrtpProfile, ...]:
    """Those this libsrtp was built with, the best first: GCM with 128 bits costs the least."""
    known = (
        SrtpProfile(b"SRTP_AEAD_AES_128_GCM", pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
        SrtpProfile(b"SRTP_AEAD_AES_256_GCM", pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12),
        SrtpProfile(b"SRTP_AES128_CM_SHA1_80", pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
    )
    there = []
    for profile in known:
        try:
            pylibsrtp.Policy(srtp_profile=profile.number)
        except pylibsrtp.Error:
            continue
        there.append(profile)
    return tuple(there)


PROFILES = _profiles()


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """Master key and salt of either direction."""

    profile: int
    ours: bytes
    theirs: bytes


class Identity:
    """A certificate of this server's, shared by all its listeners: they know it by its fingerprint."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, secrets.token_hex(16))])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=CERTIFICATE_DAYS))
            .sign(key, hashes.SHA256())
        )
        self.fingerprint = fingerprint(certificate, "sha-256")
        self.renew_at = now + datetime.timedelta(days=CERTIFICATE_DAYS / 2)
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_options(SSL.OP_NO_TICKET)
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        # Who a listener is, its offer says: the fingerprint is compared when the handshake is done.
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        context.use_certificate(certificate)
        context.use_privatekey(key)
        context.set_cipher_list(CIPHERS)
        context.set_tlsext_use_srtp(b":".join(profile.name for profile in PROFILES))
        self.context = context


def fingerprint(certificate: x509.Certificate, algorithm: str) -> str:
    """As SDP writes it: upper case, with colons."""
    return certificate.fingerprint(DIGESTS[algorithm]).hex(":").upper()


class Dtls:
    """One association. `state` goes from `connecting` to `connected`, and ends as `closed` or `failed`."""

    def __init__(self, identity: Identity, fingerprints: Mapping[str, str], role: Literal["client", "server"]) -> None:
        """`fingerprints`: of the other side's certificate, by algorithm; all that are known must be right."""
        self.state: Literal["connecting", "connected", "closed", "failed"] = "connecting"
        self.keys: SrtpKeys | None = None
        """Known once connected."""
        self._fingerprints = fingerprints
        self._role = role
        self._ssl = SSL.Connection(identity.context)
        self._ssl.set_ciphertext_mtu(MTU_BYTES)
        if role == "server":
            self._ssl.set_accept_state()
        else:
            self._ssl.set_connect_state()

    def start(self) -> list[bytes]:
        """The client's first flight; the server waits for it."""
        return self._advance() if self._role == "client" else []

    def receive(self, datagram: bytes) -> list[bytes]:
        """Take one datagram; gives those to send."""
        if self.state in ("closed", "failed"):
            return []
        self._ssl.bio_write(datagram)
        return self._advance()

    @property
    def timeout_seconds(self) -> float | None:
        """When to call `timed_out`, if nothing comes before; None = no need."""
        return self._ssl.DTLSv1_get_timeout() if self.state == "connecting" else None

    def timed_out(self) -> list[bytes]:
        """Send the last flight once more."""
        self._ssl.DTLSv1_handle_timeout()
        return self._written()

    def close(self) -> list[bytes]:
        """Say that it is over. Idempotent."""
        if self.state in ("closed", "failed"):
            return []
        self.state = "closed"
        try:
            self._ssl.shutdown()
        except SSL.Error:
            return []
        return self._written()

    def _advance(self) -> list[bytes]:
        try:
            if self.state == "connecting":
                self._ssl.do_handshake()
                self._connected()
            while self.state == "connected":
                self._ssl.recv(2048)  # nothing of interest but the end; what is left unread would pile up
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.state = "closed"
        except SSL.Error:
            # Before the keys are agreed on anything may be wrong; afterwards garbage is the sender's affair.
            if self.state == "connecting":
                self.state = "failed"
        return self._written()

    def _connected(self) -> None:
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
        self.keys = self._keys(profile)
        self.state = "connected"

    def _keys(self, profile: SrtpProfile) -> SrtpKeys:
        """RFC 5764, 4.2: both keys, then both salts, the client's first."""
        key, salt = profile.key_bytes, profile.salt_bytes
        material: Any = self._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
        client = material[:key] + material[2 * key : 2 * key + salt]
        server = material[key : 2 * key] + material[2 * key + salt :]
        ours, theirs = (server, client) if self._role == "server" else (client, server)
        return SrtpKeys(profile.number, ours, theirs)

    def _written(self) -> list[bytes]:
        """What OpenSSL has to send, as datagrams: whole records, as many as fit."""
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
