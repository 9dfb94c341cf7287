"""What a stranger's SDP may hold, and what reading it may cost."""

import sys
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from aiortc.sdp import SessionDescription

from rtc_drift.webrtc.offer_bounds import (
    MAX_CANDIDATES,
    MAX_FORMAT_LINES,
    MAX_LINES,
    MAX_SDP_BYTES,
    MID_EXTENSION,
    BadOfferError,
    usable_address,
)
from rtc_drift.webrtc.sdp import opus_offer
from rtc_drift.webrtc.trickle import trickled

HEAD = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
TRANSPORT = (
    "a=rtcp-mux\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
    "a=fingerprint:sha-256 " + ":".join(["00"] * 32) + "\r\na=setup:actpass\r\n"
)
MOST_CALLS = 15_000
"""Calls of functions that reading an offer may take: about three milliseconds."""


def audio(more: str = "") -> str:
    line = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=recvonly\r\na=rtpmap:111 opus/48000/2\r\n"
    return f"{HEAD}{line}{TRANSPORT}{more}"


def candidate(number: int, host: str = "192.0.2.1", protocol: str = "udp", component: int = 1) -> str:
    return f"a=candidate:1 {component} {protocol} 2122260223 {host} {50_000 + number} typ host\r\n"


def rtpmaps(count: int) -> str:
    return "".join(f"a=rtpmap:{number} L16/48000/2\r\n" for number in range(count))


