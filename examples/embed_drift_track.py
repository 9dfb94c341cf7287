"""Play a session's programme on a peer connection of your own.

This is a model for your own aiortc program. It takes a browser's offer as JSON at `/offer`, as aiortc's examples do,
and adds the master's `DriftTrack` to its peer connection. rtc-drift's own HTTP server is not used.

    .venv/bin/python examples/embed_drift_track.py ~/Music      # then POST {"sdp": …, "type": "offer"} to :8081/offer
"""

import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from aiohttp import web
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from rtc_drift.app import Service
from rtc_drift.config import Settings

SERVICE = web.AppKey("service", Service)
PEERS: web.AppKey[Any] = web.AppKey("peers", list)


async def service(app: web.Application) -> AsyncIterator[None]:
    """Keep the music running for as long as the application does."""
    settings = Settings(music=tuple(Path(folder) for folder in sys.argv[1:]), data_dir=Path(tempfile.mkdtemp()))
    async with Service(settings) as app[SERVICE]:
        yield
        for peer in list(app[PEERS]):
            await peer.close()


async def offer(request: web.Request) -> web.Response:
    """Answer an offer with a connection that plays the programme. Add your own tracks here."""
    offered = await request.json()
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    request.app[PEERS].append(peer)

    @peer.on("connectionstatechange")
    async def state_changed() -> None:
        if peer.connectionState in ("failed", "closed"):
            request.app[PEERS].remove(peer)
            await peer.close()

    # Each connection needs a track of its own: aiortc stops it when the connection closes.
    peer.addTrack(request.app[SERVICE].sessions.master.track())
    await peer.setRemoteDescription(RTCSessionDescription(offered["sdp"], offered["type"]))
    await peer.setLocalDescription(await peer.createAnswer())
    return web.json_response({"sdp": peer.localDescription.sdp, "type": peer.localDescription.type})


def main() -> None:
    """Serve on http://127.0.0.1:8081."""
    app = web.Application()
    app[PEERS] = []
    app.cleanup_ctx.append(service)
    app.router.add_post("/offer", offer)
    web.run_app(app, host="127.0.0.1", port=8081)


if __name__ == "__main__":
    main()
