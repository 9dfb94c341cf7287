"""The part of RTCP (RFC 3550, RFC 4585) that a sender of audio needs: bytes to values and back.

The input is what SRTCP has authenticated, so it comes from the listener. Parsing stops at the first malformed packet.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

SENDER_REPORT, RECEIVER_REPORT, SOURCE_DESCRIPTION, BYE, TRANSPORT_FEEDBACK = 200, 201, 202, 203, 205
NACK = 1
"""Format (FMT) of transport feedback that is a generic NACK."""
NTP_EPOCH_SECONDS = 2_208_988_800
"""The Unix epoch in NTP time: seconds from 1900 to 1970."""

_HEADER = struct.Struct("!BBH")
_BLOCK = struct.Struct("!IIIIII")


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """A report block: a listener's reception of one stream."""

    ssrc: int
    """SSRC of the stream."""
    fraction_lost: float
    """Share of packets lost since the listener's last report, 0 to 1."""
    total_lost: int
    """Packets lost since the start; negative if packets arrived twice."""
    jitter: int
    """Interarrival jitter in samples at 48 kHz."""
    last_report: int
    """Middle 32 bits of the NTP time of the last sender report it received (LSR); 0 = none."""
    delay: int
    """Time from that sender report to this report block, in 1/65536 s (DLSR)."""


@dataclass(frozen=True, slots=True)
class Nack:
    """A listener's request for packets that it has not received."""

    ssrc: int
    """SSRC of the stream."""
    sequence_numbers: tuple[int, ...]
    """RTP sequence numbers of the missing packets."""


def parse(compound: bytes) -> Iterator[ReportBlock | Nack]:
    """Yield the report blocks and NACKs of a compound packet; other contents are ignored."""
    position = 0
    while position + 8 <= len(compound):
        first, kind, words = _HEADER.unpack_from(compound, position)
        end = position + 4 * (words + 1)
        if first >> 6 != 2 or end > len(compound):
            return
        count = first & 0x1F
        if kind == RECEIVER_REPORT:
            yield from _blocks(compound, position + 8, end, count)
        elif kind == SENDER_REPORT:
            yield from _blocks(compound, position + 28, end, count)
        elif kind == TRANSPORT_FEEDBACK and count == NACK and end - position >= 16:
            yield _nack(compound[position + 8 : end])
        position = end


def sender_report(ssrc: int, ntp: int, rtp_timestamp: int, packets: int, octets: int) -> bytes:
    """Return a sender report: the RTP timestamp of a moment given as 64-bit NTP time, and what was sent until then."""
    words = (ssrc, ntp >> 32, ntp, rtp_timestamp, packets, octets)
    return _HEADER.pack(0x80, SENDER_REPORT, 6) + _BLOCK.pack(*(word & 0xFFFFFFFF for word in words))


def source_description(ssrc: int, cname: bytes) -> bytes:
    """Return a source description (SDES) with the canonical name of a stream."""
    item = bytes((1, len(cname))) + cname
    chunk = ssrc.to_bytes(4, "big") + item + bytes(4 - len(item) % 4)
    return _HEADER.pack(0x81, SOURCE_DESCRIPTION, len(chunk) // 4) + chunk


def bye(ssrc: int) -> bytes:
    """Return a BYE after an empty receiver report: a compound packet must begin with a report."""
    report = _HEADER.pack(0x80, RECEIVER_REPORT, 1) + ssrc.to_bytes(4, "big")
    return report + _HEADER.pack(0x81, BYE, 1) + ssrc.to_bytes(4, "big")


def ntp_time(unix_seconds: float) -> int:
    """Return Unix time as 64-bit NTP time: 32 bits of seconds since 1900, 32 bits of the fraction."""
    return int((unix_seconds + NTP_EPOCH_SECONDS) * 2**32)


def round_trip_seconds(report: ReportBlock, ntp_now: int) -> float | None:
    """Return the round-trip time (RFC 3550, 6.4.1).

    None if the listener has received no sender report, or if the report block is not plausible.
    """
    if not report.last_report:
        return None
    elapsed = ((ntp_now >> 16) - report.last_report - report.delay) & 0xFFFFFFFF
    return elapsed / 65536 if elapsed < 2**31 else None


def _blocks(compound: bytes, start: int, end: int, count: int) -> Iterator[ReportBlock]:
    for at in range(start, min(end, start + 24 * count) - 23, 24):
        ssrc, lost, _highest, jitter, last_report, delay = _BLOCK.unpack_from(compound, at)
        total = lost & 0xFFFFFF
        total -= (total & 0x800000) << 1
        yield ReportBlock(ssrc, (lost >> 24) / 256, total, jitter, last_report, delay)


def _nack(body: bytes) -> Nack:
    """Parse a generic NACK (RFC 4585, 6.2.1): the SSRC, then sequence numbers, each with a mask of the next 16."""
    (ssrc,) = struct.unpack_from("!I", body)
    numbers: list[int] = []
    for first, mask in struct.iter_unpack("!HH", body[4:]):
        numbers.append(first)
        numbers += ((first + 1 + bit) & 0xFFFF for bit in range(16) if mask >> bit & 1)
    return Nack(ssrc, tuple(numbers))
