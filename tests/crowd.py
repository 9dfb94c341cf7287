"""Many light listeners on one thread: they join over WHEP, keep their consent, and count the packets they get."""

import asyncio
import re
import secrets
import socket
import struct
from collections.abc import Sequence
from contextlib import AsyncExitStack
from types import TracebackType

import aiohttp
import pylibsrtp

from rtc_drift.webrtc import stun
from rtc_drift.webrtc.dtls import Dtls, Identity

CONSENT_SECONDS = 1.0
_ICE_CONTROLLING = 0x802A
_USE_CANDIDATE = 0x0025


class LightListener:
    """One of them. It decrypts what it gets, and decodes nothing."""

    def __init__(self, identity: Identity, address: str = "127.0.0.1") -> None:
        self._identity = identity
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((address, 0))
        self.sequence_numbers: list[int] = []
        """Of the packets that could be decrypted."""
        self.undecryptable = 0
        self.said_bye = False
        self.closed = False
        """The server has closed the connection."""
        self.ssrc = 0
        self.server: tuple[str, int] = ("", 0)
        self._fragment, self._password = secrets.token_hex(4), secrets.token_hex(12)
        self._connected = asyncio.Event()
        self._dtls: Dtls | None = None
        self._started = False
        self._srtp: pylibsrtp.Session | None = None

    async def join(self, http: aiohttp.ClientSession, whep: str) -> None:
        """Join, and wait until connected."""
        async with http.post(whep, data=self._offer(), headers={"Content-Type": "application/sdp"}) as response:
            answer = await response.text()
            assert response.status == 201, answer
        found = dict(re.findall(r"^a=(ice-ufrag|ice-pwd|fingerprint|ssrc|candidate):(.+?)\r?$", answer, re.MULTILINE))
        *_, host, port, _, _ = found["candidate"].split()
        self.server = (host, int(port))
        self.ssrc = int(found["ssrc"].split()[0])
        self._theirs = found["ice-ufrag"], found["ice-pwd"]
        self._dtls = Dtls(self._identity, {"sha-256": found["fingerprint"].split()[1]}, "client")
        asyncio.get_running_loop().add_reader(self.socket, self._read)
        self.check()
        async with asyncio.timeout(10):
            await self._connected.wait()

    def check(self) -> None:
        """An authentic request that nominates the path it takes: consent, and more."""
        fragment, password = self._theirs
        attributes = (
            stun._attribute(stun._USERNAME, f"{fragment}:{self._fragment}".encode())
            + stun._attribute(_USE_CANDIDATE, b"")
            + stun._attribute(_ICE_CONTROLLING, bytes(8))
        )
        self.socket.sendto(
            stun._sealed(stun.REQUEST, secrets.token_bytes(12), attributes, password.encode()), self.server
        )

    def move(self) -> None:
        """Go on from another port, as behind a NAT that has forgotten."""
        loop, former = asyncio.get_running_loop(), self.socket
        loop.remove_reader(former)
        self.socket = socket.socket(former.family, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((former.getsockname()[0], 0))
        former.close()
        loop.add_reader(self.socket, self._read)

    def report(self, *, fraction_lost: int = 0, jitter: int = 0) -> None:
        """A receiver report, as browsers send."""
        assert self._reports is not None
        block = struct.pack("!IIIIII", self.ssrc, fraction_lost << 24, 0, jitter, 0, 0)
        packet = struct.pack("!BBHI", 0x81, 201, 7, 1) + block
        self.socket.sendto(self._reports.protect_rtcp(packet), self.server)

    def close(self) -> None:
        """Vanish without a word. Idempotent."""
        if self.socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self.socket)
            self.socket.close()

    def _offer(self) -> str:
        host, port = self.socket.getsockname()[:2]
        kind = "IP6" if ":" in host else "IP4"
        lines = (
            *("v=0", f"o=- 1 1 IN {kind} {host}", "s=-", "t=0 0", "a=group:BUNDLE 0"),
            *(f"m=audio {port} UDP/TLS/RTP/SAVPF 111", f"c=IN {kind} {host}", "a=mid:0", "a=recvonly", "a=rtcp-mux"),
            *("a=rtpmap:111 opus/48000/2", "a=rtcp-fb:111 nack", "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid"),
            *(f"a=ice-ufrag:{self._fragment}", f"a=ice-pwd:{self._password}", "a=setup:actpass"),
            f"a=fingerprint:sha-256 {self._identity.fingerprint}",
            *(f"a=candidate:1 1 udp 2130706431 {host} {port} typ host", "a=end-of-candidates"),
        )
        return "".join(f"{line}\r\n" for line in lines)

    def _read(self) -> None:
        while True:
            try:
                data, address = self.socket.recvfrom(2048)
            except BlockingIOError:
                return
            assert self._dtls is not None
            if data[0] < 4:
                self._stun(data, address[:2])
            elif data[0] < 64:
                self._send(self._dtls.receive(data))
                if self._dtls.state == "connected" and self._srtp is None:
                    self._set_keys()
                self.closed = self._dtls.state == "closed"
            elif self._srtp is not None:
                self._media(data)

    def _stun(self, data: bytes, address: tuple[str, int]) -> None:
        message = stun.parse(data)
        assert message is not None
        if message.kind == stun.REQUEST:
            assert message.is_authentic(self._password.encode())
            self.socket.sendto(stun.success(message.transaction, address, self._password.encode()), self.server)
        elif not self._started:
            self._started = True
            assert self._dtls is not None
            self._send(self._dtls.start())

    def _set_keys(self) -> None:
        assert self._dtls is not None
        keys = self._dtls.keys
        assert keys is not None
        inbound, outbound = pylibsrtp.Policy.SSRC_ANY_INBOUND, pylibsrtp.Policy.SSRC_ANY_OUTBOUND
        policy = pylibsrtp.Policy(key=keys.theirs, ssrc_type=inbound, srtp_profile=keys.profile)
        policy.allow_repeat_tx = True
        self._srtp = pylibsrtp.Session(policy)
        self._reports = pylibsrtp.Session(
            pylibsrtp.Policy(key=keys.ours, ssrc_type=outbound, srtp_profile=keys.profile)
        )
        self._connected.set()

    def _media(self, data: bytes) -> None:
        assert self._srtp is not None
        try:
            if 192 <= data[1] < 224:
                self.said_bye |= b"\x81\xcb\x00\x01" in self._srtp.unprotect_rtcp(data)
            else:
                clear = self._srtp.unprotect(data)
                self.sequence_numbers.append(int.from_bytes(clear[2:4], "big"))
        except pylibsrtp.Error:
            self.undecryptable += 1

    def _send(self, datagrams: Sequence[bytes]) -> None:
        for datagram in datagrams:
            self.socket.sendto(datagram, self.server)


class Crowd:
    """So many of them, at one WHEP url: connected inside `async with`."""

    def __init__(self, whep: str, count: int, address: str = "127.0.0.1") -> None:
        identity = Identity()
        self.listeners = [LightListener(identity, address) for _ in range(count)]
        self._whep = whep
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "Crowd":
        http = await self._stack.enter_async_context(aiohttp.ClientSession())
        for listener in self.listeners:
            self._stack.callback(listener.close)
        for first in range(0, len(self.listeners), 10):
            await asyncio.gather(*(it.join(http, self._whep) for it in self.listeners[first : first + 10]))
        task = asyncio.create_task(self._consent())
        self._stack.callback(task.cancel)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _consent(self) -> None:
        while True:
            await asyncio.sleep(CONSENT_SECONDS)
            for listener in self.listeners:
                if listener.socket.fileno() >= 0:
                    listener.check()
