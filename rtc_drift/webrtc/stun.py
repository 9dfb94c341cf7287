"""STUN Binding requests and responses for an ICE agent (RFC 8489, RFC 8445): bytes to values and back.

The input is untrusted: `parse` returns None unless a datagram is a well-formed Binding message, and callers must check
`is_authentic` before they use it.
"""

import hashlib
import hmac
import ipaddress
import struct
import zlib
from dataclasses import dataclass

COOKIE = 0x2112A442
HEADER_BYTES = 20
INTEGRITY_BYTES = 24
"""Size of a MESSAGE-INTEGRITY attribute, with its header."""

REQUEST = 0x0001
"""Binding request."""
RESPONSE = 0x0101
"""Binding success response."""
ERROR = 0x0111
"""Binding error response."""

ROLE_CONFLICT = 487

_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")
_USERNAME = 0x0006
_INTEGRITY = 0x0008
_ERROR_CODE = 0x0009
_XOR_MAPPED_ADDRESS = 0x0020
_PRIORITY = 0x0024
_USE_CANDIDATE = 0x0025
_FINGERPRINT = 0x8028
_ICE_CONTROLLED = 0x8029
_FINGERPRINT_XOR = 0x5354554E
_PRIORITY_PEER_REFLEXIVE = 0x6EFFFFFF


@dataclass(frozen=True, slots=True)
class StunMessage:
    """A Binding message. Attributes after MESSAGE-INTEGRITY are ignored."""

    kind: int
    """REQUEST, RESPONSE or ERROR."""
    transaction: bytes
    """Transaction id, 12 bytes."""
    username: str
    """USERNAME as sent, `receiver:sender` (username fragments); empty in responses."""
    use_candidate: bool
    """True with USE-CANDIDATE: the controlling agent nominates this path."""
    sender_is_controlled: bool
    """True with ICE-CONTROLLED."""
    _signed: bytes
    """Bytes that MESSAGE-INTEGRITY covers; the length in their header ends with that attribute."""
    _integrity: bytes
    """Value of MESSAGE-INTEGRITY; empty without that attribute."""

    def is_authentic(self, password: bytes) -> bool:
        """Return True if the sender knows this password, by MESSAGE-INTEGRITY."""
        return bool(self._integrity) and hmac.compare_digest(_digest(password, self._signed), self._integrity)


def parse(data: bytes) -> StunMessage | None:
    """Parse a datagram; return None unless it is a well-formed Binding message."""
    if len(data) < HEADER_BYTES:
        return None
    kind, length, cookie, transaction = _HEADER.unpack_from(data)
    if cookie != COOKIE or length % 4 or len(data) != HEADER_BYTES + length or kind not in (REQUEST, RESPONSE, ERROR):
        return None
    username, use_candidate, controlled, signed, integrity = "", False, False, b"", b""
    position, end = HEADER_BYTES, len(data)
    while position < end:
        attribute, size = _ATTRIBUTE.unpack_from(data, position)
        value, after = position + 4, position + 4 + size + (-size % 4)
        if after > end:
            return None
        if attribute == _INTEGRITY:
            if size != INTEGRITY_BYTES - 4:
                return None
            covered = _HEADER.pack(kind, position - HEADER_BYTES + INTEGRITY_BYTES, COOKIE, transaction)
            signed, integrity = covered + data[HEADER_BYTES:position], data[value : value + size]
            break
        if attribute == _USERNAME:
            username = data[value : value + size].decode("ascii", "replace")
        elif attribute == _USE_CANDIDATE:
            use_candidate = True
        elif attribute == _ICE_CONTROLLED:
            controlled = True
        position = after
    return StunMessage(kind, transaction, username, use_candidate, controlled, signed, integrity)


def success(transaction: bytes, address: tuple[str, int], password: bytes) -> bytes:
    """Return the success response to a request from `address`."""
    mapped = _attribute(_XOR_MAPPED_ADDRESS, _xor_mapped_address(address, transaction))
    return _signed_message(RESPONSE, transaction, mapped, password)


def role_conflict(transaction: bytes, password: bytes) -> bytes:
    """Return the error response to a request whose sender is controlled as well (RFC 8445, 7.3.1.1)."""
    reason = b"Role Conflict"
    value = struct.pack("!HBB", 0, ROLE_CONFLICT // 100, ROLE_CONFLICT % 100) + reason
    return _signed_message(ERROR, transaction, _attribute(_ERROR_CODE, value), password)


def request(transaction: bytes, username: str, password: bytes, tie_breaker: int) -> bytes:
    """Return a request of the controlled agent: a connectivity check."""
    attributes = (
        _attribute(_USERNAME, username.encode())
        + _attribute(_PRIORITY, struct.pack("!I", _PRIORITY_PEER_REFLEXIVE))
        + _attribute(_ICE_CONTROLLED, struct.pack("!Q", tie_breaker))
    )
    return _signed_message(REQUEST, transaction, attributes, password)


def _signed_message(kind: int, transaction: bytes, attributes: bytes, password: bytes) -> bytes:
    """Return a message that ends with MESSAGE-INTEGRITY and FINGERPRINT."""
    covered = _HEADER.pack(kind, len(attributes) + INTEGRITY_BYTES, COOKIE, transaction) + attributes
    body = attributes + _attribute(_INTEGRITY, _digest(password, covered))
    message = _HEADER.pack(kind, len(body) + 8, COOKIE, transaction) + body
    return message + _attribute(_FINGERPRINT, struct.pack("!I", zlib.crc32(message) ^ _FINGERPRINT_XOR))


def _digest(password: bytes, covered: bytes) -> bytes:
    return hmac.digest(password, covered, hashlib.sha1)


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) % 4)


def _xor_mapped_address(address: tuple[str, int], transaction: bytes) -> bytes:
    host, port = address
    packed = ipaddress.ip_address(host).packed
    pad = COOKIE.to_bytes(4, "big") + transaction
    masked = bytes(a ^ b for a, b in zip(packed, pad, strict=False))
    return struct.pack("!BBH", 0, 1 if len(packed) == 4 else 2, port ^ COOKIE >> 16) + masked
