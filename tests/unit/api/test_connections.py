"""HTTP connections: bounded in number, and in the time that a client takes."""

import asyncio
import errno
import json
import logging
import resource
import socket
from contextlib import closing
from pathlib import Path

import pytest

from rtc_drift.api.connections import LEAST_CONNECTIONS, Connection, Times, connection_limit
from tests.support.small_server import get, post, small_server
from tests.support.waiting import until


class TestSlowRequests:
    @pytest.mark.parametrize("sent", [b"", b"G", get("/")[:-2], b"POST /echo HTTP/1.1\r\nContent-Length: 5\r\n"])
    async def test_headers_that_do_not_come_end_the_connection(self, sent: bytes, no_leaks: None) -> None:
        async with small_server(Times(headers=0.05)) as server:
            client = await server.connect(sent)
            answer = await client.rest()
            client.writer.close()
            assert answer == b"" or (answer.startswith(b"HTTP/1.1 408 ") and b'"code": "request_timeout"' in answer)
            assert bool(answer) == bool(sent)
            assert server.value("slow_requests_total") == 1
            await until(lambda: server.open() == 0)

    async def test_headers_byte_by_byte_do_not_take_longer(self, no_leaks: None) -> None:
        async with small_server(Times(headers=0.1)) as server:
            slow, quick = await server.connect(b"GET / HTTP/1.1\r\n"), await server.connect()
            while not slow.reader.at_eof() and not slow.writer.is_closing():
                slow.writer.write(b"x")
                assert await quick.ask(get("/")) == 200, "others are not delayed"
                await asyncio.sleep(0.01)
                if server.value("slow_requests_total"):
                    break
            assert (await slow.rest())[:13] in (b"HTTP/1.1 408 ", b"")
            for client in (slow, quick):
                client.writer.close()

    async def test_later_requests_have_to_come_in_time_too(self, no_leaks: None) -> None:
        async with small_server(Times(headers=0.2)) as server:
            client = await server.connect()
            assert await client.ask(get("/")) == 200
            assert (await client.ask(b"GET / HT")) == 408
            assert await client.rest() == b""
            client.writer.close()

    async def test_a_connection_may_be_idle_between_requests(self) -> None:
        async with small_server(Times(headers=0.1, answer=0.02)) as server:
            client = await server.connect()
            for _ in range(3):
                assert await client.ask(get("/")) == 200
                await asyncio.sleep(0.15)
            assert server.value("slow_requests_total") == 0
            client.writer.close()

    async def test_an_idle_connection_is_closed_in_the_end(self, no_leaks: None) -> None:
        async with small_server(Times(idle=0.2)) as server:
            client = await server.connect()
            assert await client.ask(get("/")) == 200
            assert await client.rest() == b""
            client.writer.close()

    async def test_a_body_that_does_not_come_is_answered_with_408(self, no_leaks: None) -> None:
        async with small_server(Times(body=0.05)) as server:
            client = await server.connect(post(10, b"12345"))
            answer = await client.rest()
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b'"code": "body_timeout"' in answer
            assert server.value("slow_requests_total") == 1
            client.writer.close()

    async def test_a_body_in_time_and_one_that_nobody_reads_are_well(self) -> None:
        async with small_server(Times(body=0.3)) as server:
            client = await server.connect()
            for _ in range(2):
                client.writer.write(post(10, b"12345"))
                await asyncio.sleep(0.01)
                assert await client.ask(b"12345") == 200
            await asyncio.sleep(0.35)
            assert server.value("slow_requests_total") == 0
            client.writer.close()

    async def test_endless_answers_are_neither_idle_nor_late(self) -> None:
        async with small_server(Times(headers=0.2, body=0.01, answer=0.01, idle=0.2), limit=1) as server:
            reader = await server.connect(get("/endless"))
            assert b"on and on" in await reader.reader.readuntil(b"on\r\n")
            await asyncio.sleep(0.3)
            refused = await server.connect(get("/"))
            assert (await refused.rest())[:13] in (b"HTTP/1.1 503 ", b"")
            server.released.set()
            assert await reader.reader.readuntil(b"0\r\n\r\n") == b"0\r\n\r\n"
            for client in (reader, refused):
                client.writer.close()


