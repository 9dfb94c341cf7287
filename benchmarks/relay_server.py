"""A WHEP server of aiortc's own parts, for comparison: `python -m benchmarks.relay_server`.

One track goes through `MediaRelay`, with an encoder for each listener. WHEP is at `/whep/x`, on loopback only. The
server prints its url.
"""

import asyncio
import fractions
import time

import numpy as np
from aiohttp import web
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay
from av import AudioFrame

from benchmarks.music import chords
from rtc_drift.media import SAMPLE_RATE
from rtc_drift.webrtc.aiortc_internals import bind_ice

BLOCK = 960


class Music(MediaStreamTrack):
    """Five seconds of chords in noise, in a loop: frames of 20 ms of s16 stereo, each when it is due."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._samples = (chords() * 32767).astype(np.int16)
        self._started = time.monotonic()
        self._sent = 0

    async def recv(self) -> AudioFrame:
        """Return the next frame when it is due."""
        await asyncio.sleep(max(0.0, self._started + self._sent / SAMPLE_RATE - time.monotonic()))
        at = self._sent % len(self._samples)
        frame = AudioFrame.from_ndarray(self._samples[at : at + BLOCK].reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, self._sent, fractions.Fraction(1, SAMPLE_RATE)
        self._sent += BLOCK
        return frame


class RelayServer:
    """The only route: `POST /whep/x`."""

    def __init__(self) -> None:
        self._relay = MediaRelay()
        self._music = Music()
        self._peers = set[RTCPeerConnection]()

    async def join(self, request: web.Request) -> web.Response:
        """Answer a listener's offer with a peer connection of its own."""
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._peers.add(peer)

        async def state_changed() -> None:
            if peer.connectionState in ("failed", "closed"):
                self._peers.discard(peer)
                await peer.close()

        peer.on("connectionstatechange", state_changed)
        audio = peer.addTransceiver("audio", direction="sendonly")
        await peer.setRemoteDescription(RTCSessionDescription(await request.text(), "offer"))
        audio.sender.replaceTrack(self._relay.subscribe(self._music))
        bind_ice(peer, ("127.0.0.1",))  # aioice ignores loopback by default
        await peer.setLocalDescription(await peer.createAnswer())
        headers = {"Location": "/whep/x/1"}
        return web.Response(status=201, text=peer.localDescription.sdp, content_type="application/sdp", headers=headers)


async def serve() -> None:
    """Serve for ever, on a free port."""
    app = web.Application()
    app.router.add_post("/whep/x", RelayServer().join)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/whep/x", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
