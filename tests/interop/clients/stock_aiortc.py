"""aiortc as it comes, without anything of this project but the choice of loopback."""

import asyncio
import base64
import json
import re
import sys
from urllib.parse import urljoin

import aiohttp
from aioice import ice
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

SECONDS = 5


async def run(url: str) -> dict[str, object]:
    """Join, listen and leave; return what was heard."""
    ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]  # it skips loopback
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    track: asyncio.Future[MediaStreamTrack] = asyncio.get_running_loop().create_future()
    peer.on("track", track.set_result)
    peer.addTransceiver("audio", direction="recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    offer, statuses, pcm = peer.localDescription.sdp, list[tuple[str, int]](), list[bytes]()
    bare = re.sub(r"^a=(candidate:.*|end-of-candidates)\r\n", "", offer, flags=re.MULTILINE)
    async with aiohttp.ClientSession() as http:

        async def request(method: str, where: str, kind: str = "", body: str = "") -> tuple[str, str]:
            headers = {"Content-Type": kind} if kind else {}
            async with http.request(method, where, data=body or None, headers=headers) as response:
                statuses.append((method, response.status))
                return await response.text(), response.headers.get("Location", "")

        answer, location = await request("POST", url, "application/sdp", bare)
        resource = urljoin(url, location)
        await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        for line in re.findall(r"^a=(?:candidate:.*|end-of-candidates)$", offer.replace("\r", ""), flags=re.MULTILINE):
            fragment = f"m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n{line}\r\n"
            await request("PATCH", resource, "application/trickle-ice-sdpfrag", fragment)
        audio = await asyncio.wait_for(track, 15)
        await asyncio.wait_for(audio.recv(), 15)
        reading = asyncio.create_task(read(audio, pcm))
        before = await received(peer)
        await asyncio.sleep(SECONDS)
        after = await received(peer)
        await request("DELETE", resource)
        await peer.close()
        await reading
    sound = base64.b64encode(b"".join(pcm[-50:])).decode()
    return {"received": after[0] - before[0], "lost": after[1], "pcm": sound, "statuses": statuses}


async def read(audio: MediaStreamTrack, pcm: list[bytes]) -> None:
    """Keep the sound of a track until it ends."""
    try:
        while True:
            pcm.append((await audio.recv()).to_ndarray().tobytes())  # type: ignore[union-attr]
    except MediaStreamError:
        return


async def received(peer: RTCPeerConnection) -> tuple[int, int]:
    """Return the number of packets received and lost."""
    inbound = next(it for it in (await peer.getStats()).values() if it.type == "inbound-rtp")
    return inbound.packetsReceived, inbound.packetsLost


print(json.dumps(asyncio.run(run(sys.argv[1]))))
