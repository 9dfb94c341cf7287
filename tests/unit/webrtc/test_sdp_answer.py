"""The SDP answer of the shared port, parsed by aiortc, and the rules of offer and answer."""

import re
from collections.abc import Sequence
from typing import Any

import pytest
from aiortc.rtcrtpparameters import RTCRtcpFeedback, RTCRtpHeaderExtensionParameters
from aiortc.sdp import MediaDescription, SessionDescription
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.webrtc.offer_bounds import MID_EXTENSION
from rtc_drift.webrtc.sdp import advertised, lite_answer, opus_offer

TRANSPORT = (
    "a=rtcp-mux\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
    "a=fingerprint:sha-256 " + ":".join(["ab"] * 32) + "\r\na=setup:actpass\r\n"
)
FINGERPRINT = ":".join(["0C"] * 32)
AUDIO = (
    "m=audio 9 UDP/TLS/RTP/SAVPF 96 109 0\r\na=mid:{mid}\r\na=recvonly\r\n"
    "a=rtpmap:96 opus/48000/2\r\na=rtpmap:109 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n{more}" + TRANSPORT
)
VIDEO = "m=video {port} UDP/TLS/RTP/SAVPF 97\r\na=mid:{mid}\r\na=recvonly\r\na=rtpmap:97 VP8/90000\r\n" + TRANSPORT
DATA = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:{mid}\r\na=sctp-port:5000\r\n" + TRANSPORT


def offered(*sections: str, group: str | None = "0 1 2 3") -> str:
    head = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
    return head + (f"a=group:BUNDLE {group}\r\n" if group is not None else "") + "".join(sections)


def audio(mid: object = 0, more: str = "") -> str:
    return AUDIO.format(mid=mid, more=more)


def video(mid: object, port: int = 9) -> str:
    return VIDEO.format(mid=mid, port=port)


def data(mid: object) -> str:
    return DATA.format(mid=mid)


def answered(offer: str, candidates: Sequence[tuple[str, int]] = (("127.0.0.1", 7000),), **more: Any) -> str:
    known: dict[str, Any] = {
        "fragment": "frag",
        "password": "0123456789abcdef0123456789abcdef",
        "fingerprint": FINGERPRINT,
        "setup": "passive",
        "candidates": candidates,
        "ssrc": 0xFFFFFFFE,
        "cname": "somebody",
    }
    return lite_answer(opus_offer(offer), **(known | more))


def lines(answer: str) -> list[MediaDescription]:
    return SessionDescription.parse(answer).media


@pytest.mark.parametrize("setup", ["active", "passive"])
def test_an_answer_has_all_that_a_listener_needs(setup: str) -> None:
    answer = answered(offered(audio()), [("127.0.0.1", 7000), ("::1", 7000)], setup=setup)
    (line,) = lines(answer)
    assert (line.kind, line.port, line.host, line.profile) == ("audio", 7000, "127.0.0.1", "UDP/TLS/RTP/SAVPF")
    assert (line.direction, line.rtcp_mux, line.rtp.muxId) == ("sendonly", True, "0")
    (codec,) = line.rtp.codecs
    assert (codec.mimeType, codec.clockRate, codec.channels, codec.payloadType) == ("audio/opus", 48000, 2, 96)
    assert (codec.parameters["stereo"], codec.parameters["sprop-stereo"]) == (1, "1")
    assert codec.parameters["useinbandfec"] == 0
    assert line.ice is not None
    assert (line.ice.usernameFragment, line.ice.password) == ("frag", "0123456789abcdef0123456789abcdef")
    assert line.ice.iceLite
    assert line.dtls is not None
    assert line.dtls.role == {"active": "client", "passive": "server"}[setup]
    assert [(it.algorithm, it.value) for it in line.dtls.fingerprints] == [("sha-256", FINGERPRINT)]
    assert [(it.ssrc, it.cname) for it in line.ssrc] == [(0xFFFFFFFE, "somebody")]
    assert line.msid == "somebody somebody"
    assert line.ice_candidates_complete
    assert [(it.ip, it.port, it.protocol, it.type, it.component) for it in line.ice_candidates] == [
        ("127.0.0.1", 7000, "udp", "host", 1),
        ("::1", 7000, "udp", "host", 1),
    ]


def test_every_line_ends_with_crlf() -> None:
    answer = answered(offered(audio(0), video(1), data(2)))
    assert answer.endswith("\r\n")
    assert all(re.fullmatch(r"[a-z]=\S.*", line) for line in answer.split("\r\n")[:-1])
    assert "\n" not in answer.replace("\r\n", "")


@given(st.lists(st.tuples(st.ip_addresses().map(str), st.integers(1, 65535)), min_size=1, max_size=8, unique=True))
@settings(max_examples=40)
def test_candidates_come_in_their_order_of_preference(candidates: list[tuple[str, int]]) -> None:
    (line,) = lines(answered(offered(audio()), candidates))
    assert [(it.ip, it.port) for it in line.ice_candidates] == candidates
    priorities = [it.priority for it in line.ice_candidates]
    assert priorities == sorted(set(priorities), reverse=True)
    assert {priority >> 24 for priority in priorities} == {126}, "of the type host"
    assert {priority & 0xFF for priority in priorities} == {255}, "of the first component"
    assert len({it.foundation for it in line.ice_candidates}) == len(candidates)
    assert (line.host, line.port) == candidates[0]


