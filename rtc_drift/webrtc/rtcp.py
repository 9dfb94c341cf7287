"""RTCP (RFC 3550, RFC 4585) as one who only sends audio needs it. Bytes in, values out, and back.

Written for what comes after SRTCP was unwrapped, so from a listener; a packet that is not well-formed ends the reading.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

SENDER_REPORT, RECEIVER_REPORT, DESCRIPTION, BYE, TRANSPORT_FEEDBACK = 200, 201, 202, 203, 205
NACK = 1
"""Format of transport feedback."""
NTP_EPOCH_SECONDS = 2_208_988_800
"""Of 1970, in the seconds since 1900 that NTP counts."""

_HEADER = struct.Struct("!BBH")
_BLOCK = struct.Struct("!IIIIII")


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What a listener says of our stream."""

    ssrc: int
    fraction_lost: float
    """Of the packets since its last report, 0 to 1."""
    total_lost: int
    """Since the start; negative where packets came twice."""
    jitter: int
    """Interarrival jitter in samples at 48 kHz."""
    last_report: int
    """The middle 32 bits of the NTP time of the sender report it got last; 0 = none."""
    delay: int
    """How long before this report that was, in 1/65536 s."""


@dataclass(frozen=True, slots=True)
class Nack:
    """Packets of our stream that a listener misses."""

    ssrc: int
    sequence_numbers: tuple[int, ...]


def parse(compound: bytes) -> Iterator[ReportBlock | Nack]:
    """What is of interest in a compound packet."""
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
    """That the RTP timestamp and the 64-bit NTP time are of one moment, and what was sent up to it."""
    words = (ssrc, ntp >> 32, ntp, rtp_timestamp, packets, octets)
    return _HEADER.pack(0x80, SENDER_REPORT, 6) + _BLOCK.pack(*(word & 0xFFFFFFFF for word in words))


def description(ssrc: int, cname: bytes) -> bytes:
    """The canonical name of our stream (SDES)."""
    item = bytes((1, len(cname))) + cname
    chunk = ssrc.to_bytes(4, "big") + item + bytes(4 - len(item) % 4)
    return _HEADER.pack(0x81, DESCRIPTION, len(chunk) // 4) + chunk


def bye(ssrc: int) -> bytes:
    """Our stream ends; behind an empty receiver report, as a compound packet begins with a report."""
    report = _HEADER.pack(0x80, RECEIVER_REPORT, 1) + ssrc.to_bytes(4, "big")
    return report + _HEADER.pack(0x81, BYE, 1) + ssrc.to_bytes(4, "big")


def ntp_time(unix_seconds: float) -> int:
    """64 bits: seconds since 1900, and their fraction."""
    return int((unix_seconds + NTP_EPOCH_SECONDS) * 2**32)


def round_trip_seconds(report: ReportBlock, ntp_now: int) -> float | None:
    """RFC 3550, 6.4.1; None where the listener has had no sender report, or what it says can't be."""
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
    """The media source, then pairs of a sequence number and a mask of the 16 after it."""
    (ssrc,) = struct.unpack_from("!I", body)
    numbers: list[int] = []
    for first, mask in struct.iter_unpack("!HH", body[4:]):
        numbers.append(first)
        numbers += ((first + 1 + bit) & 0xFFFF for bit in range(16) if mask >> bit & 1)
    return Nack(ssrc, tuple(numbers))
