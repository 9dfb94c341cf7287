"""The engine's end of the socket: never blocks, never grows without bound, never loses what isn't media."""

import contextlib
import socket
from collections.abc import Iterator

from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.codec import Decoder, encode

MAX_WAITING_BYTES = 256 * 1024
"""Media beyond this is dropped: about a second of one programme's PCM, or ten of its packets."""


class LinkClosedError(Exception):
    """Control is gone."""


class EngineLink:
    """Sends and receives messages on a non-blocking stream socket."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.socket = sock
        self.dropped_messages = 0
        self._decoder = Decoder()
        self._waiting = bytearray()

    def send(self, message: m.ToControl) -> None:
        """Queue a message for the next `flush`. Media is dropped, and counted, when control lags."""
        if isinstance(message, m.Packet | m.Pcm) and len(self._waiting) > MAX_WAITING_BYTES:
            self.dropped_messages += 1
            return
        self._waiting += encode(message)

    def flush(self) -> None:
        """Write as much as the socket takes now. Raises LinkClosedError when the other end is gone."""
        with contextlib.suppress(BlockingIOError):
            while self._waiting:
                try:
                    sent = self.socket.send(self._waiting)
                except (BrokenPipeError, ConnectionResetError) as error:
                    raise LinkClosedError from error
                del self._waiting[:sent]

    def receive(self) -> Iterator[m.Message]:
        """Every message that has arrived. Raises LinkClosedError when the other end is gone."""
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return
        except ConnectionResetError as error:
            raise LinkClosedError from error
        if not data:
            raise LinkClosedError
        yield from self._decoder.feed(data)
