"""RTCP, against aiortc at the other end."""

import pytest
from aiortc.rtp import (
    RTCP_RTPFB_NACK,
    RtcpByePacket,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rtc_drift.webrtc import rtcp
from rtc_drift.webrtc.rtcp import Nack, ReportBlock

WORDS = st.integers(0, 2**32 - 1)
INFOS = st.builds(
    RtcpReceiverInfo, WORDS, st.integers(0, 255), st.integers(-(2**23), 2**23 - 1), WORDS, WORDS, WORDS, WORDS
)
SENDERS = st.builds(RtcpSenderInfo, st.integers(0, 2**64 - 1), WORDS, WORDS, WORDS)
MISSING = st.sets(st.integers(0, 65535), min_size=1, max_size=40).map(sorted)
PACKETS = st.one_of(
    st.builds(RtcpRrPacket, WORDS, st.lists(INFOS, max_size=31)),
    st.builds(RtcpSrPacket, WORDS, SENDERS, st.lists(INFOS, max_size=31)),
    st.builds(RtcpRtpfbPacket, st.just(RTCP_RTPFB_NACK), WORDS, WORDS, MISSING),
    st.builds(RtcpRtpfbPacket, st.just(15), WORDS, WORDS, MISSING),
    st.builds(RtcpPsfbPacket, st.integers(1, 15), WORDS, WORDS, st.just(bytes(8))),
    st.builds(RtcpByePacket, st.lists(WORDS, max_size=3)),
    st.builds(RtcpSdesPacket, st.lists(st.builds(RtcpSourceInfo, WORDS, st.just([(1, b"somebody")])), max_size=2)),
)


def expected_items(packet: object) -> list[ReportBlock | Nack]:
    """Return the items that `parse` should yield for a packet."""
    if isinstance(packet, RtcpRrPacket | RtcpSrPacket):
        return [
            ReportBlock(it.ssrc, it.fraction_lost / 256, it.packets_lost, it.jitter, it.lsr, it.dlsr)
            for it in packet.reports
        ]
    if isinstance(packet, RtcpRtpfbPacket) and packet.fmt == RTCP_RTPFB_NACK:
        return [Nack(packet.media_ssrc, tuple(packet.lost))]
    return []


def pairs(numbers: list[int]) -> bytes:
    """Return a NACK for packets, as aiortc writes it."""
    return bytes(RtcpRtpfbPacket(RTCP_RTPFB_NACK, 1, 2, numbers))


@given(st.lists(PACKETS, max_size=5))
@settings(max_examples=60)
def test_reports_of_listeners_are_parsed(packets: list[object]) -> None:
    compound = b"".join(bytes(packet) for packet in packets)  # type: ignore[call-overload]
    assert list(rtcp.parse(compound)) == [item for packet in packets for item in expected_items(packet)]


@given(st.lists(PACKETS, min_size=1, max_size=3), st.data())
@settings(max_examples=40)
def test_a_truncated_packet_ends_parsing_and_keeps_earlier_ones(packets: list[object], data: st.DataObject) -> None:
    wires = [bytes(packet) for packet in packets]  # type: ignore[call-overload]
    cut = data.draw(st.integers(1, len(wires[-1])))
    assert list(rtcp.parse(b"".join(wires)[:-cut])) == [
        item for packet in packets[:-1] for item in expected_items(packet)
    ]


@pytest.mark.parametrize("total", [-1, -(2**23), 2**23 - 1, 0])
def test_more_received_than_sent_packets_are_a_negative_loss(total: int) -> None:
    (report,) = rtcp.parse(bytes(RtcpRrPacket(1, [RtcpReceiverInfo(2, 0, total, 0, 0, 0, 0)])))
    assert isinstance(report, ReportBlock)
    assert report.total_lost == total


def test_a_nack_continues_after_the_roll_over() -> None:
    (nack,) = rtcp.parse(
        bytes(RtcpRtpfbPacket(RTCP_RTPFB_NACK, 1, 2))[:2] + b"\0\3" + bytes(4) + b"\0\0\0\2\xff\xfe\0\7"
    )
    assert nack == Nack(2, (65534, 65535, 0, 1))
    assert next(rtcp.parse(pairs([7]))) == Nack(2, (7,))


@pytest.mark.parametrize("count", [1, 2, 31])
def test_missing_report_blocks_are_not_invented(count: int) -> None:
    wire = bytearray(bytes(RtcpRrPacket(1, [RtcpReceiverInfo(2, 9, 3, 0, 0, 0, 0)])))
    wire[0] = 0x80 | count
    assert len(list(rtcp.parse(bytes(wire) + bytes(RtcpByePacket([1]))))) == 1


@given(
    st.binary(max_size=200)
    | st.lists(
        st.builds(
            lambda first, kind, words, body: bytes((first, kind)) + words.to_bytes(2, "big") + body,
            st.integers(0x80, 0xBF),
            st.sampled_from((200, 201, 202, 203, 205, 206)),
            st.integers(0, 12) | st.just(65535),
            st.binary(max_size=50),
        )
    ).map(b"".join)
)
@example(b"\x81\xcd\x00\x02" + bytes(8))
@example(b"\x81\xcd\x00\x00" + bytes(4))
@example(b"\x9f\xc8\x00\x00" + bytes(4))
def test_any_bytes_can_be_parsed_safely(data: bytes) -> None:
    for item in rtcp.parse(data):
        if isinstance(item, Nack):
            assert all(0 <= number <= 65535 for number in item.sequence_numbers)
        else:
            assert 0 <= item.fraction_lost < 1


@given(WORDS, st.integers(0, 2**64 - 1), st.integers(0, 2**40), st.integers(0, 2**40), st.integers(0, 2**40))
def test_aiortc_parses_our_sender_report(ssrc: int, ntp: int, timestamp: int, packets: int, octets: int) -> None:
    (report,) = RtcpPacket.parse(rtcp.sender_report(ssrc, ntp, timestamp, packets, octets))
    info = RtcpSenderInfo(ntp, timestamp % 2**32, packets % 2**32, octets % 2**32)
    assert report == RtcpSrPacket(ssrc, info, [])


@given(WORDS, st.binary(max_size=255))
def test_aiortc_parses_our_source_description(ssrc: int, cname: bytes) -> None:
    compound = rtcp.sender_report(1, 2, 3, 4, 5) + rtcp.source_description(ssrc, cname)
    assert len(compound) % 4 == 0
    assert cname.endswith(b"\0") or compound.endswith(b"\0"), "RFC 3550, 6.5: a list of items ends in a zero"
    assert RtcpPacket.parse(compound)[1:] == [RtcpSdesPacket([RtcpSourceInfo(ssrc, [(1, cname)])])]


@given(WORDS)
def test_a_goodbye_starts_with_a_report(ssrc: int) -> None:
    assert RtcpPacket.parse(rtcp.bye(ssrc)) == [RtcpRrPacket(ssrc, []), RtcpByePacket([ssrc])]


def test_ntp_counts_from_1900() -> None:
    # RFC 868: 2 208 988 800 is 00:00 on 1 January 1970.
    assert rtcp.ntp_time(0) == 2_208_988_800 << 32
    assert rtcp.ntp_time(0.5) & 0xFFFFFFFF == 1 << 31


@given(
    st.integers(0, 4_000_000_000),
    st.integers(0, 2**16 * 30),
    st.floats(0, 60),
)
def test_the_round_trip_excludes_the_delay_of_the_listener(sent_at: int, delay: int, trip: float) -> None:
    """As in the example of RFC 3550, 6.4.1, at any time, also where the middle 32 bits roll over."""
    last_report = rtcp.ntp_time(sent_at) >> 16 & 0xFFFFFFFF
    now = rtcp.ntp_time(sent_at + delay / 65536 + trip)
    measured = rtcp.round_trip_seconds(ReportBlock(1, 0, 0, 0, last_report, delay), now)
    if last_report:
        assert measured == pytest.approx(trip, abs=1e-4)


def test_the_round_trip_of_the_example_in_the_rfc() -> None:
    report = ReportBlock(1, 0, 0, 0, last_report=0xB7052000, delay=0x00054000)
    assert rtcp.round_trip_seconds(report, 0xB710_8000 << 16) == 6.125


def test_an_impossible_round_trip_is_none() -> None:
    assert rtcp.round_trip_seconds(ReportBlock(1, 0, 0, 0, 0, 0), rtcp.ntp_time(0)) is None
    late = ReportBlock(1, 0, 0, 0, rtcp.ntp_time(5.0) >> 16 & 0xFFFFFFFF, 65536)
    assert rtcp.round_trip_seconds(late, rtcp.ntp_time(5.5)) is None, "the delay is longer than the time passed"
