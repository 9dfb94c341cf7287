"""WHEP for Janus' Streaming plugin, and the music for it: `python -m benchmarks.janus_gateway`.

Both the listeners and the plugin make offers; each gets an answer made of the other's offer. The gateway runs beside a
Janus of `benchmarks.janus` and feeds its mountpoint with 50 Opus packets a second. It prints its url when Janus is
ready.
"""

import asyncio
import os
import secrets
import socket
import struct
from typing import Any

import aiohttp
from aiohttp import web

from benchmarks.janus import API_PORT, MOUNTPOINT, RTP_PORT
from benchmarks.janus_sdp import PAYLOAD_TYPE, answer_for_listener, answer_for_server
from benchmarks.music import chords
from rtc_drift.engine.opus import OpusEncoder
from rtc_drift.media import SAMPLE_RATE

API = f"http://127.0.0.1:{API_PORT}/janus"
BIT_RATE = 128_000
PACKET_SAMPLES = 960
READY_SECONDS = 20.0
Message = dict[str, Any]


class JanusError(Exception):
    """Janus has refused a request."""


class JanusApi:
    """Janus' HTTP API. Each listener has a session of its own, as a page in a browser has."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    async def ready(self) -> None:
        """Wait until Janus answers. Raises TimeoutError after `READY_SECONDS`."""
        async with asyncio.timeout(READY_SECONDS):
            while True:
                try:
                    async with self._http.get(f"{API}/info"):
                        return
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.1)

    async def create(self) -> tuple[str, str]:
        """Create a session, and return its url and that of its Streaming plugin handle. Raises JanusError."""
        session = f"{API}/{(await self._post(API, janus='create'))['data']['id']}"
        attached = await self._post(session, janus="attach", plugin="janus.plugin.streaming")
        return session, f"{session}/{attached['data']['id']}"

    async def ask(self, session: str, handle: str, body: Message, **more: Message) -> Message:
        """Send the plugin a request and return its response. Raises JanusError."""
        transaction = (await self._post(handle, janus="message", body=body, **more))["transaction"]
        while True:
            async with self._http.get(session, params={"maxev": "1"}) as response:
                event: Message = await response.json()
            if event.get("transaction") == transaction:
                if "error" in event or "error" in event["plugindata"]["data"]:
                    raise JanusError(str(event))
                return event

    async def _post(self, url: str, **message: Any) -> Message:
        async with self._http.post(url, json=message | {"transaction": secrets.token_hex(6)}) as response:
            answer: Message = await response.json()
        if answer["janus"] not in ("success", "ack"):
            raise JanusError(str(answer))
        return answer


class Gateway:
    """The only route: `POST /whep/x`."""

    def __init__(self, api: JanusApi) -> None:
        self._api = api

    async def join(self, request: web.Request) -> web.Response:
        """Answer a listener's offer with Janus' transport; 502 if Janus refuses or either offer can't be used."""
        offer = await request.text()
        try:
            session, handle = await self._api.create()
            watched = await self._api.ask(session, handle, {"request": "watch", "id": MOUNTPOINT})
            janus = watched["jsep"]["sdp"]
            jsep = {"type": "answer", "sdp": answer_for_server(janus, offer)}
            await self._api.ask(session, handle, {"request": "start"}, jsep=jsep)
            answer = answer_for_listener(offer, janus)
        except (JanusError, ValueError) as error:
            return web.Response(status=502, text=str(error))
        headers = {"Location": f"/whep/x/{session.rsplit('/', 1)[1]}"}
        return web.Response(status=201, text=answer, content_type="application/sdp", headers=headers)


async def feed() -> None:
    """Send the music as RTP to the mountpoint for ever, each packet when it is due."""
    packets = OpusEncoder(BIT_RATE).encode(chords())
    loop, ssrc = asyncio.get_running_loop(), secrets.randbits(32)
    started, sent = loop.time(), 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        while True:
            await asyncio.sleep(max(0.0, started + sent * PACKET_SAMPLES / SAMPLE_RATE - loop.time()))
            timestamp = sent * PACKET_SAMPLES & 0xFFFFFFFF
            header = struct.pack("!BBHII", 0x80, PAYLOAD_TYPE, sent & 0xFFFF, timestamp, ssrc)
            sock.sendto(header + packets[sent % len(packets)], ("127.0.0.1", RTP_PORT))
            sent += 1


async def serve() -> None:
    """Serve and feed for ever, on a free port."""
    async with aiohttp.ClientSession() as http:
        api = JanusApi(http)
        await api.ready()
        app = web.Application()
        app.router.add_post("/whep/x", Gateway(api).join)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(f"http://127.0.0.1:{runner.addresses[0][1]}/whep/x", flush=True)
        await feed()


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {1})
    asyncio.run(serve())
