"""Takes new HTTP connections, as long as there is room for them."""

import asyncio
import errno
import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterable

from rtc_drift.api.connections import Connections
from rtc_drift.api.errors import error_body

logger = logging.getLogger(__name__)

BACKLOG = 128
"""Connections that the system keeps until they are taken."""
TAKEN_AT_ONCE = 32
"""Connections taken before the event loop goes on with other things."""
RETRY_SECONDS = 1.0
"""Pause when the system has no descriptor or memory for a connection."""
LOG_SECONDS = 60.0
"""Time between two lines of the log about the same shortage."""
SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
CLOSED_IN_A_SHORTAGE = 16
"""Idle connections closed when descriptors are short."""
HANDSHAKE_SECONDS = 10.0
"""Time that a client of HTTPS has to agree on keys."""


async def bind(host: str, port: int) -> list[socket.socket]:
    """Return listening sockets on every address of a host. Raises OSError and, for a host that can't be, ValueError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets = list[socket.socket]()
    unavailable: OSError | None = None
    for family, kind, protocol, _, address in dict.fromkeys(found):
        try:
            sockets.append(_listening(socket.socket(family, kind, protocol), address))
        except OSError as error:
            unavailable = error
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                break
    else:
        if sockets:
            return sockets
    for sock in sockets:
        sock.close()
    raise unavailable or OSError(errno.EADDRNOTAVAIL, "no address")


def _listening(sock: socket.socket, address: object) -> socket.socket:
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)  # type: ignore[arg-type]
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


class Acceptor:
    """Takes connections from listening sockets.

    asyncio's own loop would take them without bound, and without descriptors log thousands of tracebacks.
    """

    def __init__(
        self,
        connections: Connections,
        *,
        clock: Callable[[], float] = time.monotonic,
        retry_seconds: float = RETRY_SECONDS,
        tls: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        """Take connections for `connections`. With `tls`, which gives the context of each, they speak HTTPS."""
        self._connections = connections
        self._sockets = list[socket.socket]()
        self._clock = clock
        self._retry_seconds = retry_seconds
        self._tls = tls
        self._retries = dict[socket.socket, asyncio.TimerHandle]()
        self._opening = set[asyncio.Task[None]]()
        self._logged = dict[str, float]()
        """Time of the latest log line about each shortage."""

    @property
    def port(self) -> int:
        """The port of the first address."""
        return int(self._sockets[0].getsockname()[1])

    def start(self, sockets: Iterable[socket.socket]) -> None:
        """Take connections from these listening sockets from now on. `close` closes them."""
        self._sockets.extend(sockets)
        for sock in self._sockets:
            self._listen(sock)

    async def close(self) -> None:
        """Take no more connections. Those that are open stay. Idempotent."""
        for retry in self._retries.values():
            retry.cancel()
        for sock in self._sockets:
            asyncio.get_running_loop().remove_reader(sock)
            sock.close()
        self._sockets.clear()
        if self._tls is not None:
            for opening in self._opening:
                opening.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)

    def _listen(self, sock: socket.socket) -> None:
        self._retries.pop(sock, None)
        asyncio.get_running_loop().add_reader(sock, self._take, sock)

    def _take(self, sock: socket.socket) -> None:
        for _ in range(TAKEN_AT_ONCE):
            try:
                taken, _ = sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionError):
                return
            except OSError as error:
                if error.errno not in SHORTAGES:
                    raise
                self._wait_for_descriptors(sock, error)
                return
            if self._connections.make_room(len(self._opening)):
                self._open(taken)
            else:
                self._refuse(taken)

    def _open(self, sock: socket.socket) -> None:
        task = asyncio.create_task(self._connect(sock), name="open a connection")
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _connect(self, sock: socket.socket) -> None:
        try:
            sock.setblocking(False)
            connect, make = asyncio.get_running_loop().connect_accepted_socket, self._connections.make
            if self._tls is None:
                await connect(make, sock)
            else:
                await connect(make, sock, ssl=self._tls(), ssl_handshake_timeout=HANDSHAKE_SECONDS)
        except OSError as error:  # it is gone already
            logger.debug("A new connection failed: %s", error)
            sock.close()

    def _refuse(self, sock: socket.socket) -> None:
        self._connections.metrics.refused_connections.inc()
        self._log("Connection limit reached (%d): new connections are refused", self._connections.limit)
        body = error_body("connection_limit", "Connection limit reached.")
        with sock:
            if self._tls is not None:
                return
            sock.setblocking(False)
            try:
                sock.send(
                    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\n"
                    b"Content-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
                )
                sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    def _wait_for_descriptors(self, sock: socket.socket, error: OSError) -> None:
        """Leave new connections waiting for a while; those that are open go on."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(sock)
        self._retries[sock] = loop.call_later(self._retry_seconds, self._listen, sock)
        self._connections.metrics.accept_failures.inc()
        self._log("New connections have to wait (%s)", error.strerror)
        for _ in range(CLOSED_IN_A_SHORTAGE):
            if not self._connections.close_idle():
                break

    def _log(self, text: str, detail: object) -> None:
        """Log a shortage, once a minute."""
        now, last = self._clock(), self._logged.get(text)
        if last is None or now - last >= LOG_SECONDS:
            self._logged[text] = now
            logger.warning(text, detail)