class TestStalledAnswers:
    @pytest.mark.parametrize("path", ["/large", "/static/large"])
    async def test_an_answer_that_is_not_taken_ends_the_connection(
        self, path: str, tmp_path: Path, no_leaks: None
    ) -> None:
        (tmp_path / "large").write_bytes(bytes(20_000_000))
        async with small_server(Times(answer=0.05), files=tmp_path) as server:
            with closing(socket.create_connection(("127.0.0.1", server.acceptor.port))) as sock:
                sock.sendall(get(path))
                await until(lambda: server.value("stalled_answers_total") == 1)
                await until(lambda: server.open() == 0)


class TestNumber:
    def test_listeners_and_files_leave_at_least_half_of_the_descriptors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for soft, sockets, limit in ((1024, 0, 960), (1024, 100, 860), (1024, 2_000, 480), (64, 0, LEAST_CONNECTIONS)):
            monkeypatch.setattr(resource, "getrlimit", lambda _, soft=soft: (soft, soft))
            assert connection_limit(sockets) == limit
        monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert connection_limit(0) > 1_000_000

    async def test_the_longest_idle_connection_makes_room(self, no_leaks: None) -> None:
        async with small_server(limit=3) as server:
            clients = [await server.connect() for _ in range(3)]
            for index in (1, 0, 2):
                assert await clients[index].ask(get("/")) == 200
            another = await server.connect()
            assert await another.ask(get("/")) == 200
            assert await clients[1].rest() == b""
            assert await clients[0].ask(get("/")) == 200
            assert server.value("idle_connections_closed_total") == 1
            for client in (*clients, another):
                client.writer.close()

    async def test_half_open_connections_make_room(self, no_leaks: None) -> None:
        async with small_server(limit=2) as server:
            half = [await server.connect(b"GET / HTTP/1.1\r\n"), await server.connect()]
            await until(lambda: server.open() == 2)
            client = await server.connect()
            assert await client.ask(get("/")) == 200
            assert await half[0].rest() == b""
            for each in (*half, client):
                each.writer.close()

    async def test_without_an_idle_one_new_connections_are_refused(
        self, caplog: pytest.LogCaptureFixture, no_leaks: None
    ) -> None:
        now = 0.0
        async with small_server(limit=2, clock=lambda: now) as server:
            busy = [await server.connect(get("/held")) for _ in range(2)]
            await until(lambda: not server.connections._idle)
            for _ in range(3):
                refused = await server.connect()
                answer = await refused.rest()
                assert answer.startswith(b"HTTP/1.1 503 ")
                assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "connection_limit"
                refused.writer.close()
            lines = [it for it in caplog.records if it.levelno >= logging.WARNING]
            assert len(lines) == 1
            assert lines[0].getMessage().startswith("Connection limit reached (2)")
            now = 61.0
            refused = await server.connect()
            await refused.rest()
            refused.writer.close()
            assert len([it for it in caplog.records if it.levelno >= logging.WARNING]) == 2
            assert server.value("refused_connections_total") == 4
            server.released.set()
            assert [await client.status() for client in busy] == [200, 200]
            late = await server.connect()
            assert await late.ask(get("/")) == 200
            for client in (*busy, late):
                client.writer.close()

    async def test_a_connection_whose_answer_is_being_sent_is_not_idle(self) -> None:
        async with small_server(limit=1) as server:
            slow = await server.connect(get("/large"))
            await slow.reader.readuntil(b"\r\n\r\n")
            assert not server.connections.close_idle()
            assert len(await slow.reader.readexactly(20_000_000)) == 20_000_000
            await until(server.connections.close_idle)
            slow.writer.close()


class ShortOfDescriptors(socket.socket):
    """A listening socket whose `accept` fails while the system has no descriptors."""

    is_short = False
    failures = 0

    def accept(self) -> tuple[socket.socket, object]:
        if self.is_short:
            self.failures += 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


async def test_without_descriptors_new_connections_wait_and_others_go_on(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, no_leaks: None
) -> None:
    monkeypatch.setattr("rtc_drift.api.acceptor.socket.socket", ShortOfDescriptors)
    async with small_server() as server:
        (sock,) = server.acceptor._sockets
        assert isinstance(sock, ShortOfDescriptors)
        busy, idle = await server.connect(get("/held")), await server.connect()
        assert await idle.ask(get("/")) == 200
        await until(lambda: len(server.connections._idle) == 1)
        sock.is_short = True
        waiting = await server.connect(get("/"))
        await until(lambda: sock.failures >= 3)
        assert len([it for it in caplog.records if it.levelno >= logging.WARNING]) == 1
        assert await idle.rest() == b"", "an idle one was closed"
        assert server.value("accept_failures_total") == sock.failures
        server.released.set()
        assert await busy.status() == 200
        sock.is_short = False
        assert await waiting.status() == 200
        for client in (busy, idle, waiting):
            client.writer.close()


