"""WHEP as in the draft: status codes, headers, and the life of a listener."""

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
from tests.support.deliveries import SHARED_PORT, STOCK_AIORTC
from tests.support.server import RunningServer, Serve
from tests.support.waiting import until

SDP = {"Content-Type": "application/sdp"}
TRICKLE = {"Content-Type": "application/trickle-ice-sdpfrag"}


@asynccontextmanager
async def offering(direction: str = "recvonly", kind: str = "audio") -> AsyncIterator[RTCPeerConnection]:
    """Open a peer connection with an offer of its own."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTransceiver(kind, direction=direction)
    bind_ice(peer, ["127.0.0.1"])
    await peer.setLocalDescription(await peer.createOffer())
    try:
        yield peer
    finally:
        await peer.close()


async def post(server: RunningServer, offer: str, **headers: str) -> tuple[int, CIMultiDictProxy[str], str]:
    """Post an offer to the master; return status, headers and answer."""
    async with server.http.post(f"{server.url}/whep/master", data=offer, headers=SDP | headers) as response:
        return response.status, response.headers, await response.text()


async def request(
    server: RunningServer, method: str, path: str, body: str = "", **headers: str
) -> tuple[int, CIMultiDictProxy[str]]:
    async with server.http.request(method, f"{server.url}{path}", data=body or None, headers=headers) as response:
        return response.status, response.headers


async def test_an_offer_adds_a_listener_and_delete_removes_it(serve: Serve, music: Path) -> None:
    async with serve(music) as server, offering() as peer:
        status, headers, answer = await post(server, peer.localDescription.sdp)
        assert status == 201
        assert headers["Content-Type"].startswith("application/sdp")
        assert headers["Location"].startswith("/whep/master/")
        assert headers["ETag"].startswith('"')
        assert {"Location", "ETag", "Link", "Accept-Patch"} <= set(
            headers["Access-Control-Expose-Headers"].replace(" ", "").split(",")
        )
        assert "a=sendonly" in answer
        assert "a=setup:passive" in answer, "aiortc as a DTLS client knows no RSA certificates"
        assert "stereo=1" in answer
        candidates = [line for line in answer.splitlines() if line.startswith("a=candidate")]
        assert candidates
        assert all(" 127.0.0.1 " in line for line in candidates), "ICE stays on loopback"
        assert "opus/48000/2" in answer
        assert "PCMU" not in answer
        await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await until(lambda: server.service.sessions.master.listeners == 1)
        location = headers["Location"]
        assert (await request(server, "DELETE", location))[0] == 200
        await until(lambda: not server.service.listeners)
        assert (await request(server, "DELETE", location))[0] == 404
        assert server.service.sessions.master.listeners == 0


async def test_trickled_candidates_are_taken_unless_they_are_of_something_else(serve: Serve, music: Path) -> None:
    async with serve(music) as server, offering() as peer:
        offer = peer.localDescription.sdp
        bare = "\r\n".join(line for line in offer.splitlines() if "candidate" not in line) + "\r\n"
        status, headers, answer = await post(server, bare)
        assert status == 201
        location, etag = headers["Location"], headers["ETag"]
        fragment = "\r\n".join(line for line in offer.splitlines() if line.startswith("a=candidate")) + "\r\n"
        assert (await request(server, "PATCH", location, fragment, **TRICKLE, **{"If-Match": '"no"'}))[0] == 412
        assert (await request(server, "PATCH", location, fragment, **TRICKLE, **{"If-Match": "*"}))[0] == 422
        assert (await request(server, "PATCH", location, fragment, **SDP, **{"If-Match": etag}))[0] == 415
        assert (await request(server, "PATCH", location, "a=candidate:x", **TRICKLE))[0] == 400
        restart = f"a=ice-ufrag:other\r\na=ice-pwd:0123456789012345678901\r\n{fragment}"
        assert (await request(server, "PATCH", location, restart, **TRICKLE))[0] == 422
        own = "".join(f"{line}\r\n" for line in offer.splitlines() if line.startswith(("a=ice-ufrag", "a=ice-pwd")))
        every = TRICKLE | {"If-Match": "*"}
        assert (await request(server, "PATCH", location, own + fragment, **every))[0] == 204, "MediaMTX's page"
        assert (await request(server, "PATCH", location, restart, **every))[0] == 422
        for more in ({}, {"If-Match": etag}, {"If-Match": f"W/{etag}"}, {"If-Match": f'"no", {etag}'}):
            assert (await request(server, "PATCH", location, fragment, **TRICKLE, **more))[0] == 204
        many = "".join(f"a=candidate:1 1 udp 1 127.0.0.1 {port} typ host\r\n" for port in range(1, 30))
        assert (await request(server, "PATCH", location, f"{many}a=end-of-candidates\r\n", **TRICKLE))[0] == 204
        await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await until(lambda: server.service.sessions.master.listeners == 1)
        await until(lambda: peer.connectionState == "connected")  # aiortc leaves a task behind when closed before


BAD_OFFERS = (
    ("", 400, "bad_offer"),
    ("hello", 400, "bad_offer"),
    ("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", 422, "unsupported_offer"),
    ("v=0\r\nm=audio x\r\n", 400, "bad_offer"),
    ("x" * 70_000, 413, "too_large"),
)


async def test_bad_offers_are_refused_in_a_sentence(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        for offer, status, code in BAD_OFFERS:
            async with server.http.post(f"{server.url}/whep/master", data=offer, headers=SDP) as response:
                answer = await response.json()
                assert (response.status, answer["code"]) == (status, code), offer[:100]
                assert answer["error"].endswith(".")
                assert response.headers["Access-Control-Allow-Origin"] == "*"
            assert not server.service.listeners


async def test_offers_that_cannot_receive_opus_are_answered_with_422(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        async with offering("sendonly") as peer:
            assert (await post(server, peer.localDescription.sdp))[0] == 422
        async with offering(kind="video") as peer:
            assert (await post(server, peer.localDescription.sdp))[0] == 422
        async with offering() as peer:
            without_opus = peer.localDescription.sdp.replace("opus", "speex")
            assert (await post(server, without_opus))[0] == 422
        async with offering() as peer:
            async with server.http.post(f"{server.url}/whep/master", json={}) as response:
                assert response.status == 415
            async with server.http.post(f"{server.url}/whep/nobody", data=peer.localDescription.sdp, headers=SDP) as r:
                assert r.status == 404
        assert not server.service.listeners


async def test_the_server_receives_no_media(serve: Serve, music: Path) -> None:
    async with serve(music) as server, offering("sendrecv") as peer:
        peer.addTransceiver("video", direction="sendrecv")
        bind_ice(peer, ["127.0.0.1"])
        await peer.setLocalDescription(await peer.createOffer())
        status, _, answer = await post(server, peer.localDescription.sdp)
        assert status == 201
        directions = [line for line in answer.splitlines() if line in ("a=sendonly", "a=recvonly", "a=inactive")]
        assert directions == ["a=sendonly", "a=inactive"]
        await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await until(lambda: server.service.sessions.master.listeners == 1)
        await until(lambda: peer.connectionState == "connected")  # aiortc leaves a task behind when closed before


async def test_other_lines_are_answered_in_their_order(serve: Serve, music: Path) -> None:
    async with serve(music) as server, offering() as peer:
        peer.addTransceiver("audio", direction="recvonly")
        peer.addTransceiver("video", direction="recvonly")
        peer.createDataChannel("chat")
        bind_ice(peer, ["127.0.0.1"])
        await peer.setLocalDescription(await peer.createOffer())
        offer = peer.localDescription.sdp.replace("a=rtpmap:96 opus", "a=rtpmap:117 opus")
        offer = offer.replace("SAVPF 96 ", "SAVPF 117 ").replace("VP8", "AV1").replace("H264", "H265")
        status, _, answer = await post(server, offer)
        assert status == 201
        sections = [line.split() for line in answer.splitlines() if line.startswith("m=")]
        assert [(kind, port != "0") for kind, port, *_ in sections] == [
            ("m=audio", True),
            ("m=audio", False),
            ("m=video", False),
            ("m=application", False),
        ]
        assert sections[0][3:] == ["117"], "the payload type is the offer's own"
        assert [line for line in answer.splitlines() if line.startswith("a=mid:")] == [
            line for line in offer.splitlines() if line.startswith("a=mid:")
        ]
        (listener,) = server.service.listeners.values()
        assert not isinstance(listener.peer, AiortcPeer) or listener.peer._peer.sctp is None


async def test_without_candidates_the_answer_is_503(serve: Serve, music: Path) -> None:
    async with serve(music) as server, offering() as peer:
        server.service.listeners.policy = IcePolicy(("192.0.2.1",))
        if server.service.shared_port is not None:
            server.service.shared_port._ports._present.clear()
        async with server.http.post(
            f"{server.url}/whep/master", data=peer.localDescription.sdp, headers=SDP
        ) as response:
            assert (response.status, (await response.json())["code"]) == (503, "no_candidates")
            assert "Retry-After" in response.headers
        assert not server.service.listeners


@STOCK_AIORTC
async def test_nobody_can_join_if_ice_cannot_be_restricted_to_addresses(
    serve: Serve, music: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve(music) as server, offering() as peer:
        monkeypatch.delattr("aioice.Connection.get_component_candidates")
        for _ in range(2):
            async with server.http.post(
                f"{server.url}/whep/master", data=peer.localDescription.sdp, headers=SDP
            ) as response:
                assert (response.status, (await response.json())["code"]) == (503, "ice_unavailable")
        assert not server.service.listeners
    assert len([record for record in caplog.records if "aiortc has changed" in record.message]) == 1


@STOCK_AIORTC
async def test_a_fault_of_the_server_is_not_blamed_on_the_offer(serve: Serve, music: Path) -> None:
    async with serve(music) as server, offering() as peer:
        server.service.listeners.policy = IcePolicy(("127.0.0.1",), (IceServer(url="stun:[2001:db8::1]"),))
        assert (await post(server, peer.localDescription.sdp))[0] == 500
        assert not server.service.listeners


@SHARED_PORT
async def test_endpoint_and_resource_describe_themselves(serve: Serve, music: Path) -> None:
    turn = IceServer(url="turn:127.0.0.1:1", username="me", credential='se"cr\\et')
    async with serve(music) as server, offering() as peer:
        server.service.listeners.policy = IcePolicy(("127.0.0.1",), (IceServer(url="stun:127.0.0.1:2"), turn))
        # A player may say who it is, and what it would rather have.
        more = {"Authorization": "Bearer nothing", "Accept": "application/json"}
        status, posted, _ = await post(server, peer.localDescription.sdp, **more)
        assert (status, posted["Content-Type"].partition(";")[0]) == (201, "application/sdp")
        location = posted["Location"]
        for path in ("/whep/master", location):
            for method in ("GET", "HEAD", "OPTIONS"):
                async with server.http.request(method, f"{server.url}{path}", headers=more) as response:
                    assert response.status in (200, 204)
                    assert await response.read() == b""
                    assert response.headers["Accept-Post"] == "application/sdp"
                    assert response.headers["Access-Control-Allow-Origin"] == "*"
                    assert method in response.headers["Access-Control-Allow-Methods"]
                    assert (
                        response.headers.getall("Link")
                        == posted.getall("Link")
                        == [
                            '<stun:127.0.0.1:2>; rel="ice-server"',
                            '<turn:127.0.0.1:1>; rel="ice-server"; username="me"; credential="se\\"cr\\\\et"; '
                            'credential-type="password"',
                        ]
                    )
        assert (await request(server, "HEAD", location))[1]["ETag"] == posted["ETag"]
        for path, status in (("/whep/nobody", 404), ("/whep/master/nobody", 404), ("/whep/nobody/nobody", 404)):
            assert (await request(server, "GET", path))[0] == status
            assert (await request(server, "OPTIONS", path))[0] == 204, "so that a page may read the 404 of a POST"
        assert (await request(server, "DELETE", location, **more))[0] == 200


async def test_ice_servers_are_offered_as_links(serve: Serve, music: Path) -> None:
    turn = "turn:me:secret@127.0.0.1:1"
    async with serve(music) as server, offering() as peer:
        # The policy is replaced, so that no request goes to a relay that isn't there.
        class Announced(IcePolicy):
            def configuration(self) -> RTCConfiguration:
                return RTCConfiguration(iceServers=[])

        server.service.listeners.policy = Announced(("127.0.0.1",), (IceServer.parse(turn, "turn"),))
        _, headers, _ = await post(server, peer.localDescription.sdp)
        assert headers["Link"] == (
            '<turn:127.0.0.1:1>; rel="ice-server"; username="me"; credential="secret"; credential-type="password"'
        )


async def test_a_listener_that_never_connects_is_closed(
    serve: Serve, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtc_drift.signaling.CONNECT_SECONDS", 0.3)
    async with serve(music) as server:
        async with offering() as peer:
            status, _, _ = await post(server, peer.localDescription.sdp)
            assert status == 201
        await until(lambda: not server.service.listeners)
        assert server.station.packets.readers == 0


async def test_mdns_candidates_are_not_looked_up(serve: Serve, music: Path) -> None:
    async with serve(music) as server, offering() as peer:
        offer = peer.localDescription.sdp.replace(" 127.0.0.1 ", " 5e3b0a0a-0000-4000-8000-000000000000.local ")
        status, _, answer = await post(server, offer)
        assert status == 201
        await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await until(lambda: server.service.sessions.master.listeners == 1)
        await until(lambda: peer.connectionState == "connected")  # aiortc leaves a task behind when closed before


async def test_many_join_at_once(serve: Serve, music: Path) -> None:
    async with serve(music) as server:

        async def visit() -> None:
            async with server.listener() as listener:
                await listener.read(9_600)

        await asyncio.gather(*(visit() for _ in range(12)))
        await until(lambda: not server.service.listeners)