def calls_of(function: Callable[[], Any]) -> int:
    """Return the number of calls, of C functions too, that a call makes."""
    count = 0

    def profile(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(
    ("offer", "sentence"),
    [
        (audio("a=x\r\n" * MAX_LINES), "more than 300 lines"),
        (audio("a=" + "x" * MAX_SDP_BYTES), "larger than 16 KiB"),
        (audio(rtpmaps(MAX_FORMAT_LINES)), "more than 64 rtpmap"),
        (audio("a=rtcp-fb:* nack\r\n" * (MAX_FORMAT_LINES + 1)), "more than 64 rtcp-fb"),
        (audio().replace("abcd", "a" * 257), "ice-ufrag is longer"),
    ],
)
def test_too_much_of_anything_is_refused(offer: str, sentence: str) -> None:
    with pytest.raises(BadOfferError, match=sentence):
        opus_offer(offer)


def test_an_offer_at_every_bound_is_read_in_a_few_milliseconds() -> None:
    sections = "".join(
        f"m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:{mid}\r\na=recvonly\r\n{TRANSPORT}" for mid in range(1, 4)
    )
    most = audio(
        rtpmaps(MAX_FORMAT_LINES - 1)
        + "".join(candidate(number) for number in range(MAX_CANDIDATES))
        + "a=rtcp-fb:* nack\r\n" * MAX_FORMAT_LINES
        + sections
    )
    most += "".join(f"a=ssrc:{number} cname:x\r\n" for number in range(MAX_LINES - most.count("\n")))

    assert calls_of(lambda: opus_offer(most)) < MOST_CALLS


def test_the_feedback_of_video_does_not_count() -> None:
    """Chromium's offer for audio and video has 78 such lines."""
    video = f"m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=recvonly\r\n{TRANSPORT}a=rtpmap:96 VP8/90000\r\n"
    offer = opus_offer(audio() + video + "a=rtcp-fb:96 nack\r\n" * 78)

    assert offer.in_bundle == {1: "1"}


def test_only_candidates_that_can_be_used_count() -> None:
    useless = [
        candidate(1, "5e3b0a0a-0000.local"),
        candidate(1, "example.org"),
        candidate(1, "224.0.0.251"),
        candidate(1, "255.255.255.255"),
        candidate(1, "0.0.0.0"),
        candidate(1, "ff02::1"),
        candidate(1, protocol="tcp"),
        candidate(1, component=2),
        candidate(15_536),
        "a=candidate:1 1 udp 1 192.0.2.1 ٣ typ host\r\n",
    ]
    assert [line for line in useless if usable_address(line.strip().partition(":")[2]) is not None] == []
    usable = [candidate(1), candidate(1, protocol="UDP"), candidate(1, "2001:db8::1")]

    offer = opus_offer(audio("".join([*useless * 2, *usable * 3]) + "a=end-of-candidates\r\n"))

    assert offer.addresses == {("192.0.2.1", 50_001), ("2001:db8::1", 50_001)}
    assert not offer.description.media[0].ice_candidates_complete, "the listener has more, which its checks show"


def test_candidates_of_too_many_interfaces_are_left_out() -> None:
    """The listener's checks show which one it uses."""
    most = "".join(candidate(number) for number in range(MAX_CANDIDATES))
    offer = opus_offer(audio(f"{most}{candidate(99)}a=end-of-candidates\r\n"))

    assert offer.addresses == {("192.0.2.1", 50_000 + number) for number in range(MAX_CANDIDATES)}
    assert not offer.description.media[0].ice_candidates_complete
    assert opus_offer(audio(f"{most * 2}a=end-of-candidates\r\n")).description.media[0].ice_candidates_complete


def test_no_more_candidates_are_announced_only_where_there_is_one() -> None:
    for candidates, is_complete in (("", False), (candidate(1), True), (candidate(1) + candidate(2, "x.local"), False)):
        offer = opus_offer(audio(f"{candidates}a=end-of-candidates\r\n"))
        assert offer.description.media[0].ice_candidates_complete == is_complete, candidates


@pytest.mark.parametrize("character", ["\0", "\x0b", "\x1b", "\x7f", "\x85", "\u2028"])
def test_control_characters_are_refused(character: str) -> None:
    with pytest.raises(BadOfferError, match="control character"):
        opus_offer(audio(f"m=application{character} 9 X 1\r\n"))
    with pytest.raises(BadOfferError, match="control character"):
        trickled(f"a=mid:0{character}\r\n")


def test_a_malformed_candidate_is_refused() -> None:
    with pytest.raises(BadOfferError, match="not valid"):
        opus_offer(audio("a=candidate:x\r\n"))
    with pytest.raises(BadOfferError, match="not valid"):
        trickled("a=candidate:x\r\n")


def test_a_trickled_fragment_has_the_same_bounds() -> None:
    assert trickled(candidate(1) + candidate(1, "x.local") + "a=end-of-candidates\r\n").candidates.keys() == {
        ("192.0.2.1", 50_001)
    }
    for fragment in ("a=x\r\n" * (MAX_LINES + 1), "x" * (MAX_SDP_BYTES + 1)):
        with pytest.raises(BadOfferError):
            trickled(fragment)


@pytest.mark.parametrize("end", ["a=end-of-candidates\r\n", "a=candidate:\r\n", "a=\r\n", ""])
def test_a_fragment_may_hold_the_end_of_candidates_alone(end: str) -> None:
    trickle = trickled(f"a=ice-ufrag:abcd\r\na=ice-pwd:0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n{end}")

    assert not trickle.candidates
    assert trickle.fragments == {"abcd"}


def test_a_candidate_with_its_prefix_twice_is_understood() -> None:
    """As MediaMTX sends it, and others send ICE-TCP beside it."""
    doubled = "a=candidate:candidate:2 1 udp 2130706431 192.0.2.1 5000 typ host ufrag abcd\r\n"
    tcp = "a=candidate:3 1 tcp 1671430143 192.0.2.1 9 typ host tcptype active\r\n"

    assert trickled(doubled + tcp).candidates.keys() == {("192.0.2.1", 5000)}


def test_an_offer_without_unread_lines_is_the_same_offer() -> None:
    unread = "a=msid-semantic: WMS\r\na=extmap:1 urn:x\r\na=rid:1 send\r\n"
    read = f"a=extmap:4 {MID_EXTENSION}\r\na=rtcp-fb:111 nack\r\na=fmtp:111 stereo=1\r\n"
    offer = opus_offer(audio(unread + read + candidate(1)))

    assert (offer.mid, offer.mid_extension, offer.wants_nack, offer.payload_type) == ("0", 4, True, 111)
    assert "urn:x" not in str(offer.description)
    assert SessionDescription.parse(str(offer.description)).media[0].ice_candidates[0].ip == "192.0.2.1"


async def test_a_listener_on_the_shared_port_keeps_nothing_of_its_offer() -> None:
    from rtc_drift.engine.protocol.clock import TickClock
    from rtc_drift.webrtc.ice_policy import IcePolicy
    from rtc_drift.webrtc.shared_port import SharedPort
    from rtc_drift.webrtc.shared_port_peer import StationRef

    port = SharedPort(IcePolicy(("127.0.0.1",)), 0, TickClock(0), lambda _: None)
    port.start()
    offer = opus_offer(audio())
    description = weakref.ref(offer.description)
    peer = port.peer(StationRef(1, lambda: 0), lambda: None, lambda _: None)
    await peer.negotiate(offer)

    del offer
    assert description() is None

    await peer.close()
    await port.close()
