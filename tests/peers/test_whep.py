"""WHEP as the draft asks: status codes, headers, and what becomes of a listener."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from multidict import CIMultiDictProxy

from rtc_drift.config import IceServer
from rtc_drift.webrtc.aiortc_internals import bind_ice
from rtc_drift.webrtc.aiortc_peer import AiortcPeer
from rtc_drift.webrtc.ice_policy import IcePolicy
from tests.conftest import Serve, Served
from tests.peers.conftest import ONE_PORT, STOCK
from tests.waiting import until

SDP = {"Content-Type": "application/sdp"}
TRICKLE = {"Content-Type": "application/trickle-ice-sdpfrag"}


@asynccontextmanager
async def offering(direction: str = "recvonly", kind: str = "audio") -> AsyncIterator[RTCPeerConnection]:
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTransceiver(kind, direction=direction)
    bind_ice(peer, ["127.0.0.1"])
    await peer.setLocalDescription(await peer.createOffer())
    try:
        yield peer
    finally:
        await peer.close()


async def post(served: Served, offer: str, **headers: str) -> tuple[int, CIMultiDictProxy[str], str]:
    async with served.http.post(f"{served.url}/whep/master", data=offer, headers=SDP | headers) as response:
        return response.status, response.headers, await response.text()


async def request(
    served: Served, method: str, path: str, body: str = "", **headers: str
) -> tuple[int, CIMultiDictProxy[str]]:
    async with served.http.request(method, f"{served.url}{path}", data=body or None, headers=headers) as response:
        return response.status, response.headers


async def test_an_offer_becomes_a_listener_and_delete_ends_it(serve: Serve, music: Path) -> None:
    async with serve(music) as served, offering() as peer:
        status, headers, answer = await post(served, peer.localDescription.sdp)
        assert status == 201
        assert headers["Content-Type"].startswith("application/sdp")
        assert headers["Location"].startswith("/whep/master/")
        assert headers["ETag"].startswith('"')
        assert {"Location", "ETag", "Link", "Accept-Patch"} <= set(
            headers["Access-Control-Expose-Headers"].replace(" ", "").split(",")
        )
        assert "a=sendonly" in answer
        assert "stereo=1" in answer
        candidates = [line for line in answer.splitlines() if line.startswith("a=candidate")]
        assert candidates
        assert all(" 127.0.0.1 " in line for line in candidates), "ICE stays on loopback"
        assert "opus/48000/2" in answer
        assert "PCMU" not in answer
        await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await until(lambda: served.service.sessions.master.listeners == 1)
        location = headers["Location"]
        assert (await request(served, "HEAD", location))[0] == 200
        assert (await request(served, "DELETE", location))[0] == 200
        await until(lambda: not served.service.listeners)
        assert (await request(served, "DELETE", location))[0] == 404
        assert served.service.sessions.master.listeners == 0


async def test_trickled_candidates_need_the_right_etag(serve: Serve, music: Path) -> None:
    async with serve(music) as served, offering() as peer:
        offer = peer.localDescription.sdp
        bare = "\r\n".join(line for line in offer.splitlines() if "candidate" not in line) + "\r\n"
        status, headers, answer = await post(served, bare)
        assert status == 201
        location, etag = headers["Location"], headers["ETag"]
        fragment = "\r\n".join(line for line in offer.splitlines() if line.startswith("a=candidate")) + "\r\n"
        assert (await request(served, "PATCH", location, fragment, **TRICKLE))[0] == 428
        assert (await request(served, "PATCH", location, fragment, **TRICKLE, **{"If-Match": '"no"'}))[0] == 412
        assert (await request(served, "PATCH", location, fragment, **TRICKLE, **{"If-Match": "*"}))[0] == 422
        assert (await request(served, "PATCH", location, fragment, **SDP, **{"If-Match": etag}))[0] == 415
        broken = {"If-Match": etag}
        assert (await request(served, "PATCH", location, "a=candidate:x", **TRICKLE, **broken))[0] == 400
        assert (await request(served, "PATCH", location, fragment, **TRICKLE, **{"If-Match": etag}))[0] == 204
        await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await until(lambda: served.service.sessions.master.listeners == 1)
        await until(lambda: peer.connectionState == "connected")  # aiortc leaves a task behind when closed before


BAD_OFFERS = (
    ("", 400, "bad_offer"),
    ("hello", 400, "bad_offer"),
    ("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", 422, "unsupported_offer"),
    ("v=0\r\nm=audio x\r\n", 400, "bad_offer"),
    ("x" * 70_000, 413, "too_large"),
)


async def test_a_bad_offer_is_refused_in_a_sentence(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        for offer, status, code in BAD_OFFERS:
            async with served.http.post(f"{served.url}/whep/master", data=offer, headers=SDP) as response:
                answer = await response.json()
                assert (response.status, answer["code"]) == (status, code), offer[:100]
                assert answer["error"].endswith(".")
                assert response.headers["Access-Control-Allow-Origin"] == "*"
            assert not served.service.listeners


async def test_offers_that_cannot_carry_our_audio_are_422(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        async with offering("sendonly") as peer:
            assert (await post(served, peer.localDescription.sdp))[0] == 422
        async with offering(kind="video") as peer:
            assert (await post(served, peer.localDescription.sdp))[0] == 422
        async with offering() as peer:
            without_opus = peer.localDescription.sdp.replace("opus", "speex")
            assert (await post(served, without_opus))[0] == 422
        async with offering() as peer:
            async with served.http.post(f"{served.url}/whep/master", json={}) as response:
                assert response.status == 415
            async with served.http.post(f"{served.url}/whep/nobody", data=peer.localDescription.sdp, headers=SDP) as r:
                assert r.status == 404
        assert not served.service.listeners


async def test_beside_our_audio_nothing_is_received(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        async with offering("recvonly") as peer:
            peer.addTransceiver("video", direction="sendrecv")
            peer.addTransceiver("audio", direction="sendrecv")
            await peer.setLocalDescription(await peer.createOffer())
            assert (await post(served, peer.localDescription.sdp))[0] == 422
        assert not served.service.listeners
        async with offering("sendrecv") as peer:
            peer.addTransceiver("video", direction="recvonly")
            bind_ice(peer, ["127.0.0.1"])
            await peer.setLocalDescription(await peer.createOffer())
            status, _, answer = await post(served, peer.localDescription.sdp)
            assert status == 201
            said = [line for line in answer.splitlines() if line in ("a=sendonly", "a=recvonly", "a=inactive")]
            assert said == ["a=sendonly", "a=inactive"]
            await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
            await until(lambda: served.service.sessions.master.listeners == 1)
            await until(lambda: peer.connectionState == "connected")  # aiortc leaves a task behind when closed before


async def test_a_data_channel_is_rejected(serve: Serve, music: Path) -> None:
    async with serve(music) as served, offering() as peer:
        peer.createDataChannel("chat")
        bind_ice(peer, ["127.0.0.1"])
        await peer.setLocalDescription(await peer.createOffer())
        status, _, answer = await post(served, peer.localDescription.sdp)
        assert status == 201
        assert [line.split()[:2] for line in answer.splitlines() if line.startswith("m=")][1] == ["m=application", "0"]
        (listener,) = served.service.listeners.values()
        assert not isinstance(listener.peer, AiortcPeer) or listener.peer._peer.sctp is None


async def test_an_answer_without_candidates_is_503(serve: Serve, music: Path) -> None:
    async with serve(music) as served, offering() as peer:
        served.service.listeners.policy = IcePolicy(("192.0.2.1",))
        if served.service.shared_port is not None:
            served.service.shared_port._ports._present.clear()
        async with served.http.post(
            f"{served.url}/whep/master", data=peer.localDescription.sdp, headers=SDP
        ) as response:
            assert (response.status, (await response.json())["code"]) == (503, "no_candidates")
            assert "Retry-After" in response.headers
        assert not served.service.listeners


@STOCK
async def test_nobody_joins_when_ice_cannot_be_kept_to_its_addresses(
    serve: Serve, music: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve(music) as served, offering() as peer:
        monkeypatch.delattr("aioice.Connection.get_component_candidates")
        for _ in range(2):
            async with served.http.post(
                f"{served.url}/whep/master", data=peer.localDescription.sdp, headers=SDP
            ) as response:
                assert (response.status, (await response.json())["code"]) == (503, "ice_unavailable")
        assert not served.service.listeners
    assert len([record for record in caplog.records if "aiortc has changed" in record.message]) == 1


@STOCK
async def test_a_fault_of_ours_is_not_blamed_on_the_offer(serve: Serve, music: Path) -> None:
    async with serve(music) as served, offering() as peer:
        served.service.listeners.policy = IcePolicy(("127.0.0.1",), (IceServer(url="stun:[2001:db8::1]"),))
        assert (await post(served, peer.localDescription.sdp))[0] == 500
        assert not served.service.listeners


@ONE_PORT
async def test_options_say_what_may_be_posted(serve: Serve, music: Path) -> None:
    async with serve(music) as served:
        status, headers = await request(served, "OPTIONS", "/whep/master")
        assert status == 204
        assert headers["Accept-Post"] == "application/sdp"
        assert headers["Access-Control-Allow-Origin"] == "*"


async def test_ice_servers_are_offered_as_links(serve: Serve, music: Path) -> None:
    turn = "turn:me:secret@127.0.0.1:1"
    async with serve(music) as served, offering() as peer:
        # The policy is replaced, so that no request goes to a relay that isn't there.
        class Announced(IcePolicy):
            def configuration(self) -> RTCConfiguration:
                return RTCConfiguration(iceServers=[])

        served.service.listeners.policy = Announced(("127.0.0.1",), (IceServer.parse(turn, "turn"),))
        _, headers, _ = await post(served, peer.localDescription.sdp)
        assert headers["Link"] == (
            '<turn:127.0.0.1:1>; rel="ice-server"; username="me"; credential="secret"; credential-type="password"'
        )


async def test_a_listener_that_never_connects_is_closed(
    serve: Serve, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtc_drift.signaling.CONNECT_SECONDS", 0.3)
    async with serve(music) as served:
        async with offering() as peer:
            status, _, _ = await post(served, peer.localDescription.sdp)
            assert status == 201
        await until(lambda: not served.service.listeners)
        assert served.service.sessions.master.station.packets.readers == 0


async def test_mdns_candidates_are_not_looked_up(serve: Serve, music: Path) -> None:
    async with serve(music) as served, offering() as peer:
        offer = peer.localDescription.sdp.replace(" 127.0.0.1 ", " 5e3b0a0a-0000-4000-8000-000000000000.local ")
        status, _, answer = await post(served, offer)
        assert status == 201
        await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await until(lambda: served.service.sessions.master.listeners == 1)
        await until(lambda: peer.connectionState == "connected")  # aiortc leaves a task behind when closed before


async def test_many_join_at_once(serve: Serve, music: Path) -> None:
    async with serve(music) as served:

        async def visit() -> None:
            async with served.listener() as listener:
                await listener.read(9_600)

        await asyncio.gather(*(visit() for _ in range(12)))
        await until(lambda: not served.service.listeners)
