"""Parsing of SDP offers with any sections, and the answer of stock aiortc."""

import pytest
from aiortc.sdp import SessionDescription

from rtc_drift.webrtc.offer_bounds import BadOfferError
from rtc_drift.webrtc.sdp import OpusOffer, UnsupportedOfferError, opus_offer, whole_answer

HEAD = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2\r\n"
TRANSPORT = (
    "a=rtcp-mux\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
    "a=fingerprint:sha-256 " + ":".join(["00"] * 32) + "\r\na=setup:actpass\r\n"
)


def audio(mid: int, direction: str | None = "recvonly") -> str:
    attribute = f"a={direction}\r\n" if direction else ""
    codecs = "a=rtpmap:111 opus/48000/2\r\na=rtpmap:0 PCMU/8000\r\n"
    return f"m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\na=mid:{mid}\r\n{attribute}{codecs}{TRANSPORT}"


def video(mid: int, direction: str | None = "recvonly", more: str = "") -> str:
    attribute = f"a={direction}\r\n" if direction else ""
    return f"m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:{mid}\r\n{attribute}a=rtpmap:96 VP8/90000\r\n{more}{TRANSPORT}"


def data(mid: int) -> str:
    return f"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:{mid}\r\na=sctp-port:5000\r\n{TRANSPORT}"


@pytest.mark.parametrize("direction", ["recvonly", "sendrecv", None])
def test_only_opus_remains_of_an_audio_section(direction: str | None) -> None:
    description = SessionDescription.parse(str(opus_offer(HEAD + audio(0, direction)).description))
    (line,) = description.media
    assert [codec.mimeType for codec in line.rtp.codecs] == ["audio/opus"]
    assert line.direction == direction or (direction is None and line.direction == "sendrecv")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (audio(0, "sendonly"), "does not ask to receive"),
        (audio(0).replace("audio 9", "audio 0").replace("a=mid:0\r\n", ""), "does not ask to receive"),
        (audio(0).replace("opus", "speex") + audio(1).replace("opus", "speex"), "no Opus"),
        (audio(0, "inactive"), "does not ask to receive"),
        (video(0), "no audio"),
        (data(0), "no audio"),
        (audio(0) + "".join(video(mid) for mid in range(1, 9)), "more than 4"),
    ],
)
def test_offers_that_cannot_receive_opus_are_unsupported(lines: str, message: str) -> None:
    with pytest.raises(UnsupportedOfferError, match=message):
        opus_offer(HEAD + lines)


def test_two_sections_with_the_same_mid_are_refused() -> None:
    with pytest.raises(BadOfferError, match="same mid"):
        opus_offer(HEAD + audio(0) + video(0))


@pytest.mark.parametrize("number", ["-1", "128", "70000"])
def test_a_payload_type_without_room_in_a_packet_is_not_taken(number: str) -> None:
    with pytest.raises(UnsupportedOfferError, match="no Opus"):
        opus_offer(HEAD + audio(0).replace("rtpmap:111", f"rtpmap:{number}"))
    both = audio(0).replace("a=rtpmap:111", f"a=rtpmap:{number} opus/48000/2\r\na=rtpmap:111")
    assert opus_offer(HEAD + both).payload_type == 111


def test_lines_are_bundled_with_lines_that_are_there() -> None:
    """aiortc takes the first one's transport for all."""
    offer = opus_offer(HEAD + audio(0).replace("a=mid:0\r\n", "") + video(1))
    assert offer.description.group[0].items == []
    assert not offer.is_bundled


@pytest.mark.parametrize(
    ("sections", "kept"),
    [
        (audio(0, "sendonly") + audio(1), "1"),
        (audio(0, "inactive") + audio(1, "sendrecv"), "1"),
        (audio(0).replace("opus", "speex") + audio(1), "1"),
        (audio(0) + audio(1), "0"),
        (video(0, "sendrecv") + audio(1) + audio(2, "sendonly"), "1"),
    ],
)
def test_the_first_audio_line_that_can_receive_opus_carries_the_music(sections: str, kept: str) -> None:
    offer = opus_offer(HEAD + sections)
    assert offer.mid == kept
    assert [line.rtp.muxId for line in offer.description.media] == [kept]
    assert offer.lines[int(kept)] is None
    assert all(line.split()[1] == "0" for line in offer.lines if line is not None)


