"""The rules of MediaMTX as a WHEP reader (its `internal/protocols/whip/client.go`), stricter than the draft."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urljoin

import aiohttp
import pytest
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from rtc_drift.config import IceServer
from rtc_drift.webrtc.aiortc_internals import bind_ice
from rtc_drift.webrtc.ice_policy import IcePolicy
from tests.support.server import Serve
from tests.support.waiting import until

TRACK_SECONDS = 2.0
"""Time that MediaMTX gives the first packet after the connection is there."""
LINK = re.compile(
    r'<[^>]+>; rel="ice-server"(; username="(\\.|[^"\\])+"; credential="(\\.|[^"\\])*"; credential-type="password")?'
)


async def ice_servers(http: aiohttp.ClientSession, url: str) -> list[str]:
    """Return the ICE servers, which it reads of OPTIONS only."""
    async with http.options(url) as response:
        assert response.status in (200, 204)
        assert "PATCH" in response.headers["Access-Control-Allow-Methods"]
        links = response.headers.getall("Link", [])
        assert all(LINK.fullmatch(link) for link in links)
        return links


async def post_offer(http: aiohttp.ClientSession, url: str, offer: str) -> tuple[str, str, str]:
    """Return the resource, the ETag and the answer."""
    async with http.post(url, data=offer, headers={"Content-Type": "application/sdp"}) as response:
        assert response.status == 201
        assert response.headers["Accept-Patch"] == "application/trickle-ice-sdpfrag", "else it never trickles"
        assert response.headers["ETag"]
        return urljoin(url, response.headers["Location"]), response.headers["ETag"], await response.text()


def fragments(offer: str) -> Iterator[str]:
    """Yield a fragment for each candidate, with the prefix twice as MediaMTX writes it, and one over TCP."""
    _, *sections = re.split(r"^(?=m=)", offer, flags=re.MULTILINE)
    credentials = "".join(re.findall(r"^a=ice-(?:ufrag|pwd):.*\r\n", sections[0], flags=re.MULTILINE))
    for number, section in enumerate(sections):
        media = f"{section.splitlines()[0]}\r\na=mid:{number}\r\n"
        found = re.findall(r"^a=candidate:(.*)\r\n", section, flags=re.MULTILINE)
        for candidate in (*found, "9 1 tcp 1671430143 127.0.0.1 9 typ host tcptype active"):
            yield f"{credentials}{media}a=candidate:candidate:{candidate}\r\n"


@asynccontextmanager
async def reader(*kinds: str) -> AsyncIterator[tuple[RTCPeerConnection, str, asyncio.Future[MediaStreamTrack]]]:
    """Open a peer connection; yield it, its offer without candidates, and its audio track to come."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    audio: asyncio.Future[MediaStreamTrack] = asyncio.get_running_loop().create_future()
    peer.on("track", lambda track: audio.set_result(track) if track.kind == "audio" else None)
    for kind in kinds:
        peer.addTransceiver(kind, direction="recvonly")
    bind_ice(peer, ["127.0.0.1"])
    await peer.setLocalDescription(await peer.createOffer())
    bare = re.sub(r"^a=(candidate:.*|end-of-candidates)\r\n", "", peer.localDescription.sdp, flags=re.MULTILINE)
    try:
        yield peer, bare, audio
    finally:
        await peer.close()


def tracks(answer: str) -> list[str]:
    return re.findall(r"^m=(\w+) ", answer, flags=re.MULTILINE)


async def test_mediamtx_can_read(serve: Serve, music: Path) -> None:
    async with serve(music) as server, reader("video", "audio") as (peer, offer, audio):
        url = f"{server.url}/whep/master"
        assert await ice_servers(server.http, url) == []
        resource, etag, answer = await post_offer(server.http, url, offer)
        assert tracks(answer) == ["video", "audio"], "nothing but one audio and one video line"
        await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        for fragment in fragments(peer.localDescription.sdp):
            headers = {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": etag}
            async with server.http.patch(resource, data=fragment, headers=headers) as response:
                assert response.status == 204
        await until(lambda: peer.connectionState == "connected")
        await asyncio.wait_for((await audio).recv(), TRACK_SECONDS)
        async with server.http.delete(resource) as response:
            assert response.status == 200
        await until(lambda: not server.service.listeners)


async def test_an_application_line_is_refused_and_the_rest_is_heard(serve: Serve, music: Path) -> None:
    application = (
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\na=sctp-port:5000\r\n"
    )
    async with serve(music) as server, reader("audio") as (peer, offer, audio):
        url = f"{server.url}/whep/master"
        transport = "".join(re.findall(r"^a=(?:ice-|fingerprint|setup).*\r\n", offer, flags=re.MULTILINE))
        resource, _, answer = await post_offer(server.http, url, offer + application + transport)
        assert tracks(answer) == ["audio", "application"]
        heard, refused = re.split(r"^(?=m=)", answer, flags=re.MULTILINE)[1:]
        assert heard.startswith("m=audio ")
        assert refused.startswith("m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n")
        assert "a=mid:2\r\n" in refused
        await peer.setRemoteDescription(RTCSessionDescription(answer.removesuffix(refused), "answer"))
        await until(lambda: peer.connectionState == "connected")
        await asyncio.wait_for((await audio).recv(), TRACK_SECONDS)
        await peer.close()
        await until(lambda: not server.service.listeners)
        for status in (200, 404):
            async with server.http.delete(resource) as response:
                assert response.status == status, "players may close first, and leave then"


@pytest.mark.parametrize("udp_port", ["shared port"], indirect=True)
async def test_mediamtx_reads_ice_servers_of_options(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        turn = IceServer(url="turn:127.0.0.1:1?transport=tcp", username="me", credential='"\\')
        server.service.listeners.policy = IcePolicy(("127.0.0.1",), (IceServer(url="stun:127.0.0.1:2"), turn))
        assert len(await ice_servers(server.http, f"{server.url}/whep/master")) == 2
