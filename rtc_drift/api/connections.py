"""The HTTP connections: how many there are, and how long a client may take to send a request or to take an answer.

aiohttp speaks HTTP on each; it has no bound for slow headers and bodies, and none for the number of connections.
"""

import asyncio
import logging
import resource
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import web
from aiohttp.http import HttpProcessingError

from rtc_drift.api.errors import BodyTimeoutError, error_answer, error_body
from rtc_drift.metrics import Metrics

logger = logging.getLogger(__name__)

RESERVED_DESCRIPTORS = 64
"""Descriptors that are not for connections: those of files, the database and other processes."""
LEAST_CONNECTIONS = 16
"""Connections at once, however few descriptors there are."""
UNLIMITED_DESCRIPTORS = 1 << 20
"""The limit that is assumed where the system sets none."""
LATE_REQUEST = (
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Type: application/json; charset=utf-8\r\n"
    b"Content-Length: %d\r\n\r\n%s"
)


@dataclass(frozen=True, slots=True)
class Times:
    """The times that a client has, in seconds."""

    headers: float = 10
    """From the connection, or the first byte of a later request, to the end of its headers."""
    body: float = 20
    """From the end of the headers to that of the body."""
    answer: float = 60
    """From the end of the handling to the end of an answer. Answers without an end have times of their own."""
    idle: float = 75
    """Between two requests: longer than proxies keep their connections."""


def connection_limit(listener_sockets: int) -> int:
    """Return how many connections there may be at once, when that many sockets may be needed for listeners.

    The sockets of listeners get at most half of the descriptors: rather fewer of them than no page at all.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = (UNLIMITED_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft) - RESERVED_DESCRIPTORS
    return max(LEAST_CONNECTIONS, free // 2, free - listener_sockets)


class Connections:
    """The connections of one server. `make` is the protocol factory for each new socket."""

    def __init__(self, server: web.Server, metrics: Metrics, limit: int, times: Times | None = None) -> None:
        self.metrics = metrics
        self.limit = limit
        self.times = times or Times()
        self._server = server
        self._handler = server.request_handler
        server.request_handler = self._handle
        self._open = set[Connection]()
        self._idle = dict[Connection, None]()
        """Those that have no request being handled, the one that has waited longest first."""
        metrics.connections.set_function(lambda: len(self._open))

    def make(self) -> "Connection":
        """Make the protocol of a new connection."""
        return Connection(self._server, self)

    def make_room(self, opening: int = 0) -> bool:
        """Return True if there may be one more connection, if need be after closing the one that was idle longest.

        `opening` is the number of sockets whose connections are about to be opened.
        """
        return len(self._open) + opening < self.limit or self.close_idle()

    def close_idle(self) -> bool:
        """Close the connection that was idle longest. Returns False if none is."""
        for connection in list(self._idle):
            del self._idle[connection]
            if connection.is_idle:
                self._open.discard(connection)
                self.metrics.idle_connections_closed.inc()
                connection.force_close()
                return True
            self._idle[connection] = None  # its answer is still being sent
        return False

    def opened(self, connection: "Connection") -> None:
        """Count a connection in."""
        self._open.add(connection)
        self._idle[connection] = None

    def closed(self, connection: "Connection") -> None:
        """Count a connection out."""
        self._open.discard(connection)
        self._idle.pop(connection, None)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = cast(Connection, request.protocol)
        self._idle.pop(connection, None)
        connection.request_began(request)
        try:
            # aiohttp would put what is expected into its answer, and fail if that is no text.
            if request.headers.get("Expect", "100-continue").lower() != "100-continue":
                return error_answer(417, "expectation_failed", "The server can't do what the request expects.")
            return await self._handler(request)
        finally:
            connection.request_ended()
            if connection in self._open:
                self._idle[connection] = None


class Connection(web.RequestHandler):
    """A client's connection: aiohttp's protocol, with bounds of time."""

    def __init__(self, server: web.Server, connections: Connections) -> None:
        self._times = connections.times
        self._connections = connections
        self._timer: asyncio.TimerHandle | None = None
        """The bound of what is awaited at present: headers, a body, or that an answer is taken."""
        self._is_new = True
        """True before its first request."""
        self._is_begun = False
        """True if a part of a request's headers has come."""
        loop = asyncio.get_running_loop()
        super().__init__(server, loop=loop, keepalive_timeout=self._times.idle, access_log=None)  # type: ignore[arg-type]

    @property
    def is_idle(self) -> bool:
        """True if no request is handled or answered: it waits for one, or for the rest of its headers."""
        # The only private attribute of aiohttp that is used: it waits for this future between two requests.
        return self._waiter is not None and not self._waiter.done()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first request."""
        super().connection_made(transport)
        self._connections.opened(self)
        self._set_timer(self._times.headers, self._headers_are_late)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection."""
        self._stop_timer()
        self._connections.closed(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has come; if it is a part of a request's headers, the rest has to come in time."""
        super().data_received(data)
        if data and self.is_idle and not self._is_begun:
            self._is_begun = True
            if not self._is_new:
                self._set_timer(self._times.headers, self._headers_are_late)

    def request_began(self, request: web.BaseRequest) -> None:
        """Note that the headers of a request are complete. Its body has to come in time."""
        self._stop_timer()
        self._is_new = self._is_begun = False
        if not request.content.is_eof():
            self._set_timer(self._times.body, self._body_is_late, request)

    def request_ended(self) -> None:
        """Note that a request was handled. Its answer has to be taken in time."""
        if self.transport is not None:
            self._set_timer(self._times.answer, self._answer_is_late)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a request that can't be read with 400, and other failures as aiohttp does."""
        if isinstance(exc, ConnectionError):
            raise exc  # nobody is there to be answered
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        self._note_malformed(exc.message)
        answer = error_answer(400, "bad_request", "The request is not valid HTTP.")
        answer.force_close()
        return answer

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log what went wrong; a body that can't be read, which was answered already, in one line for debugging."""
        if isinstance(kw.get("exc_info"), web.RequestPayloadError):
            self._note_malformed(str(kw["exc_info"]))
        else:
            super().log_exception(*args, **kw)

    def _note_malformed(self, what: str) -> None:
        self._connections.metrics.malformed_requests.inc()
        logger.debug("Malformed request from %s: %.200r", self.peername, what)

    def _headers_are_late(self) -> None:
        self._timer = None
        if not self.is_idle or self.transport is None:
            return
        self._note_late("headers")
        if self._is_begun:
            body = error_body("request_timeout", "The request took too long.")
            self.transport.write(LATE_REQUEST % (len(body), body))
        self.force_close()

    def _body_is_late(self, request: web.BaseRequest) -> None:
        self._timer = None
        if not request.content.is_eof():
            self._note_late("body")
            request.content.set_exception(BodyTimeoutError())

    def _answer_is_late(self) -> None:
        self._timer = None
        if not self.is_idle and self.transport is not None:
            self._connections.metrics.stalled_answers.inc()
            logger.debug("%s took too long to take an answer", self.peername)
            self.transport.abort()

    def _note_late(self, what: str) -> None:
        self._connections.metrics.slow_requests.inc()
        logger.debug("The %s of a request from %s did not come in time", what, self.peername)

    def _set_timer(self, seconds: float, call: Callable[..., None], *args: object) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, call, *args)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
