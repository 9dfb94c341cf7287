"""The engine's end of the socket to control: never blocks, has a bounded queue, and drops nothing but media."""

import contextlib
import socket
from collections.abc import Iterator

from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.codec import Decoder, encode

MAX_WAITING_BYTES = 256 * 1024
"""Queued bytes beyond which media is dropped: about a second of a station's PCM, or ten seconds of its packets."""


class LinkClosedError(Exception):
    """The end of the link: control has closed it."""


class EngineLink:
    """A link that sends and receives messages on a non-blocking stream socket."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.socket = sock
        self.dropped_messages = 0
        self._decoder = Decoder()
        self._waiting = bytearray()

    def send(self, message: m.ToControl) -> None:
        """Queue a message for the next `flush`. If control reads too slowly, media is dropped and counted."""
        if isinstance(message, m.Packet | m.Pcm) and len(self._waiting) > MAX_WAITING_BYTES:
            self.dropped_messages += 1
            return
        self._waiting += encode(message)

    def flush(self) -> None:
        """Write as much as the socket takes now. Raises LinkClosedError if the other end is closed."""
        with contextlib.suppress(BlockingIOError):
            while self._waiting:
                try:
                    sent = self.socket.send(self._waiting)
                except (BrokenPipeError, ConnectionResetError) as error:
                    raise LinkClosedError from error
                del self._waiting[:sent]

    def receive(self) -> Iterator[m.Message]:
        """Yield every message that has arrived. Raises LinkClosedError if the other end is closed."""
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return
        except ConnectionResetError as error:
            raise LinkClosedError from error
        if not data:
            raise LinkClosedError
        yield from self._decoder.feed(data)
