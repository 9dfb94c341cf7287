"""A small HTTP server behind the same connections as the real one, and clients that send bytes as they like."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from rtc_drift.api.acceptor import Acceptor, bind
from rtc_drift.api.connections import Connections, Times
from rtc_drift.api.errors import error_middleware
from rtc_drift.metrics import Metrics

PATIENT = Times(headers=60, body=60, answer=60, idle=60)


@dataclass
class SmallServer:
    """A small server behind the same connections as the real one."""

    metrics: Metrics
    connections: Connections
    acceptor: Acceptor
    released: asyncio.Event = field(default_factory=asyncio.Event)
    """Lets the answers to `/held` go."""

    async def connect(self, *sent: bytes) -> "Client":
        """Open a connection and send something."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.acceptor.port, limit=1 << 24)
        for data in sent:
            writer.write(data)
        return Client(reader, writer)

    def value(self, name: str) -> float:
        """Return a metric."""
        lines = self.metrics.text().decode().splitlines()
        return next(float(line.split()[1]) for line in lines if line.split()[0] == f"rtc_drift_{name}")

    def open(self) -> float:
        """Return the number of open connections."""
        return self.value("http_connections")


@dataclass
class Client:
    """A connection to it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, request: bytes) -> int:
        """Send a request; return the status. The connection stays."""
        self.writer.write(request)
        return await self.status()

    async def status(self) -> int:
        """Return the status of the next answer."""
        async with asyncio.timeout(10):
            head = await self.reader.readuntil(b"\r\n\r\n")
        length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        if length:
            await self.reader.readexactly(int(length[0].split(b":")[1]))
        return int(head.split()[1])

    async def rest(self) -> bytes:
        """Return what comes until the server closes the connection."""
        try:
            async with asyncio.timeout(10):
                return await self.reader.read()
        except ConnectionError:
            return b""


def get(path: str, *headers: str) -> bytes:
    """Return a GET request."""
    return "\r\n".join((f"GET {path} HTTP/1.1", "Host: localhost", *headers, "", "")).encode()


def post(length: int, body: bytes = b"") -> bytes:
    """Return a POST request, with as much of its body as given."""
    return b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (length, body)


@asynccontextmanager
async def small_server(
    times: Times = PATIENT, limit: int = 100, *, files: Path | None = None, **options: object
) -> AsyncIterator[SmallServer]:
    """Serve a few routes, and a folder of files if there is one."""

    async def here(_: web.Request) -> web.Response:
        return web.Response(text="here")

    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    async def large(_: web.Request) -> web.Response:
        return web.Response(body=bytes(20_000_000))

    async def held(request: web.Request) -> web.Response:
        await server.released.wait()
        return web.Response(text="held")

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"on and on")
        await server.released.wait()
        return response

    app = web.Application(middlewares=[error_middleware])
    app.router.add_get("/", here)
    app.router.add_post("/echo", echo)
    for handler in (large, held, endless):
        app.router.add_get(f"/{handler.__name__}", handler)
    if files is not None:
        app.router.add_static("/static", files)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    assert runner.server is not None
    metrics = Metrics()
    connections = Connections(runner.server, metrics, limit, times)
    acceptor = Acceptor(connections, retry_seconds=0.01, **options)  # type: ignore[arg-type]
    server = SmallServer(metrics, connections, acceptor)
    try:
        acceptor.start(await bind("127.0.0.1", 0))
        yield server
    finally:
        await acceptor.close()
        await runner.cleanup()