def test_other_lines_are_hidden_from_aiortc_and_answered() -> None:
    offer = opus_offer(HEAD + data(0) + audio(1) + video(2))
    description = SessionDescription.parse(str(offer.description))
    assert [line.kind for line in description.media] == ["audio"]
    assert description.group[0].items == ["1"]
    transport = "a=ice-ufrag:x\r\na=ice-pwd:y\r\na=fingerprint:sha-256 00\r\na=setup:active\r\n"
    answer = f"v=0\r\na=group:BUNDLE 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n{transport}"
    whole = whole_answer(answer, offer)
    lines = whole.split("\r\n")
    assert [line.split()[:2] for line in lines if line.startswith("m=")] == [
        ["m=application", "0"],
        ["m=audio", "9"],
        ["m=video", "0"],
    ]
    assert "a=mid:0" in lines
    assert "a=group:BUNDLE 1 2" in lines
    assert "stereo=1" in whole
    assert whole.count("a=ice-ufrag:x") == 2
    assert whole.endswith(transport)
    assert whole_answer(answer, OpusOffer(SessionDescription())).startswith("v=0\r\nm=audio 9")


def test_a_bundle_only_line_has_the_transport_of_its_bundle() -> None:
    """RFC 9143: such a line has port 0, and no transport of its own."""
    bundle_only = audio(1).replace("audio 9", "audio 0").replace(TRANSPORT, "a=bundle-only\r\n")
    candidates = "a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\na=end-of-candidates\r\n"
    offer = opus_offer(HEAD + video(0, more=candidates) + bundle_only)
    assert (offer.mid, offer.fragment, offer.setup) == ("1", "abcd", "actpass")
    assert offer.fingerprints
    assert offer.addresses == {("192.0.2.1", 5000)}
    (line,) = SessionDescription.parse(str(offer.description)).media
    assert line.rtcp_mux
    assert line.port
    assert line.ice_candidates_complete
    with pytest.raises(BadOfferError, match="lacks ICE"):
        opus_offer(HEAD.replace("0 1 2", "1") + video(0) + bundle_only)


def test_candidates_of_another_transport_are_not_taken() -> None:
    candidate = "a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\n"
    other = video(0, more=candidate).replace("a=ice-ufrag:abcd", "a=ice-ufrag:wxyz")
    assert opus_offer(HEAD + other + audio(1)).addresses == set()
    assert opus_offer(HEAD + other + audio(1)).fragments == {"abcd", "wxyz"}
    assert opus_offer(HEAD + video(0, more=candidate) + audio(1)).addresses == {("192.0.2.1", 5000)}


def test_mdns_candidates_are_removed() -> None:
    named = "a=candidate:1 1 udp 2122260223 5e3b0a0a-0000.LOCAL 50000 typ host\r\n"
    assert "LOCAL" not in str(opus_offer(HEAD + audio(0) + video(1, more=named)).description)


def test_rtcp_mux_is_kept() -> None:
    (line,) = SessionDescription.parse(str(opus_offer(HEAD + audio(0)).description)).media
    assert line.rtcp_mux


def test_mdns_names_in_connection_lines_are_removed() -> None:
    """As Firefox writes them."""
    name = "3c7607b1-1e8f-4ab9-960e-8ea388efc77c.local"
    offer = audio(0).replace("a=mid:0\r\n", f"c=IN IP4 {name}\r\na=rtcp:50001 IN IP4 {name}\r\na=mid:0\r\n")
    assert name in offer
    assert ".local" not in str(opus_offer(HEAD + offer).description)