MALFORMED = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: x\r\nContent-Length: 4\r\n\r\n",
    b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
    b"GET http://[::1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"".join(b"A%d: b\r\n" % number for number in range(1_000)) + b"\r\n",
    b"\xff\xfe\x00 / HTTP/1.1\r\n\r\n",
)


async def test_malformed_requests_are_one_line_for_debugging_and_400(
    caplog: pytest.LogCaptureFixture, no_leaks: None
) -> None:
    caplog.set_level(logging.DEBUG)
    async with small_server() as server:
        for number, sent in enumerate(MALFORMED, 1):
            caplog.clear()
            for before in (b"", get("/")):  # also as the second request
                client = await server.connect(before)
                if before:
                    assert await client.status() == 200
                client.writer.write(sent)
                answer = await client.rest()
                assert answer.startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 400 ")), (sent, answer)
                assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "bad_request"
                client.writer.close()
            lines = [it for it in caplog.records if it.name != "asyncio"]
            assert [(it.levelno, it.exc_info) for it in lines] == [(logging.DEBUG, None)] * 2, sent
            assert server.value("malformed_requests_total") == 2 * number


UNREADABLE_BODIES = (
    (b"Content-Encoding: gzip\r\nContent-Length: 5", b"hello"),
    (b"Transfer-Encoding: chunked", b"x\r\nhello\r\n0\r\n\r\n"),
    (b"Transfer-Encoding: chunked", b"5\r\nhello!!\r\n0\r\n\r\n"),
)


async def test_bodies_that_cannot_be_read_are_one_line_for_debugging_and_400(
    caplog: pytest.LogCaptureFixture, no_leaks: None
) -> None:
    caplog.set_level(logging.DEBUG)
    async with small_server() as server:
        for headers, body in UNREADABLE_BODIES:
            caplog.clear()
            client = await server.connect(b"POST /echo HTTP/1.1\r\nHost: localhost\r\n" + headers + b"\r\n\r\n" + body)
            assert await client.status() == 400, headers
            await client.rest()
            client.writer.close()
            lines = [it for it in caplog.records if it.name != "asyncio"]
            assert [(it.levelno, it.exc_info) for it in lines] == [(logging.DEBUG, None)], headers


async def test_what_is_expected_is_not_put_into_the_answer(no_leaks: None) -> None:
    async with small_server() as server:
        client = await server.connect()
        assert await client.ask(b"GET / HTTP/1.1\r\nHost: localhost\r\nExpect: \xff\r\n\r\n") == 417
        assert await client.ask(get("/", "Expect: 100-continue")) == 100
        assert await client.status() == 200
        client.writer.close()


async def test_a_request_for_another_protocol_is_answered_as_any_other(no_leaks: None) -> None:
    async with small_server() as server:
        client = await server.connect()
        for headers in (("Connection: Upgrade", "Upgrade: websocket"), ("Connection: Upgrade", "Upgrade: h2c")):
            assert await client.ask(get("/", *headers)) == 200
        assert await client.ask(get("/")) == 200
        client.writer.close()


async def test_an_idle_connection_is_told_from_a_busy_one() -> None:
    """Notices if aiohttp no longer waits for `_waiter` between two requests."""
    async with small_server() as server:
        client = await server.connect()
        await until(lambda: server.open() == 1)
        (connection,) = server.connections._open
        assert isinstance(connection, Connection)
        seen = list[bool]()
        await until(lambda: connection.is_idle)
        client.writer.write(get("/held")[:-1])
        await until(lambda: connection._is_begun)
        seen.append(connection.is_idle)
        client.writer.write(b"\n")
        await until(lambda: not server.connections._idle)
        seen.append(connection.is_idle)
        server.released.set()
        assert await client.status() == 200
        await until(lambda: connection.is_idle)
        assert seen == [True, False]
        client.writer.close()
