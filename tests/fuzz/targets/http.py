"""HTTP requests, made from the table of routes and changed, to a whole server in this process over loopback."""

import asyncio
import logging
import re
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import AsyncExitStack
from pathlib import Path

from aiohttp import web
from pydantic import BaseModel

from rtc_drift.api.routes import ROUTES
from rtc_drift.api.schemas import CreateOptions, CreateRequest, FollowRequest
from rtc_drift.app import serving
from rtc_drift.config import load
from rtc_drift.station.requests import REQUESTS, LoveRequest
from tests.fuzz.target import Target, require
from tests.fuzz.targets.http_answer import EVENTS, Answer, is_whole_request, read_answer
from tests.fuzz.targets.sdp import OFFER
from tests.fuzz.targets.trickle import HEAD as TRICKLE_HEAD
from tests.support.audio_files import PNG, sine, write_audio
from tests.support.server import copy_catalogue, scan_into_catalogue
from tests.support.udp import free_udp_port

ANSWER_SECONDS = 10.0
"""Time within which a whole request must be answered, however busy the machine is."""
PATIENCE_SECONDS = 0.02
"""Time to wait for the answer to anything else."""
START_SECONDS = 60.0
TRACK_SECONDS = 20.0
PLACE = re.compile(r"\{(\w+)(?::[^{}]*)?\}")
"""A place in a route."""
NAMED, LOCKED = "fuzzed", "locked-one"
UNAVAILABLE = re.compile(
    rb'"code": ?"(session_limit|joining_limit|listener_limit|event_reader_limit|no_candidates|not_ready|no_audio|'
    rb'playlists_busy)"'
)
"""The codes of 503 that are documented and may come here."""
ETAG, LISTENER, TRACK = b"%ETAG%", b"%LISTENER%", b"%TRACK%"
HOST, FOLLOWER, EVENT = b"%HOST%", b"%FOLLOWER%", b"%EVENT%"
"""Stand for values that differ from run to run."""
BODIES: dict[str, str] = {
    **{f"/session/{{session_id}}/{name}": "{}" for name in REQUESTS},
    "/session/{session_id}/next-track": '{"trackId": "%TRACK%", "direction": "brighter", "when": "now"}',
    "/session/{session_id}/seek": '{"positionSeconds": 1.5}',
    "/session/{session_id}/queue": '{"trackId": "%TRACK%", "position": 0}',
    "/session/{session_id}/queue-remove": '{"entryId": 1}',
    "/session/{session_id}/queue-move": '{"entryId": 1, "position": 1}',
    "/session/{session_id}/direction": '{"direction": "brighter"}',
    "/session/{session_id}/love": '{"trackId": "%TRACK%", "value": true}',
    "/api/session/create": '{"sessionName": "new", "options": {"startingTrack": "tone", "seed": 1, "locked": true, '
    '"playlist": "#EXTM3U\\n#EXTINF:1,Tone 1\\n0.flac\\n"}}',
    "/api/session/follow": '{"sessionName": "master", "followerName": "me"}',
}
QUERIES = {
    "/api/session/info": "?sessionId=fuzzed&ssrc=1",
    "/api/explorer": "?sessionId=master",
    "/api/tracks": "?q=tone&limit=5",
    "/api/session/{session_id}/journey": "?format=xspf",
    "/api/session/{session_id}/rtp-clock": "?ssrc=1",
}
MODELS: tuple[type[BaseModel], ...] = (
    CreateRequest,
    CreateOptions,
    FollowRequest,
    LoveRequest,
    *(model for model, _ in REQUESTS.values()),
)
FIELDS = sorted({field.alias or name for model in MODELS for name, field in model.model_fields.items()})
API = (
    "commands",
    "directions",
    "errors",
    "health",
    "library",
    "origin_guard",
    "page",
    "permissions",
    "streams",
    "whep",
)


