"""Listeners that can reach no port of the server receive through a TURN relay. Needs coturn's `turnserver`."""

import asyncio
import re
import ssl
from pathlib import Path

import av
import numpy as np
import pytest
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCSessionDescription,
)

from tests.support.server import RunningServer, Serve
from tests.support.turn_relay import TURNSERVER, make_certificate, relay

SHARED_PORT_ONLY = True
LINK = re.compile(r'<(.+)>; rel="ice-server"; username="(.+)"; credential="(.+)"; credential-type="password"')


async def ice_server(server: RunningServer) -> RTCIceServer:
    """Return the server's only ICE server, as players read it before they make an offer."""
    async with server.http.options(f"{server.url}/whep/master") as response:
        match = LINK.fullmatch(response.headers["Link"])
        assert match
        return RTCIceServer(match[1], match[2], match[3])


@pytest.mark.skipif(TURNSERVER is None, reason="coturn is not installed")
@pytest.mark.parametrize("kind", ["udp", "tcp", "tls"])
async def test_a_listener_receives_through_a_relay(
    kind: str, serve: Serve, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The listener speaks to nothing but the relay, and the server is reached at its own relay: without UDP, if so."""
    make_certificate(tmp_path / "turn.pem")
    monkeypatch.setenv(ssl.get_default_verify_paths().openssl_cafile_env, str(tmp_path / "turn.pem"))
    async with relay(tmp_path, kind) as url, serve(music, turn=(url,)) as server:
        configuration = RTCConfiguration([await ice_server(server)], RTCIceTransportPolicy.RELAY)
        peer = RTCPeerConnection(configuration)
        peer.addTransceiver("audio", direction="recvonly")
        track: asyncio.Future[MediaStreamTrack] = asyncio.get_running_loop().create_future()
        peer.on("track", track.set_result)
        await peer.setLocalDescription(await peer.createOffer())
        offer = peer.localDescription.sdp
        assert "typ relay" in offer
        assert "typ host" not in offer
        headers = {"Content-Type": "application/sdp"}
        async with server.http.post(f"{server.url}/whep/master", data=offer, headers=headers) as response:
            answer = await response.text()
        relayed = "".join(line for line in answer.splitlines(keepends=True) if "typ host" not in line)
        assert "typ relay" in relayed
        await peer.setRemoteDescription(RTCSessionDescription(relayed, "answer"))
        received = await track
        frames = [await asyncio.wait_for(received.recv(), 10) for _ in range(50)]
        assert max(np.abs(frame.to_ndarray()).max() for frame in frames if isinstance(frame, av.AudioFrame)) > 300
        await peer.close()
