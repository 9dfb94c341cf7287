"""A cheap WHEP listener: it speaks ICE, DTLS and RTCP like a browser, but only counts packets."""

import asyncio
import contextlib
import hashlib
import hmac
import re
import secrets
import socket
import struct
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin

import aiohttp
import pylibsrtp

from benchmarks.udp_receiver import open_socket
from rtc_drift.webrtc import stun
from rtc_drift.webrtc.dtls import Dtls, Identity

CONNECT_SECONDS = 30.0
CHECK_SECONDS = 0.1
"""Seconds between connectivity checks until the first is answered."""
RECEIVE_BUFFER_BYTES = 512 * 1024
"""Room for several seconds of packets, so that slow rounds lose none."""
_SENDER_REPORT, _RECEIVER_REPORT = 200, 201
_BYE = b"\x81\xcb\x00\x01"
"""Header of an RTCP BYE with one SSRC."""
_CHECK_PRIORITY = 0x6EFFFFFF


class JoinError(Exception):
    """The listener could not join. The message is the reason, in words that are equal for all listeners."""


@dataclass(frozen=True, slots=True)
class RemoteDescription:
    """The parts of the server's SDP that a listener needs."""

    address: tuple[str, int]
    fragment: str
    password: bytes
    fingerprints: Mapping[str, str]
    is_active: bool
    """True if the server begins the DTLS handshake."""
    ssrc: int

    @classmethod
    def parse(cls, sdp: str, address: str) -> "RemoteDescription":
        """Parse an answer. Raises JoinError if a needed line is missing, or if the candidate is not at `address`."""
        found = dict(
            re.findall(r"^a=(ice-ufrag|ice-pwd|fingerprint|setup|ssrc|candidate):(.+?)\r?$", sdp, re.MULTILINE)
        )
        try:
            algorithm, fingerprint = found["fingerprint"].split()
            host, port = found["candidate"].split()[4:6]
            ssrc = int(found["ssrc"].split()[0])
            fragment, password = found["ice-ufrag"], found["ice-pwd"].encode()
        except (KeyError, ValueError) as error:
            raise JoinError("the answer lacks a needed line") from error
        if host != address:
            raise JoinError("the answer's candidate is at another address")
        known = {algorithm.lower(): fingerprint.upper()}
        return cls((host, int(port)), fragment, password, known, found.get("setup") == "active", ssrc)


