"""SDP offers, to the shared port's answer and to aiortc's."""

import asyncio
import re
import zlib
from collections.abc import Iterable

from aiortc.sdp import SessionDescription

from rtc_drift.broadcast import Broadcast
from rtc_drift.tracks import PacketTrack
from rtc_drift.webrtc.aiortc_peer import AiortcPeer
from rtc_drift.webrtc.ice_policy import IcePolicy
from rtc_drift.webrtc.offer_bounds import MAX_CANDIDATES, BadOfferError
from rtc_drift.webrtc.sdp import MAX_MEDIA_LINES, OpusOffer, UnsupportedOfferError, lite_answer, opus_offer
from tests.fuzz.target import Target, require

HEAD = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2\r\na=extmap-allow-mixed\r\n"
TRANSPORT = (
    "a=rtcp-mux\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=ice-options:trickle\r\n"
    "a=fingerprint:sha-256 " + ":".join(["AB"] * 32) + "\r\na=setup:actpass\r\n"
)
AUDIO = (
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 0\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=mid:0\r\na=recvonly\r\n"
    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 nack\r\n"
    "a=fmtp:111 minptime=10;useinbandfec=1;stereo=1\r\na=rtpmap:63 red/48000/2\r\na=rtpmap:0 PCMU/8000\r\n"
)
CANDIDATES = (
    "a=candidate:1 1 udp 2122260223 127.0.0.1 50000 typ host generation 0\r\n"
    "a=candidate:2 1 udp 2122260222 5e3b0a0a-0000.local 50001 typ host\r\n"
    "a=candidate:3 1 tcp 1518280447 127.0.0.1 9 typ host tcptype active\r\na=end-of-candidates\r\n"
)
VIDEO = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=recvonly\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:* nack\r\n"
DATA = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\na=sctp-port:5000\r\n"
OFFER = HEAD + AUDIO + TRANSPORT + CANDIDATES
"""An offer as a browser makes it."""
STOCK_EVERY = 25
"""One input in so many is answered by a stock peer connection, too, which takes 10 ms."""
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
"""Characters that would begin another line, or mean something to a terminal; a tab is neither."""
MAX_ANSWER_BYTES = 24 * 1024
ANSWER_SECONDS = 5.0


class Sdp(Target):
    """`webrtc.sdp`, `webrtc.offer_bounds`, and the aiortc code that they use."""

    name = "sdp"
    watched = ("webrtc/sdp.py", "webrtc/offer_bounds.py", "aiortc/sdp.py", "webrtc/aiortc_peer.py")
    tokens = tuple(
        f"{line}\r\n".encode()
        for line in (
            *dict.fromkeys((OFFER + VIDEO + DATA).splitlines()),
            *("a=ice-lite", "a=sendrecv", "a=sendonly", "a=inactive", "a=setup:passive", "a=setup:holdconn", "a=mid:"),
            *(
                "a=rtpmap:111 opus/48000/2",
                "a=fingerprint:md5 00",
                "a=ssrc:1 cname:x",
                "a=group:LS 0",
                "m=audio 0 RTP/AVP",
            ),
            *("a=ssrc-group:FID 1 2", "a=rtcp-fb:* transport-cc", "a=msid:a b", "c=IN IP6 ::1", "a=sctpmap:5000 x 1"),
        )
    )
    max_bytes = 8192
    cpu_seconds = 0.02
    memory_bytes = 4 << 20
    weight = 2

    def open(self) -> None:
        """Make a loop for aiortc."""
        self._loop = asyncio.new_event_loop()
        self._policy = IcePolicy(("127.0.0.1",), (), None)

    def close(self) -> None:
        """End what aiortc has left behind, and close the loop."""
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    def seeds(self) -> Iterable[bytes]:
        """Return offers of browsers and players."""
        yield OFFER.encode()
        yield (HEAD + AUDIO + TRANSPORT + VIDEO + TRANSPORT + DATA + TRANSPORT).encode()
        yield (HEAD + "a=ice-lite\r\n" + AUDIO + TRANSPORT.replace("actpass", "passive") + CANDIDATES).encode()
        yield OFFER.replace("recvonly", "sendrecv").replace("a=mid:0\r\n", "").encode()

    def run(self, data: bytes) -> None:
        """Answer an offer."""
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return  # refused before
        try:
            offer = opus_offer(text)
        except (BadOfferError, UnsupportedOfferError) as error:
            require(0 < len(str(error)) < 200, "no sentence")
            return
        require(0 <= offer.payload_type < 128, "a payload type that RTP has no room for")
        require(len(offer.addresses) <= MAX_CANDIDATES, "more candidates than allowed")
        _check_answer(_lite(offer), offer)
        if zlib.crc32(data) % STOCK_EVERY == 0:
            self._loop.run_until_complete(self._answer_by_aiortc(offer))

    async def _answer_by_aiortc(self, offer: OpusOffer) -> None:
        peer = AiortcPeer(self._policy, _track, lambda: None, lambda _: None)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                _check_answer(await peer.negotiate(offer), offer)
        except BadOfferError:
            pass
        finally:
            await peer.close()


def _track() -> PacketTrack:
    return PacketTrack(Broadcast(1), lambda: 0)


def _lite(offer: OpusOffer) -> str:
    return lite_answer(
        offer,
        fragment="frag",
        password="0123456789abcdef0123456789abcdef",
        fingerprint=":".join(["0C"] * 32),
        setup="passive",
        candidates=[("127.0.0.1", 7000)],
        ssrc=1234,
        cname="somebody",
    )


def _check_answer(answer: str, offer: OpusOffer) -> None:
    require(len(answer) <= MAX_ANSWER_BYTES, "a long answer")
    lines = answer.split("\r\n")
    require(lines.pop() == "", "an answer without an end of line")
    require(all(line[1:2] == "=" and not CONTROL.search(line) for line in lines), "a line that is none")
    sections = [line.split() for line in lines if line.startswith("m=")]
    require(len(sections) == len(offer.lines) <= MAX_MEDIA_LINES, "other lines than offered")
    open_ones = [kind for kind, port, *_ in sections if port != "0"]
    require(open_ones.count("m=audio") == 1, "not one audio line")
    require("a=sendonly" in lines, "no audio to send")
    SessionDescription.parse(answer)
