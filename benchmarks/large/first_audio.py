"""The first sound that a new listener of the Ogg stream hears."""

from collections.abc import Iterator

import aiohttp
import av
import numpy as np

AUDIBLE = 10 ** (-60 / 20)
"""Least sample that counts as sound: −60 dBFS."""
_HEADER_BYTES = 27
_PACKETS_OF_HEADER = (b"OpusHead", b"OpusTags")


async def wait_for_sound(http: aiohttp.ClientSession, url: str) -> None:
    """Read an Ogg Opus stream until a packet with sound has come. Raises EOFError if the stream ends before."""
    decoder, pages = av.CodecContext.create("opus", "r"), OggPackets()
    async with http.get(url) as response:
        response.raise_for_status()
        async for chunk in response.content.iter_any():
            for packet in pages.add(chunk):
                if packet.startswith(_PACKETS_OF_HEADER):
                    continue
                for frame in decoder.decode(av.Packet(packet)):
                    if np.abs(frame.to_ndarray()).max() > AUDIBLE:
                        return
    raise EOFError("the stream has ended without a sound")


class OggPackets:
    """Takes an Ogg stream apart, whose packets are shorter than 255 × 255 bytes and lie within a page each."""

    def __init__(self) -> None:
        self._rest = b""

    def add(self, data: bytes) -> Iterator[bytes]:
        """Add the next bytes, and yield the packets of the pages that are complete now."""
        self._rest += data
        while len(self._rest) >= _HEADER_BYTES:
            sizes = self._rest[_HEADER_BYTES : _HEADER_BYTES + self._rest[_HEADER_BYTES - 1]]
            first = _HEADER_BYTES + self._rest[_HEADER_BYTES - 1]
            if len(self._rest) < first + sum(sizes) or len(sizes) < first - _HEADER_BYTES:
                return
            page, self._rest = self._rest[first : first + sum(sizes)], self._rest[first + sum(sizes) :]
            begin = end = 0
            for size in sizes:
                end += size
                if size < 255:
                    yield page[begin:end]
                    begin = end
