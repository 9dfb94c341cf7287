"""An endless Ogg Opus stream (RFC 3533, RFC 7845): the station's packets in pages; nothing is encoded again."""

import secrets
import struct
import zlib
from collections import deque
from collections.abc import Mapping

from rtc_drift.media import BLOCK_SAMPLES, SAMPLE_RATE

PAGE_PACKETS = 8
"""Packets in a page: 160 ms, the group of packets that the engine hands over at once."""
PRE_ROLL_PACKETS = 4
"""Packets (80 ms) that a decoder needs before its output is right: what they decode to is skipped."""
VENDOR = "rtc-drift"

_CONTINUES, _BEGINS, _ENDS = 0, 2, 4
"""Flags of pages."""
_HEADER = struct.Struct("<4sBBqIIIB")
_CRC_OFFSET = 22
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
"""Each byte with its bits in reverse order."""


class OggMuxer:
    """The Ogg stream of one reader: packets in, bytes out.

    It is a chain of logical streams, each with tags of its own. At a seam the last packets are sent again, as the
    pre-roll of the new stream: a decoder that begins anew there goes on at the very next sample.
    """

    def __init__(self, tags: Mapping[str, str] | None = None) -> None:
        """Begin the first logical stream, with tags such as `TITLE`."""
        self._serial = secrets.randbits(31)
        self._recent: deque[bytes] = deque(maxlen=PRE_ROLL_PACKETS)
        self._page: list[bytes] = []
        self._out = bytearray()
        self._begin(tags or {})

    def mux(self, opus: bytes) -> bytes:
        """Add one 20 ms packet and return the pages that are full now, often none."""
        self._recent.append(opus)
        self._add(opus)
        return self._take()

    def begin_again(self, tags: Mapping[str, str]) -> bytes:
        """End the logical stream and begin another with these tags; return the pages."""
        self._write(_ENDS)
        self._serial = (self._serial + 1) & 0x7FFFFFFF
        self._begin(tags)
        for packet in self._recent:
            self._add(packet)
        self._write(_CONTINUES)  # a page of its own, since VLC leaves out the first one
        return self._take()

    def close(self) -> bytes:
        """Return the last page."""
        self._write(_ENDS)
        return self._take()

    def _begin(self, tags: Mapping[str, str]) -> None:
        self._packets = self._sequence = 0
        pre_skip = PRE_ROLL_PACKETS * BLOCK_SAMPLES
        self._page = [struct.pack("<8sBBHIhB", b"OpusHead", 1, 2, pre_skip, SAMPLE_RATE, 0, 0)]
        self._write(_BEGINS)
        texts = (VENDOR, None, *(f"{name}={text}" for name, text in tags.items()))
        fields = (struct.pack("<I", len(tags)) if text is None else _counted(text) for text in texts)
        self._page = [b"OpusTags" + b"".join(fields)]
        self._write(_CONTINUES)

    def _add(self, opus: bytes) -> None:
        self._page.append(opus)
        self._packets += 1
        if len(self._page) == PAGE_PACKETS:
            self._write(_CONTINUES)

    def _write(self, flags: int) -> None:
        """Write the page; it may have no packets if it is the last one of its stream."""
        packets, self._page = self._page, []
        lacing = b"".join(b"\xff" * (len(packet) // 255) + bytes((len(packet) % 255,)) for packet in packets)
        position = self._packets * BLOCK_SAMPLES
        head = _HEADER.pack(b"OggS", 0, flags, position, self._serial, self._sequence, 0, len(lacing))
        page = bytearray(b"".join((head, lacing, *packets)))
        struct.pack_into("<I", page, _CRC_OFFSET, _crc(page))
        self._sequence += 1
        self._out += page

    def _take(self) -> bytes:
        taken = bytes(self._out)
        self._out.clear()
        return taken


def _counted(text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    return struct.pack("<I", len(data)) + data


def _crc(page: bytes | bytearray) -> int:
    """Return the checksum of a page. It is zlib's with all bits in reverse order, and without its inversions."""
    reverse = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(reverse.to_bytes(4, "little").translate(_REVERSED), "big")