@pytest.mark.parametrize(
    ("feedback", "wanted"),
    [
        ("", False),
        ("a=rtcp-fb:96 nack\r\n", True),
        ("a=rtcp-fb:96 nack pli\r\n", False),
        ("a=rtcp-fb:96 transport-cc\r\n", False),
        ("a=rtcp-fb:0 nack\r\n", False),
    ],
)
def test_nack_is_agreed_only_if_offered_for_opus(feedback: str, wanted: bool) -> None:
    offer = offered(audio(more=feedback))
    assert opus_offer(offer).wants_nack == wanted
    (line,) = lines(answered(offer))
    assert line.rtp.codecs[0].rtcpFeedback == ([RTCRtcpFeedback(type="nack")] if wanted else [])


def test_the_mid_extension_is_agreed_only_if_offered() -> None:
    level = "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
    wants = offered(audio(more=f"{level}a=extmap:4 {MID_EXTENSION}\r\n"))
    (line,) = lines(answered(wants))
    assert line.rtp.headerExtensions == [RTCRtpHeaderExtensionParameters(id=4, uri=MID_EXTENSION)]
    (line,) = lines(answered(offered(audio(more=level))))
    assert line.rtp.headerExtensions == []


@pytest.mark.parametrize(
    ("sections", "kinds"),
    [
        ([audio(0), video(1)], ["audio", "video"]),
        ([video(0), audio(1)], ["video", "audio"]),
        ([data(0), audio(1), video(2)], ["application", "audio", "video"]),
        ([audio(0), data(1)], ["audio", "application"]),
        ([audio(0), video(1, port=0)], ["audio", "video"]),
        ([audio(0), video(9)], ["audio", "video"]),
        ([audio(0), audio(1), video(2)], ["audio", "audio", "video"]),
    ],
)
def test_sections_keep_their_order(sections: list[str], kinds: list[str]) -> None:
    """All but the first audio line are rejected; those bundled with it say what a client needs all the same."""
    offer = offered(*sections)
    answer = answered(offer)
    described = SessionDescription.parse(answer)
    assert [line.kind for line in described.media] == kinds
    assert [line.rtp.muxId for line in described.media] == [
        line.rtp.muxId for line in SessionDescription.parse(offer).media
    ]
    music = kinds.index("audio")
    for index, line in enumerate(described.media):
        assert (line.port > 0) == (index == music)
        assert bool(line.ice_candidates) == bool(line.ssrc) == (index == music)
        if index == music:
            assert line.direction == "sendonly"
        elif line.rtp.muxId in described.group[0].items:
            assert line.direction == "inactive"
            assert line.ice is not None
            assert line.ice.usernameFragment == "frag"


@pytest.mark.parametrize(
    ("sections", "group", "mids"),
    [
        ([audio(0)], "0", ["0"]),
        ([audio(0), video(1)], "0 1", ["0", "1"]),
        ([video(0), audio(1)], "0 1", ["0", "1"]),
        ([audio(0), video(1), data(2)], "0 1 2", ["0", "1"]),
        ([audio(0), video(1)], "0", ["0"]),
        ([audio("music")], "music", ["music"]),
        ([audio(0)], None, None),
        ([audio(0), video(1)], "1", None),
    ],
)
def test_only_an_offered_group_is_answered(sections: list[str], group: str | None, mids: list[str] | None) -> None:
    """RFC 9143, 7.3: no section is added to a group. Rejected video stays, as in the example of the WHEP draft."""
    groups = [it for it in SessionDescription.parse(answered(offered(*sections, group=group))).group if it.items]
    assert [(it.semantic, sorted(map(str, it.items))) for it in groups] == ([("BUNDLE", mids)] if mids else [])


def test_an_offer_without_mids_is_answered_without() -> None:
    offer = offered(audio().replace("a=mid:0\r\n", ""), group=None)
    answer = answered(offer)
    assert "a=mid" not in answer
    assert "a=group" not in answer
    (line,) = lines(answer)
    assert line.direction == "sendonly"


def test_the_advertised_address_replaces_the_own_one_of_its_family() -> None:
    answer = answered(offered(audio()), [("127.0.0.1", 7000), ("::1", 7001)])
    (line,) = lines(advertised(answer, "192.0.2.1"))
    assert [(it.ip, it.port) for it in line.ice_candidates] == [("192.0.2.1", 7000), ("::1", 7001)]
    (line,) = lines(advertised(answer, "2001:db8::1"))
    assert [(it.ip, it.port) for it in line.ice_candidates] == [("127.0.0.1", 7000), ("2001:db8::1", 7001)]


@pytest.mark.parametrize(
    ("setup", "understood"), [("active", "active"), ("passive", "passive"), ("actpass", "actpass")]
)
def test_the_offer_is_parsed_for_the_shared_port(setup: str, understood: str) -> None:
    more = f"a=extmap:4 {MID_EXTENSION}\r\na=rtcp-fb:96 nack\r\n"
    offer = opus_offer(offered(audio(more=more)).replace("setup:actpass", f"setup:{setup}"))
    assert (offer.fragment, offer.password) == ("abcd", "0123456789012345678901")
    assert offer.fingerprints == {"sha-256": ":".join(["AB"] * 32)}
    assert (offer.setup, offer.payload_type, offer.mid, offer.mid_extension) == (understood, 96, "0", 4)
    assert offer.wants_nack
    assert not offer.is_lite
