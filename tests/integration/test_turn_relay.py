"""A listener that can reach no port of the server receives through a TURN relay. Needs coturn's `turnserver`."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import av
import numpy as np
import pytest
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from rtc_drift.webrtc.aiortc_internals import bind_ice
from tests.support.server import Serve
from tests.support.udp import free_udp_port

SHARED_PORT_ONLY = True
TURNSERVER = shutil.which("turnserver")


@asynccontextmanager
async def relay(tmp_path: Path) -> AsyncIterator[str]:
    """Run a TURN server on loopback; yield its url, with user and password."""
    assert TURNSERVER is not None
    port = free_udp_port()
    process = await asyncio.create_subprocess_exec(
        *(TURNSERVER, "-n", "-L", "127.0.0.1", "-E", "127.0.0.1", "-p", str(port), "--relay-ip", "127.0.0.1"),
        *("-a", "-u", "me:secret", "-r", "local", "--allow-loopback-peers", "--no-tls", "--no-dtls", "--no-cli"),
        *("--pidfile", str(tmp_path / "turn.pid"), "--log-file", str(tmp_path / "turn.log"), "--simple-log"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield f"turn:me:secret@127.0.0.1:{port}?transport=udp"
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.skipif(TURNSERVER is None, reason="coturn is not installed")
async def test_a_listener_receives_through_a_relay(serve: Serve, music: Path, tmp_path: Path) -> None:
    async with relay(tmp_path) as url, serve(music, turn=(url,)) as server:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        peer.addTransceiver("audio", direction="recvonly")
        bind_ice(peer, ["127.0.0.1"])
        track: asyncio.Future[MediaStreamTrack] = asyncio.get_running_loop().create_future()
        peer.on("track", track.set_result)
        await peer.setLocalDescription(await peer.createOffer())
        headers = {"Content-Type": "application/sdp"}
        async with server.http.post(
            f"{server.url}/whep/master", data=peer.localDescription.sdp, headers=headers
        ) as response:
            answer = await response.text()
        relayed = "".join(line for line in answer.splitlines(keepends=True) if "typ host" not in line)
        assert "typ relay" in relayed
        await peer.setRemoteDescription(RTCSessionDescription(relayed, "answer"))
        received = await track
        frames = [await asyncio.wait_for(received.recv(), 10) for _ in range(50)]
        assert max(np.abs(frame.to_ndarray()).max() for frame in frames if isinstance(frame, av.AudioFrame)) > 300
        await peer.close()
