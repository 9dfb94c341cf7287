"""The index of an RTP packet: `roll-over · 65536 + sequence number` (RFC 3711, 3.3.1). Pure arithmetic."""

from collections.abc import Iterator

MAX_STEP = 2**15 - 1
"""The furthest a receiver, or libsrtp, follows a sequence number forward."""


def steps_to(index: int) -> Iterator[int]:
    """Indices of packets that lead a fresh SRTP session, which is before index 0, up to just before `index`."""
    yield from range(0, index, MAX_STEP)
