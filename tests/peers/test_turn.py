"""A listener who can reach no port of ours hears through a relay. Needs coturn's `turnserver` (skipped without)."""

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
from tests.conftest import Serve, free_udp_port

ONE_WAY = True
TURNSERVER = shutil.which("turnserver")


@asynccontextmanager
async def relay(tmp_path: Path) -> AsyncIterator[str]:
    """A TURN server on loopback; gives its url, with user and password."""
    assert TURNSERVER is not None
    port = free_udp_port()
    server = await asyncio.create_subprocess_exec(
        *(TURNSERVER, "-n", "-L", "127.0.0.1", "-E", "127.0.0.1", "-p", str(port), "--relay-ip", "127.0.0.1"),
        *("-a", "-u", "me:secret", "-r", "local", "--allow-loopback-peers", "--no-tls", "--no-dtls", "--no-cli"),
        *("--pidfile", str(tmp_path / "turn.pid"), "--log-file", str(tmp_path / "turn.log"), "--simple-log"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield f"turn:me:secret@127.0.0.1:{port}?transport=udp"
    finally:
        server.terminate()
        await server.wait()


@pytest.mark.skipif(TURNSERVER is None, reason="coturn is not installed")
async def test_it_is_heard_through_a_relay(serve: Serve, music: Path, tmp_path: Path) -> None:
    async with relay(tmp_path) as url, serve(music, turn=(url,)) as served:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        peer.addTransceiver("audio", direction="recvonly")
        bind_ice(peer, ["127.0.0.1"])
        track: asyncio.Future[MediaStreamTrack] = asyncio.get_running_loop().create_future()
        peer.on("track", track.set_result)
        await peer.setLocalDescription(await peer.createOffer())
        headers = {"Content-Type": "application/sdp"}
        async with served.http.post(
            f"{served.url}/whep/master", data=peer.localDescription.sdp, headers=headers
        ) as response:
            answer = await response.text()
        relayed = "".join(line for line in answer.splitlines(keepends=True) if "typ host" not in line)
        assert "typ relay" in relayed
        await peer.setRemoteDescription(RTCSessionDescription(relayed, "answer"))
        heard = await track
        frames = [await asyncio.wait_for(heard.recv(), 10) for _ in range(50)]
        assert max(np.abs(frame.to_ndarray()).max() for frame in frames if isinstance(frame, av.AudioFrame)) > 300
        await peer.close()
