"""Offers of strangers: they keep nobody out, take little, and direct no traffic at others."""

import asyncio
import socket
from pathlib import Path

import aiohttp
import pytest

from rtc_drift.webrtc.dtls import Identity
from tests.support.deliveries import SHARED_PORT
from tests.support.light_listener import CountingListener, LightListeners
from tests.support.server import RunningServer, Serve
from tests.support.waiting import until

SDP = {"Content-Type": "application/sdp"}
TRICKLE = {"Content-Type": "application/trickle-ice-sdpfrag"}
STRANGER = "127.0.0.2"


def whep(server: RunningServer) -> str:
    return f"{server.url}/whep/master"


def offer_of(address: str = "127.0.0.1") -> str:
    """Return an offer whose listener does nothing further."""
    listener = CountingListener(Identity(), address)
    try:
        return listener.offer()
    finally:
        listener.close()


async def offer_and_stay_silent(server: RunningServer, count: int, address: str) -> list[int]:
    """Post offers from an address, and never show up. Return the statuses of the answers."""
    offer = offer_of()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=(address, 0))) as http:
        return [await status_of(http, server, offer) for _ in range(count)]


async def status_of(http: aiohttp.ClientSession, server: RunningServer, offer: str) -> int:
    async with http.post(whep(server), data=offer, headers=SDP) as response:
        if response.status == 503:
            assert response.headers["Retry-After"]
        return response.status


@SHARED_PORT
async def test_offers_that_never_connect_keep_nobody_out(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        assert set(await offer_and_stay_silent(server, 250, STRANGER)) == {201}
        assert len(server.service.listeners) == 200, "those of one client push each other out"
        async with LightListeners(whep(server), 20):
            await until(lambda: server.service.sessions.master.listeners == 20)
        assert server.service.metrics.joins_given_up._value.get() > 50


@SHARED_PORT
async def test_a_hundred_phones_behind_one_address_get_in(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        assert set(await offer_and_stay_silent(server, 200, "127.0.0.1")) == {201}
        async with LightListeners(whep(server), 100):
            await until(lambda: server.service.sessions.master.listeners == 100)


async def test_offers_that_never_connect_do_not_use_up_the_limit_of_listeners(serve: Serve, music: Path) -> None:
    async with serve(music, max_listeners=3) as server:
        assert await offer_and_stay_silent(server, 3, STRANGER) == [201] * 3
        async with server.listener() as one, server.listener() as other, server.listener() as last:
            for listener in (one, other, last):
                await listener.read(960)
            assert await offer_and_stay_silent(server, 1, STRANGER) == [503], "all three are there"


async def test_too_large_offers_are_refused_in_a_sentence(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        offer = offer_of()
        for too_much, status in (
            (offer + "a=x\r\n" * 300, 400),
            (offer + "a=rtpmap:96 L16/48000\r\n" * 64, 400),
            (offer + "a=" + "x" * 16 * 1024 + "\r\n", 413),
        ):
            async with server.http.post(whep(server), data=too_much, headers=SDP) as response:
                answer = await response.json()
                assert response.status == status
                assert answer["error"].endswith(".")
        assert not server.service.listeners


async def test_eight_trickled_candidates_are_used(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        async with server.http.post(whep(server), data=offer_of(), headers=SDP) as response:
            location, etag = response.headers["Location"], response.headers["ETag"]
        statuses = []
        for number in range(9):
            fragment = f"a=candidate:1 1 udp 2130706431 127.0.0.1 {40_000 + number // 2} typ host\r\n" * 2
            headers = TRICKLE | {"If-Match": etag}
            async with server.http.patch(f"{server.url}{location}", data=fragment, headers=headers) as response:
                statuses.append(response.status)
        assert statuses == [204] * 9, "the same ones again do not count"
        many = "".join(f"a=candidate:1 1 udp 1 127.0.0.1 {41_000 + number} typ host\r\n" for number in range(9))
        async with server.http.patch(f"{server.url}{location}", data=many, headers=headers) as response:
            assert response.status == 204, "players end when a trickle is refused"
        (listener,) = server.service.listeners.values()
        assert len(listener._addresses) == 8
        assert {port for _, port in listener._addresses} >= {40_000, 40_004}


@pytest.mark.parametrize("trickles", [False, True])
async def test_a_listener_that_sends_no_checks_has_this_host_check_its_own_address_only(
    serve: Serve, music: Path, trickles: bool
) -> None:
    """Else any host could be sent datagrams by this one."""
    udp = (socket.AF_INET, socket.SOCK_DGRAM)
    with socket.socket(*udp) as victim, socket.socket(*udp) as own:
        for sock, host in ((victim, STRANGER), (own, "127.0.0.1")):
            sock.setblocking(False)
            sock.bind((host, 0))
        candidates = "".join(
            f"a=candidate:{number} 1 udp 2130706431 {host} {port} typ host\r\n"
            for number, (host, port) in enumerate((victim.getsockname(), own.getsockname()))
        )
        offer = offer_of().replace("t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n")
        offer = "\r\n".join(line for line in offer.splitlines() if "candidate" not in line) + "\r\n"
        async with serve(music) as server:
            sent = offer if trickles else offer + candidates
            async with server.http.post(whep(server), data=sent, headers=SDP) as response:
                assert response.status == 201
                location, etag = response.headers["Location"], response.headers["ETag"]
            if trickles:
                headers = TRICKLE | {"If-Match": etag}
                async with server.http.patch(f"{server.url}{location}", data=candidates, headers=headers) as response:
                    assert response.status == 204
            checks = [await asyncio.get_running_loop().sock_recv(own, 2048) for _ in range(2)]
            assert all(check[:2] == b"\x00\x01" for check in checks)
            with pytest.raises(BlockingIOError):
                victim.recv(1)