class LightListener:
    """One listener of a group. It reads its socket while it joins; afterwards the group hands it what is not RTP."""

    def __init__(self, identity: Identity, address: str) -> None:
        """`address` is the local address of the listener, and the server's too."""
        self.socket = self._open_socket(address)
        self.descriptor = self.socket.fileno()
        self.connected_at = 0.0
        """Time of connecting, by `time.monotonic`; 0 before."""
        self.undecryptable = 0
        self.consent_failures = 0
        """Consent requests that were not answered before the next one."""
        self.ended = False
        """True if the server has closed the connection."""
        self.said_goodbye = False
        """True if the server has sent an RTCP BYE."""
        self._identity = identity
        self._address = address
        self._fragment, self._password = secrets.token_hex(4), secrets.token_hex(12)
        self._ssrc = secrets.randbits(32)
        self._tie_breaker = secrets.randbits(64)
        self._is_asking = False
        self._checked = False
        self._arrived = asyncio.Event()
        self._resource: str | None = None
        self._sender_report = (0, 0)
        """The middle 32 bits of the latest sender report's NTP time, and its arrival in ns since the epoch."""

    @property
    def ssrc(self) -> int:
        """The SSRC of the server's stream, once the offer was answered."""
        return self._remote.ssrc

    async def join(self, http: aiohttp.ClientSession, whep: str) -> None:
        """Join, and return when connected. Raises JoinError, also after `CONNECT_SECONDS`."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._negotiate(http, whep)
                loop.add_reader(self.descriptor, self._read)
                try:
                    await self._connect()
                finally:
                    loop.remove_reader(self.descriptor)
        except TimeoutError:
            raise JoinError("not connected in time") from None
        except (aiohttp.ClientError, OSError) as error:
            raise JoinError(f"{type(error).__name__} while joining") from error
        self.connected_at = time.monotonic()

    def check(self) -> None:
        """Ask for consent (RFC 7675), as the controlling agent that nominates this path."""
        self.consent_failures += self._checked and self._is_asking
        self._is_asking = True
        remote = self._remote
        username = f"{remote.fragment}:{self._fragment}".encode()
        self._send([nominating_request(username, remote.password, self._tie_breaker)])

    def receive(self, datagram: bytes, arrived_ns: int) -> None:
        """Take a datagram that is not RTP: STUN, DTLS or RTCP."""
        if datagram[0] < 4:
            self._receive_stun(datagram)
        elif 20 <= datagram[0] < 64:
            self._send(self._dtls.receive(datagram))
            self.ended = self._dtls.state in ("closed", "failed")
        elif datagram[0] >= 128:
            self._receive_rtcp(datagram, arrived_ns)

    def decrypt(self, packet: bytes) -> bytes | None:
        """Decrypt one RTP packet. Return None, and count it in `undecryptable`, if that fails.

        Packets of another stream are not for this listener: its port may have been that of one who vanished.
        """
        if int.from_bytes(packet[8:12], "big") != self.ssrc:
            return None
        try:
            return bytes(self._inbound.unprotect(packet))
        except pylibsrtp.Error:
            self.undecryptable += 1
            return None

    def report(self, *, index: int, jitter: int, loss: float = 0.0) -> None:
        """Send a receiver report.

        Args:
            index: index of the latest packet, roll-overs included.
            jitter: jitter in RTP units.
            loss: share of packets lost since the last report, 0 to 255/256.
        """
        last_sender_report, arrived_ns = self._sender_report
        delay = (time.time_ns() - arrived_ns << 16) // 1_000_000_000 if arrived_ns else 0
        packet = struct.pack(
            "!BBHIIIIIII",
            *(0x81, _RECEIVER_REPORT, 7, self._ssrc, self._remote.ssrc, round(loss * 256) << 24),
            *(index & 0xFFFFFFFF, jitter, last_sender_report, delay & 0xFFFFFFFF),
        )
        self._send([self._outbound.protect_rtcp(packet)])

    async def delete(self, http: aiohttp.ClientSession) -> None:
        """Leave as a well-behaved player does, by DELETE. Raises aiohttp.ClientError."""
        if self._resource is not None:
            async with http.delete(self._resource):
                pass

    def close(self) -> None:
        """Close DTLS, if connected, and the socket. Idempotent."""
        if self.descriptor >= 0:
            if self.connected_at:
                self._send(self._dtls.close())
            self.socket.close()
            self.descriptor = -1

    def offer(self) -> str:
        """Return the SDP offer of this listener."""
        address, port = self._address, self.socket.getsockname()[1]
        family = "IP6" if ":" in address else "IP4"
        lines = (
            *("v=0", f"o=- {self._ssrc} 1 IN {family} {address}", "s=-", "t=0 0", "a=group:BUNDLE 0"),
            *(f"m=audio {port} UDP/TLS/RTP/SAVPF 111", f"c=IN {family} {address}", "a=mid:0", "a=recvonly"),
            *("a=rtcp:9 IN IP4 0.0.0.0", "a=rtcp-mux"),
            *("a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10;useinbandfec=1;stereo=1"),
            "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid",
            *(f"a=ice-ufrag:{self._fragment}", f"a=ice-pwd:{self._password}", "a=setup:actpass"),
            f"a=fingerprint:sha-256 {self._identity.fingerprint}",
            *(f"a=candidate:1 1 udp 2130706431 {address} {port} typ host", "a=end-of-candidates"),
        )
        return "".join(f"{line}\r\n" for line in lines)

    def _open_socket(self, address: str) -> socket.socket:
        return open_socket(address, RECEIVE_BUFFER_BYTES)

    async def _negotiate(self, http: aiohttp.ClientSession, whep: str) -> None:
        async with http.post(whep, data=self.offer(), headers={"Content-Type": "application/sdp"}) as response:
            if response.status != 201:
                raise JoinError(f"the server answered {response.status}")
            self._resource = urljoin(whep, response.headers["Location"])
            self._remote = RemoteDescription.parse(await response.text(), self._address)
        role = "server" if self._remote.is_active else "client"
        self._dtls = Dtls(self._identity, self._remote.fingerprints, role)  # type: ignore[arg-type]

    async def _connect(self) -> None:
        while not self._checked:
            self.check()
            await self._wait(CHECK_SECONDS)
        self._send(self._dtls.start())
        while self._dtls.state == "connecting":
            if not await self._wait(self._dtls.timeout_seconds):
                self._send(self._dtls.timed_out())
        keys = self._dtls.keys
        if keys is None:
            raise JoinError("the DTLS handshake failed")
        policy = pylibsrtp.Policy(
            key=keys.theirs, ssrc_type=pylibsrtp.Policy.SSRC_ANY_INBOUND, srtp_profile=keys.profile
        )
        self._inbound = pylibsrtp.Session(policy)
        policy = pylibsrtp.Policy(
            key=keys.ours, ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND, srtp_profile=keys.profile
        )
        self._outbound = pylibsrtp.Session(policy)

    async def _wait(self, seconds: float | None) -> bool:
        """Wait until something arrives; return False if nothing does in time."""
        self._arrived.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        except TimeoutError:
            return False
        return True

    def _read(self) -> None:
        self._arrived.set()
        while True:
            try:
                datagram = self.socket.recv(2048)
            except BlockingIOError:
                return
            if datagram and datagram[0] < 64:  # media is counted only once all keys are known
                self.receive(datagram, time.time_ns())

    def _receive_stun(self, datagram: bytes) -> None:
        message = stun.parse(datagram)
        if message is None:
            return
        if message.kind == stun.REQUEST and message.is_authentic(self._password.encode()):
            answer = stun.success(message.transaction, self._remote.address, self._password.encode())
            self._send([answer])
        elif message.kind == stun.RESPONSE and message.is_authentic(self._remote.password):
            self._checked, self._is_asking = True, False

    def _receive_rtcp(self, datagram: bytes, arrived_ns: int) -> None:
        """Remember a sender report for the next receiver report, and note a goodbye.

        As with `decrypt`, reports of another stream are not for this listener.
        """
        if int.from_bytes(datagram[4:8], "big") != self.ssrc:
            return
        try:
            packet = self._inbound.unprotect_rtcp(datagram)
        except pylibsrtp.Error:
            self.undecryptable += 1
            return
        self.said_goodbye |= _BYE in packet
        if packet[1] == _SENDER_REPORT:
            self._sender_report = int.from_bytes(packet[10:14], "big"), arrived_ns

    def _send(self, datagrams: Sequence[bytes]) -> None:
        for datagram in datagrams:
            # A datagram that does not fit counts as lost on the way.
            with contextlib.suppress(BlockingIOError):
                self.socket.sendto(datagram, self._remote.address)


def nominating_request(username: bytes, password: bytes, tie_breaker: int) -> bytes:
    """Return a Binding request of the controlling agent with USE-CANDIDATE (RFC 8445, 7.1), signed with `password`."""
    attributes = (
        *((0x0006, username), (0x0024, struct.pack("!I", _CHECK_PRIORITY))),
        *((0x802A, struct.pack("!Q", tie_breaker)), (0x0025, b"")),
    )
    transaction = secrets.token_bytes(12)
    body = b"".join(struct.pack("!HH", kind, len(it)) + it + bytes(-len(it) % 4) for kind, it in attributes)

    def covered(more_bytes: int) -> bytes:
        return struct.pack("!HHI", stun.REQUEST, len(body) + more_bytes, stun.COOKIE) + transaction + body

    body += struct.pack("!HH", 0x0008, 20) + hmac.digest(password, covered(24), hashlib.sha1)
    return covered(8) + struct.pack("!HHI", 0x8028, 4, zlib.crc32(covered(8)) ^ 0x5354554E)