class _Errors(logging.Handler):
    """Keeps what is logged as an error, or with a traceback."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        if record.levelno >= logging.ERROR or (record.exc_info and record.exc_info[0] is not None):
            self.seen.append(self.format(record))


class Http(Target):
    """The whole of `api`: never a 5xx but the documented 503, never no answer, never a traceback in the log."""

    name = "http"
    watched = (
        "rtc_drift/sessions.py",
        "rtc_drift/signaling.py",
        "station/commands.py",
        *(f"api/{name}.py" for name in API),
    )
    tokens = tuple(
        token.encode()
        for token in (
            *(f'"{field}": ' for field in FIELDS),
            *(
                "GET ",
                "HEAD ",
                "POST ",
                "PATCH ",
                "PUT ",
                "DELETE ",
                "OPTIONS ",
                "TRACE ",
                "CONNECT ",
                " HTTP/1.0",
                "%2e%2e/",
                "%2F",
                "%C0%AF",
            ),
            *(
                "Host: ",
                "Origin: http://evil.example\r\n",
                "Sec-Fetch-Site: cross-site\r\n",
                "Content-Type: application/json; charset=utf-16\r\n",
            ),
            *(
                "Transfer-Encoding: chunked\r\n",
                "Expect: 100-continue\r\n",
                "Content-Encoding: gzip\r\n",
                "Content-Length: 0\r\n",
            ),
            *(
                "Range: bytes=0-0\r\n",
                "If-None-Match: *\r\n",
                "If-Match: *\r\n",
                "If-Modified-Since: x\r\n",
                "Accept: text/html\r\n",
            ),
            *(
                "X-Control-Key: é\r\n",
                "Cookie: rtc-drift-key-locked-one=x\r\n",
                "Last-Event-ID: %EVENT%\r\n",
                "Connection: Upgrade\r\n",
            ),
            *(
                "master",
                NAMED,
                LOCKED,
                "%TRACK%",
                "%LISTENER%",
                "%ETAG%",
                "%FOLLOWER%",
                "/static/",
                "/whep/",
                "/api/",
                "/events/",
            ),
        )
    )
    max_bytes = 12 * 1024
    cpu_seconds = 0.2
    memory_bytes = 24 << 20
    weight = 4

    def open(self) -> None:
        """Start a server with a small library."""
        self._folder = Path(tempfile.mkdtemp(prefix="http"))
        self._errors = _Errors()
        logging.getLogger().addHandler(self._errors)
        self._loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        self._loop.run_until_complete(self._start())

    def close(self) -> None:
        """Stop the server."""
        self._loop.run_until_complete(self._stack.aclose())
        self._loop.close()
        logging.getLogger().removeHandler(self._errors)
        shutil.rmtree(self._folder)

    async def _start(self) -> None:
        music, data = self._folder / "music", self._folder / "data"
        music.mkdir()
        for number in range(3):
            tags = {"title": f"Tone {number}", "artist": "Ünïcode"}
            write_audio(music / f"{number}.flac", sine(TRACK_SECONDS, hertz=200 + 100 * number), tags=tags)
        (music / "cover.png").write_bytes(PNG)
        copy_catalogue(scan_into_catalogue(music), data)
        options = {"music": (music,), "data_dir": data, "port": 0, "udp_port": free_udp_port(), "seed": 1}
        limits = {"analysis": False, "max_sessions": 12, "max_followers": 12, "max_listeners": 20}
        self._service, url = await self._stack.enter_async_context(serving(load(options | limits)))
        self._address = ("127.0.0.1", int(url.rpartition(":")[2]))
        station = self._service.sessions.master.station
        await asyncio.wait_for(station.first_audio.wait(), START_SECONDS)
        self._track = next(iter(self._service.library.playable()))

    def seeds(self) -> Iterable[bytes]:
        """Return a good request to every route, and some with other headers."""
        seen = set[tuple[str, str]]()
        for route in ROUTES:
            if isinstance(route, web.RouteDef) and (route.method, route.path) not in seen:
                seen.add((route.method, route.path))
                for session in ("master", NAMED, "%FOLLOWER%") if "{session_id}" in route.path else ("master",):
                    yield _request_to(route.method, route.path, session)
        yield _request("GET", "/static/app.js") + b""
        yield _request(
            "POST", f"/session/{LOCKED}/pause", "{}", "X-Control-Key: wrong\r\nCookie: rtc-drift-key-locked-one=x\r\n"
        )
        yield _request(
            "POST", "/session/master/pause", "{}", "Origin: http://evil.example\r\nSec-Fetch-Site: cross-site\r\n"
        )
        yield _request("GET", "/session/nobody", "", "Accept: text/html\r\n")
        yield _request("GET", "/events/master", "", "Last-Event-ID: 0-1\r\n")
        yield _request("GET", f"/events/{NAMED}", "", "Last-Event-ID: %EVENT%\r\n")
        yield _request("POST", "/session/master/pause", "", "Transfer-Encoding: chunked\r\n") + b"2\r\n{}\r\n0\r\n\r\n"

    def run(self, data: bytes) -> None:
        """Send a request, and read the answer."""
        self._loop.run_until_complete(self._run(data))

    async def _run(self, data: bytes) -> None:
        await self._prepare()
        sessions = self._service.sessions
        follower = next(it.id for it in sessions.values() if it.following)
        event = sessions[NAMED].station.hub.last_id
        for mark, value in (
            (HOST, f"127.0.0.1:{self._address[1]}"),
            (TRACK, self._track),
            (FOLLOWER, follower),
            (EVENT, event),
        ):
            data = data.replace(mark, value.encode())
        if LISTENER in data or ETAG in data:
            answer = await self._ask(_with_host(_request_to("POST", "/whep/{session_id}", NAMED), self._address[1]))
            location, etag = (answer.header(name) if answer else b"" for name in (b"location", b"etag"))
            data = data.replace(LISTENER, location.rpartition(b"/")[2]).replace(ETAG, etag)
        is_whole = is_whole_request(data)
        answer = await self._ask(data, ANSWER_SECONDS if is_whole else PATIENCE_SECONDS)
        require(answer is not None or not is_whole, "a request is not answered")
        if answer is not None:
            _check(answer)
        for listener in list(self._service.listeners.values()):
            listener.end("the next input comes")
        await asyncio.sleep(0)
        errors, self._errors.seen = self._errors.seen, []
        require(not errors, "the log has an error: " + "\n".join(errors)[-1500:])

    async def _prepare(self) -> None:
        """Make the sessions that inputs name, where an input has ended them; end those that inputs have made."""
        sessions = self._service.sessions
        if len(sessions) > 8:
            for session_id in [it for it in sessions if it not in ("master", NAMED, LOCKED) and it in sessions]:
                if session_id in sessions:
                    await sessions.delete(session_id)
        if NAMED not in sessions:
            await sessions.create(NAMED)
        if LOCKED not in sessions:
            (await sessions.create(LOCKED)).lock_with_new_key()
        if not any(session.following for session in sessions.values()):
            sessions.follow(NAMED, "")

    async def _ask(self, data: bytes, seconds: float = ANSWER_SECONDS) -> Answer | None:
        reader, writer = await asyncio.open_connection(*self._address)
        try:
            writer.write(data)
            async with asyncio.timeout(seconds):
                return await read_answer(reader, data[:5] == b"HEAD ")
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError):
            return None
        finally:
            writer.transport.abort()
            await asyncio.sleep(0)


def _check(answer: Answer) -> None:
    require(answer.status < 500 or answer.status == 503, f"an answer with {answer.status}")
    if answer.status == 503:
        require(bool(answer.header(b"retry-after")), "503 without Retry-After")
        require(not answer.body or UNAVAILABLE.search(answer.body), "an unknown reason for 503")
    require(b"Traceback (most recent" not in answer.body, "a traceback in an answer")
    if answer.header(b"content-type").startswith(EVENTS) and answer.body:
        require(answer.body.startswith((b"id: ", b"data: ")), "no event")
    if answer.status >= 400 and answer.header(b"content-type").startswith(b"application/json") and answer.body:
        require(b'"error":' in answer.body and b'"code":' in answer.body, "an error without a sentence")


def _request(method: str, target: str, body: str = "", more: str = "", kind: str = "application/json") -> bytes:
    data = body.encode()
    length = f"Content-Type: {kind}\r\nContent-Length: {len(data)}\r\n" if body else ""
    return f"{method} {target} HTTP/1.1\r\nHost: %HOST%\r\n{more}{length}\r\n".encode() + data


def _request_to(method: str, path: str, session: str) -> bytes:
    """Return a good request to a route."""
    names = {"session_id": session, "name": "new", "track_id": "%TRACK%", "listener_id": "%LISTENER%"}
    if path.endswith("{listener_id}"):
        names["session_id"] = NAMED  # that of the listener
    target = PLACE.sub(lambda match: names.get(match[1], "new"), path) + QUERIES.get(path, "")
    if path.endswith("{listener_id}") and method == "PATCH":
        line = "a=candidate:1 1 udp 2122260223 127.0.0.1 50000 typ host\r\n"
        kind = "application/trickle-ice-sdpfrag"
        return _request(method, target, TRICKLE_HEAD + line, "If-Match: %ETAG%\r\n", kind)
    if path == "/whep/{session_id}" and method == "POST":
        return _request(method, target, OFFER, kind="application/sdp")
    return _request("GET" if method == "*" else method, target, BODIES.get(path, "") if method == "POST" else "")


def _with_host(data: bytes, port: int) -> bytes:
    return data.replace(HOST, f"127.0.0.1:{port}".encode())
