"""The messages from the engine to its decoder: which files to decode into which rings. One datagram of JSON each."""

import json
import socket
import sys
from dataclasses import asdict, dataclass

SOCKET_TYPE = socket.SOCK_SEQPACKET if sys.platform == "linux" else socket.SOCK_DGRAM
"""Type of the socket pairs: datagrams in order. macOS has no `SOCK_SEQPACKET` for them."""
NEEDS_SHARE = 78
"""Exit status of a decoder that gave way to others until it starved, and has no right to take its share back."""
MAX_BYTES = 64 * 1024
"""Upper limit for a datagram; a path has at most 4,096 bytes, each of which may become six."""


@dataclass(frozen=True, slots=True)
class OpenDeck:
    """Decode a file into a ring, whose descriptor comes with this message, from where the ring stands."""

    deck: int
    path: str
    is_suspect: bool = False
    """True if a decoder died while it worked on this file."""


@dataclass(frozen=True, slots=True)
class CloseDeck:
    """Decode no further for this deck."""

    deck: int


ToDecoder = OpenDeck | CloseDeck


def encode(message: ToDecoder) -> bytes:
    """Encode a message as a datagram."""
    return json.dumps(asdict(message)).encode("ascii")


def decode(data: bytes) -> ToDecoder:
    """Decode a datagram that `encode` made."""
    fields = json.loads(data)
    return OpenDeck(**fields) if "path" in fields else CloseDeck(**fields)
