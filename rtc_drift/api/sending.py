"""Sends long answers in pieces, so that a client that takes nothing holds little memory, and not for long."""

import asyncio
import socket
from collections.abc import Iterable, Iterator

from aiohttp import web

SEND_BUFFER_BYTES = 64 * 1024
"""Most bytes of an answer that wait here, and about as many in the system."""
PIECE_BYTES = 16 * 1024
"""Greatest size of a piece."""


class StalledClientError(Exception):
    """A client took nothing for too long."""


def limit_what_tcp_takes(request: web.Request) -> None:
    """Keep TCP's buffers small: several MB would hide for minutes that a client has stopped reading."""
    if isinstance(request.transport, asyncio.Transport):
        request.transport.set_write_buffer_limits(high=SEND_BUFFER_BYTES)
        sock = request.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)


async def send(response: web.StreamResponse, data: bytes, seconds: float) -> None:
    """Send some bytes. Raises StalledClientError if the client takes nothing for that many seconds."""
    for start in range(0, len(data), PIECE_BYTES):
        try:
            async with asyncio.timeout(seconds):
                await response.write(data[start : start + PIECE_BYTES])
        except TimeoutError:
            raise StalledClientError from None


def cut_off(request: web.Request) -> None:
    """Close a client's connection at once, with what it has not taken."""
    if request.transport is not None:
        request.transport.abort()


def grouped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in pieces of about `PIECE_BYTES`."""
    group, size = list[bytes](), 0
    for piece in pieces:
        group.append(piece)
        size += len(piece)
        if size >= PIECE_BYTES:
            yield b"".join(group)
            group, size = [], 0
    if group:
        yield b"".join(group)
