"""Trickled candidates, to the listener of a shared port and to aioice."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from aioice import Candidate
from aiortc import RTCIceCandidate
from aiortc.rtcicetransport import candidate_to_aioice

from rtc_drift.signaling import IceRestartError, WhepListener
from rtc_drift.webrtc.offer_bounds import MAX_CANDIDATES, BadOfferError
from rtc_drift.webrtc.peer import OnLost, Peer
from tests.fuzz.target import Target, pack, require, unpack
from tests.fuzz.targets.sdp import CANDIDATES

HEAD = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n"


class _Peer:
    """Takes candidates as a stock peer connection does."""

    def __init__(self) -> None:
        self.candidates = set[tuple[str, int]]()

    async def add_candidates(self, candidates: Sequence[RTCIceCandidate]) -> None:
        """Turn candidates into those of aioice."""
        for candidate in candidates:
            converted = candidate_to_aioice(candidate)
            again = Candidate.from_sdp(converted.to_sdp())
            require((again.host, again.port) == (converted.host, converted.port), "another candidate when read again")
            self.candidates.add((candidate.ip, candidate.port))


class Trickle(Target):
    """`webrtc.trickle` and `signaling`: several fragments of one listener."""

    name = "trickle"
    watched = ("webrtc/trickle.py", "webrtc/offer_bounds.py", "signaling.py", "aiortc/sdp.py")
    tokens = tuple(
        token.encode()
        for token in (
            *(line + "\r\n" for line in (HEAD + CANDIDATES).splitlines()),
            *(
                "a=candidate:",
                " typ srflx raddr 127.0.0.1 rport 9",
                " tcptype passive",
                " typ ",
                " udp ",
                " ::1 ",
                " 255.255.255.255 ",
            ),
            *(
                " 127.0.0.1 ",
                " 0.0.0.0 ",
                " 224.0.0.1 ",
                " fe80::1%eth0 ",
                " 65536 ",
                " 0 ",
                "a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n",
            ),
        )
    )
    cpu_seconds = 0.02

    def open(self) -> None:
        """Make a loop."""
        self._loop = asyncio.new_event_loop()

    def close(self) -> None:
        """Close the loop."""
        self._loop.close()

    def seeds(self) -> Iterable[bytes]:
        """Return fragments of browsers."""
        yield pack((HEAD + CANDIDATES).encode())
        yield pack(CANDIDATES.encode(), CANDIDATES.replace("127.0.0.1", "::1").encode())
        yield pack(*(f"a=candidate:1 1 udp 1 127.0.0.1 {port} typ host\r\n".encode() for port in range(1, 12)))

    def run(self, data: bytes) -> None:
        """Give a listener the fragments of an input."""
        self._loop.run_until_complete(self._run(data))

    async def _run(self, data: bytes) -> None:
        peer = _Peer()
        listener = WhepListener(cast(Any, None), _opens(peer))
        listener._fragments = frozenset({"abcd"})
        for fragment in unpack(data):
            try:
                await listener.add_candidates(fragment.decode("utf-8", "replace"))
            except (BadOfferError, IceRestartError) as error:
                require(0 < len(str(error)) < 200, "no sentence")
        require(len(peer.candidates) <= MAX_CANDIDATES, "more candidates than allowed")
        require(all(port and not host.startswith("224.") for host, port in peer.candidates), "a useless candidate")


def _opens(peer: _Peer) -> Callable[[Callable[[], None], OnLost], Peer]:
    return lambda _connected, _lost: cast(Peer, peer)
