"""The HTTP API on a fake library and a fake engine, on real sockets of loopback: nothing plays, everything answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
from aiohttp import web

from rtc_drift.api.context import Context
from rtc_drift.api.forwarded import TrustedProxies
from rtc_drift.api.known_hosts import KnownHosts
from rtc_drift.api.link_limit import LinkLimit
from rtc_drift.api.loop_meter import LoopMeter
from rtc_drift.api.routes import make_app
from rtc_drift.app import frontend_folder
from rtc_drift.config import Settings
from rtc_drift.library.covers import Covers
from rtc_drift.metrics import Metrics
from rtc_drift.selection.map_keeper import MapKeeper
from rtc_drift.sessions import Sessions
from rtc_drift.signaling import Listeners
from rtc_drift.station.encoded_stream import EncodedStreams
from rtc_drift.station.planning import Planning
from rtc_drift.station.sources import FixedSpace
from rtc_drift.webrtc.ice_policy import ice_policy
from rtc_drift.workers.threads import Threads
from tests.support.fakes import FakeLibrary
from tests.support.music import make_tracks
from tests.support.session_registry import make_sessions, run_due_tasks


@dataclass(frozen=True)
class Api:
    """A served API, the sessions behind it, and an HTTP client without cookies."""

    url: str
    http: aiohttp.ClientSession
    context: Context
    sessions: Sessions

    async def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        """Return status and JSON of a GET request; a page counts as "page", and a redirect as its place."""
        return await self.request("GET", path, headers)

    async def request(
        self, method: str, path: str, headers: dict[str, str] | None = None, **more: Any
    ) -> tuple[int, Any]:
        """Return status and answer of any request, as `get` does."""
        url, headers = f"{self.url}{path}", headers or {}
        async with self.http.request(method, url, headers=headers, allow_redirects=False, **more) as response:
            if response.status == 303:
                return 303, response.headers["Location"]
            is_page = response.content_type == "text/html"
            answer = "page" if is_page else await response.json() if await response.read() else None
            return response.status, answer

    async def raw(self, *lines: str) -> bytes:
        """Return the whole answer to a request with these lines; surrogates stand for single bytes."""
        host, port = self.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write("\r\n".join((*lines, "Connection: close", "", "")).encode(errors="surrogateescape"))
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer


@asynccontextmanager
async def api_on_fakes(
    *,
    link_limit: LinkLimit | None = None,
    allow: tuple[str, ...] = (),
    proxies: tuple[str, ...] = (),
    spaces: FixedSpace | None = None,
) -> AsyncIterator[Api]:
    """Serve the API with a library of 300 tracks; every station has begun."""
    library, spaces = FakeLibrary(*make_tracks(300)), spaces or FixedSpace()
    sessions = make_sessions(library=library)
    metrics = Metrics()
    engines = SimpleNamespace(restarts=0, decoder_restarts=0, tick_ages_seconds=[None], is_ticking=lambda number: True)
    encoding = Threads("encoding", 1)
    context = Context(
        library=cast(Any, library),
        covers=Covers(),
        spaces=cast(Any, spaces),
        map_keeper=MapKeeper(spaces, Threads("exploring", 1)),
        sessions=sessions,
        listeners=Listeners(ice_policy(Settings()), metrics, 10, None),
        metrics=metrics,
        engines=cast(Any, engines),
        shared_port=None,
        session_store=cast(Any, SimpleNamespace(failures=0)),
        lead_cache=cast(Any, SimpleNamespace(failures=0)),
        planning=Planning(library),
        loop_meter=LoopMeter(),
        frontend=frontend_folder(),
        max_event_readers=10,
        hosts=KnownHosts(allow),
        encoded_streams=EncodedStreams(encoding),
        burst_seconds=2,
        proxies=TrustedProxies(proxies),
        link_limit=LinkLimit() if link_limit is None else link_limit,
    )
    sessions.start()
    await run_due_tasks()
    runner = web.AppRunner(make_app(context), access_log=None, shutdown_timeout=1, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            yield Api(url, http, context, sessions)
    finally:
        await runner.cleanup()
        context.playlists.close()
        await sessions.close()
        encoding.close()
