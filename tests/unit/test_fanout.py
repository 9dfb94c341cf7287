"""The fan-out: what leaves the sockets is what listeners with the right keys can play, whoever else comes and goes."""

import contextlib
import ctypes
import errno
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pylibsrtp
import pytest
from aiortc.rtp import HeaderExtensions, HeaderExtensionsMap, RtpPacket
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pylibsrtp import Policy

from rtc_drift.engine import datagrams, srtp
from rtc_drift.engine.datagrams import BatchOutbox, PlainOutbox, socket_address
from rtc_drift.engine.fanout import BATCH_ROWS, HISTORY_TICKS, MAX_PACKET_BYTES, Fanout
from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.srtp import MAX_STEP, steps_to
from rtc_drift.webrtc.dtls import PROFILES
from tests.unit.udp_room import Caller, callers

GCM = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
KEY_BYTES = {profile.number: profile.key_bytes + profile.salt_bytes for profile in PROFILES}
MID = "bede0001" + "30" + b"0".hex() + "0000"
"""A header extension block: number 3 says `0`."""
STATION = 1


def listener(number: int, caller: Caller, **more: Any) -> m.AddListener:
    """One whose every number is its own."""
    profile = more.get("profile", GCM)
    plain = m.AddListener(
        station=STATION,
        listener=number,
        socket=0,
        address=caller.address,
        ssrc=0xABC00000 + number,
        payload_type=96 + number % 31,
        extension="",
        index_offset=2000 + number,
        timestamp_offset=7_919 * number,
        profile=profile,
        key=np.random.default_rng(number).bytes(KEY_BYTES[profile]).hex(),
    )
    return replace(plain, **more)


class Ear:
    """The receiving end of one listener's SRTP, which remembers how often sequence numbers have rolled over."""

    def __init__(self, it: m.AddListener) -> None:
        self._session = pylibsrtp.Session(
            Policy(key=bytes.fromhex(it.key), ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=it.profile)
        )

    def heard(self, datagram: bytes) -> RtpPacket:
        """Raises pylibsrtp.Error if it was not made with the key, or came before."""
        return RtpPacket.parse(self._session.unprotect(datagram), HeaderExtensionsMap())


@contextlib.contextmanager
def sending(sockets: int = 1) -> Iterator[Fanout]:
    fanout = Fanout()
    try:
        for number in range(sockets):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            fanout.add_socket(number, sock)
            sock.bind(("127.0.0.1", 0))
        yield fanout
    finally:
        fanout.close()


def counts(fanout: Fanout) -> dict[int, tuple[int, int, int]]:
    rows = np.frombuffer(fanout.report().data, "<u4").reshape(-1, 4).tolist()
    told = {number: (packets, octets, dropped) for number, packets, octets, dropped in rows}
    assert len(told) == len(rows), "each listener once"
    return told


@pytest.fixture(params=[BatchOutbox, PlainOutbox])
def either_outbox(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param is BatchOutbox and datagrams.outbox is not BatchOutbox:
        pytest.skip("no sendmmsg here")
    monkeypatch.setattr("rtc_drift.engine.fanout.outbox", request.param)


# --- one listener ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name.decode())
def test_packets_are_what_srtp_and_rtp_say(profile: Any, either_outbox: None) -> None:
    with callers(1) as (caller,), sending() as fanout:
        it = listener(1, caller, profile=profile.number, timestamp_offset=2**32 - 1000, extension=MID)
        fanout.handle(it)
        for tick in range(50, 53):
            fanout.send(STATION, tick, 960 * tick, b"opus %d" % tick)
        ear, wires = Ear(it), caller.received()
        packets = [ear.heard(wire) for wire in wires]
    assert [packet.payload for packet in packets] == [b"opus 50", b"opus 51", b"opus 52"]
    assert [packet.marker for packet in packets] == [1, 0, 0]
    assert [packet.payload_type for packet in packets] == [it.payload_type] * 3
    assert [packet.ssrc for packet in packets] == [it.ssrc] * 3
    assert [packet.sequence_number for packet in packets] == [it.index_offset + tick for tick in range(50, 53)]
    assert [packet.timestamp for packet in packets] == [(960 * tick - 1000) % 2**32 for tick in range(50, 53)]
    assert all(b"opus" not in wire for wire in wires)


def test_the_media_line_is_named_in_every_packet_if_that_is_wanted() -> None:
    names = HeaderExtensionsMap()
    names._HeaderExtensionsMap__ids.mid = 3  # type: ignore[attr-defined]
    with callers(2) as (one, two), sending() as fanout:
        wants, wants_not = listener(1, one, extension=MID), listener(2, two)
        fanout.handle(wants)
        fanout.handle(wants_not)
        fanout.send(STATION, 1, 0, b"music")
        fanout.send(STATION, 2, 960, b"more music")
        station = pylibsrtp.Session(
            Policy(key=bytes.fromhex(wants.key), ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=GCM)
        )
        named = [RtpPacket.parse(station.unprotect(wire), names) for wire in one.received()]
        ear = Ear(wants_not)
        plain = [ear.heard(wire) for wire in two.received()]
    assert [packet.extensions for packet in named] == [HeaderExtensions(mid="0")] * 2
    assert [packet.payload for packet in named] == [packet.payload for packet in plain] == [b"music", b"more music"]
    assert [packet.extensions for packet in plain] == [HeaderExtensions()] * 2


@pytest.mark.parametrize("size", [1, 3, MAX_PACKET_BYTES])
def test_opus_of_any_size_gets_through(size: int) -> None:
    with callers(1) as (caller,), sending() as fanout:
        it = listener(1, caller, extension=MID)
        fanout.handle(it)
        opus = np.random.default_rng(size).bytes(size)
        fanout.send(STATION, 1, 0, opus)
        (wire,) = caller.received()
        assert Ear(it).heard(wire).payload == opus
        fanout.send(STATION, 2, 960, bytes(MAX_PACKET_BYTES + 1))
        assert caller.received() == [], "what is no Opus packet is not sent"


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name.decode())
def test_sequence_numbers_roll_over(profile: Any) -> None:
    with callers(1) as (caller,), sending() as fanout:
        it = listener(1, caller, profile=profile.number, index_offset=65533 - 700)
        fanout.handle(it)
        for tick in range(700, 706):
            fanout.send(STATION, tick, 960 * tick, b"%d" % tick)
        ear = Ear(it)
        packets = [ear.heard(wire) for wire in caller.received()]
    assert [packet.sequence_number for packet in packets] == [65533, 65534, 65535, 0, 1, 2]
    assert [packet.payload for packet in packets] == [b"700", b"701", b"702", b"703", b"704", b"705"]


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name.decode())
def test_a_fresh_engine_goes_on_where_it_should_be_by_now(profile: Any) -> None:
    with callers(1) as (caller,), sending() as old, sending() as new:
        it = listener(1, caller, profile=profile.number)
        ear = Ear(it)
        old.handle(it)
        ticks = range(10, 5 * 65536, 30_000)
        for tick in ticks:
            old.send(STATION, tick, 960 * tick, b"old")
        assert [ear.heard(wire).payload for wire in caller.received()] == [b"old"] * len(ticks)
        after = ticks[-1] + 10
        new.handle(replace(it, sent=old_counts(old)))
        new.send(STATION, after, 960 * after, b"new")
        new.send(STATION, after + 1, 960 * after + 960, b"next")
        first, following = (ear.heard(wire) for wire in caller.received())
        assert (first.payload, following.payload) == (b"new", b"next")
        assert first.sequence_number == (after + it.index_offset) % 65536
        assert counts(new) == {1: (len(ticks) + 2, 3 * len(ticks) + 7, 0)}


def old_counts(fanout: Fanout) -> tuple[int, int, int]:
    (sent,) = counts(fanout).values()
    return sent


@given(st.integers(1024, 2**15), st.lists(st.integers(1, 200_000), min_size=1, max_size=6))
@settings(max_examples=30, deadline=None)
def test_what_a_listener_gets_does_not_depend_on_what_was_sent_before(offset: int, pauses: list[int]) -> None:
    """Also after programmes that stood for hours: an engine that sent nothing before gives the reference."""
    with callers(2) as (caller, other), sending() as fanout:
        it, tick = listener(1, caller, index_offset=offset), 0
        fanout.handle(it)
        for pause in pauses:
            tick += pause
            fanout.send(STATION, tick - 1, 0, b"before")
            fanout.send(STATION, tick, 960, b"now")
            with sending() as fresh:
                fresh.handle(replace(it, address=other.address))
                fresh.send(STATION, tick - 1, 0, b"before")
                fresh.send(STATION, tick, 960, b"now")
            assert caller.received()[1:] == other.received()[1:]


@given(st.integers(0, 2**24))
def test_steps_lead_to_any_index(index: int) -> None:
    way = [*steps_to(index), index]
    assert way[0] == 0
    assert all(0 < there - here <= MAX_STEP for here, there in pairwise(way))


# --- asked for again ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name.decode())
def test_packets_are_sent_again_as_they_were(profile: Any, either_outbox: None) -> None:
    with callers(2) as (caller, other), sending() as fanout:
        it = listener(1, caller, profile=profile.number, index_offset=65400, extension=MID)
        fanout.handle(it)
        fanout.handle(listener(2, other, profile=profile.number, extension=MID))
        last = 100 + HISTORY_TICKS + 5
        for tick in range(100, last + 1):
            fanout.send(STATION, tick, 960 * tick, b"%d" % tick)
        wires = caller.received()
        other.received()
        numbers = [(it.index_offset + tick) % 65536 for tick in range(100, last + 1)]
        for number in numbers[-HISTORY_TICKS:]:
            fanout.handle(m.Resend(STATION, 1, (number,)))
        assert caller.received() == wires[-HISTORY_TICKS:], "datagram for datagram"
        fanout.handle(m.Resend(STATION, 1, (numbers[-1], numbers[-3], numbers[-2])))
        assert caller.received() == [wires[-1], wires[-3], wires[-2]]
        too_old, to_come = numbers[-HISTORY_TICKS - 1], (numbers[-1] + 1) % 65536
        fanout.handle(m.Resend(STATION, 1, (too_old, to_come, 40_000, numbers[-1])))
        assert caller.received() == wires[-1:], "what is not there is passed over"
        fanout.send(STATION, last + 1, 0, b"on")
        assert len(caller.received()) == 1
        assert other.received() != []
        octets = sum(len(b"%d" % tick) for tick in range(100, last + 1)) + HISTORY_TICKS * 3 + 4 * 3 + 2
        assert counts(fanout)[1] == (len(wires) + HISTORY_TICKS + 4 + 1, octets, 0)


def test_the_first_packet_is_sent_again_as_it_was() -> None:
    """With its marker: two packets that differ under one index would give GCM's authentication key away."""
    with callers(1) as (caller,), sending() as fanout:
        it = listener(1, caller)
        fanout.handle(it)
        fanout.send(STATION, 5, 0, b"first")
        fanout.handle(m.Resend(STATION, 1, (it.index_offset + 5,)))
        first, again = caller.received()
        assert first == again


def test_nothing_is_sent_again_that_was_sent_before_a_listener_came() -> None:
    with callers(2) as (one, two), sending() as fanout:
        fanout.handle(listener(1, one))
        fanout.send(STATION, 5, 0, b"before")
        it = listener(2, two)
        fanout.handle(it)
        fanout.handle(m.Resend(STATION, 2, (it.index_offset + 5,)))
        fanout.send(STATION, 6, 960, b"first")
        fanout.handle(m.Resend(STATION, 2, (it.index_offset + 5,)))
        ear = Ear(it)
        assert [ear.heard(wire).payload for wire in two.received()] == [b"first"]


def test_what_a_listener_may_ask_for_is_its_own_whatever_row_it_lies_in() -> None:
    with callers(2) as (one, two), sending() as fanout:
        fanout.handle(listener(1, one))
        fanout.send(STATION, 5, 0, b"before")
        it = listener(2, two)
        fanout.handle(it)
        fanout.send(STATION, 6, 960, b"first")
        fanout.handle(m.RemoveListener(STATION, 1))
        (wire,) = two.received()
        fanout.handle(m.Resend(STATION, 2, (it.index_offset + 5, it.index_offset + 6)))
        assert two.received() == [wire]


def test_what_is_too_old_to_be_protected_again_does_not_leave(either_outbox: None) -> None:
    """After a pause the last packets may be older than libsrtp allows."""
    with callers(3) as them, sending() as fanout:
        everybody = [listener(number, caller) for number, caller in enumerate(them)]
        for it in everybody:
            fanout.handle(it)
        for tick in (1, 2, 3_000):
            fanout.send(STATION, tick, 0, b"secret")
        for caller in them:
            caller.received()
        fanout.handle(m.Resend(STATION, 1, (everybody[1].index_offset + 2,)))
        assert [caller.received() for caller in them] == [[], [], []]
        assert counts(fanout) == {0: (3, 18, 0), 1: (3, 18, 1), 2: (3, 18, 0)}


def test_an_index_is_never_used_for_two_packets_after_a_move_to_another_socket() -> None:
    """Asked for a packet before the next tick, a sender that doesn't know of the roll-overs yet must not guess them."""
    with callers(1) as (caller,), sending(2) as fanout:
        it = listener(1, caller, index_offset=3 * 65536)
        fanout.handle(it)
        fanout.send(STATION, 41_000, 0, b"first")
        fanout.send(STATION, 41_001, 960, b"second")
        wires = caller.received()
        fanout.handle(m.MoveListener(STATION, 1, 1, caller.address))
        fanout.handle(m.Resend(STATION, 1, (41_001,)))
        assert set(caller.received()) <= set(wires)
        fanout.send(STATION, 41_002, 1920, b"third")
        assert len(caller.received()) == 1


# --- who can't be sent to -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nowhere", [("127.0.0.1", 0), ("::1", 9)])
@pytest.mark.parametrize("place", range(3))
def test_one_who_cannot_be_sent_to_costs_nobody_else_a_packet(
    nowhere: tuple[str, int], place: int, either_outbox: None
) -> None:
    with callers(3) as them, sending() as fanout:
        everybody = [listener(number, caller) for number, caller in enumerate(them)]
        everybody[place] = replace(everybody[place], address=nowhere)
        ears = [Ear(it) for it in everybody]
        for it in everybody:
            fanout.handle(it)
        for tick in (1, 2):
            fanout.send(STATION, tick, 0, b"music")
            for number, (caller, ear) in enumerate(zip(them, ears, strict=True)):
                heard = [ear.heard(wire).payload for wire in caller.received()]
                assert heard == ([] if number == place else [b"music"])
        assert counts(fanout) == {number: (0, 0, 2) if number == place else (2, 10, 0) for number in range(3)}
        fanout.handle(m.MoveListener(STATION, place, 0, them[place].address))
        fanout.send(STATION, 3, 0, b"back")
        (wire,) = them[place].received()
        assert ears[place].heard(wire).payload == b"back"
        assert counts(fanout)[place] == (1, 4, 2)


@pytest.mark.skipif(datagrams.outbox is not BatchOutbox, reason="no sendmmsg here")
def test_a_system_that_takes_few_at_once_gets_the_rest_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that is full for a moment costs the packet it refused, an interrupted call costs nothing."""
    real: Any = datagrams._sendmmsg
    answers = iter([2, -errno.EINTR, 1, -errno.EAGAIN, 3, -errno.ENOBUFS, 9])

    def reluctant(fd: int, messages: int, count: int, flags: int) -> int:
        answer = next(answers)
        if answer < 0:
            ctypes.set_errno(-answer)
            return -1
        return int(real(fd, messages, min(count, answer), flags))

    monkeypatch.setattr(datagrams, "_sendmmsg", reluctant)
    with callers(10) as them, sending() as fanout:
        everybody = [listener(number, caller) for number, caller in enumerate(them)]
        for it in everybody:
            fanout.handle(it)
        fanout.send(STATION, 1, 0, b"music")
        got = [
            [Ear(it).heard(wire).payload for wire in caller.received()]
            for it, caller in zip(everybody, them, strict=True)
        ]
        assert got == [[] if number in (3, 7) else [b"music"] for number in range(10)]
        assert [dropped for _, _, dropped in counts(fanout).values()] == [int(number in (3, 7)) for number in range(10)]


def test_what_cannot_be_protected_does_not_leave(either_outbox: None) -> None:
    with callers(5) as them, sending() as fanout:
        everybody = [listener(number, caller) for number, caller in enumerate(them)]
        for it in everybody[:2]:
            fanout.handle(it)
        fanout.send(STATION, 5_000, 0, b"music")
        for it in everybody[2:]:
            fanout.handle(it)
        for caller in them:
            caller.received()
        # An index that is long past: libsrtp refuses it to those who were there, and knows nothing of the others'.
        fanout.send(STATION, 1_000, 0, b"secret")
        wires = [caller.received() for caller in them]
        assert wires[:2] == [[], []]
        for it, (wire,) in zip(everybody[2:], wires[2:], strict=True):
            assert b"secret" not in wire
            assert Ear(it).heard(wire).payload == b"secret"
        assert counts(fanout) == {0: (1, 5, 1), 1: (1, 5, 1), 2: (1, 6, 0), 3: (1, 6, 0), 4: (1, 6, 0)}


@pytest.mark.parametrize(
    "wrong", [{"key": "00"}, {"key": "zz"}, {"profile": 77}, {"address": ("nowhere", 9)}, {"address": ("fe80::1%x", 9)}]
)
def test_a_listener_that_makes_no_sense_is_passed_over(wrong: dict[str, Any]) -> None:
    with callers(2) as (one, two), sending() as fanout:
        fanout.handle(replace(listener(2, two), **wrong))
        assert counts(fanout) == {}
        fine = listener(1, one)
        fanout.handle(fine)
        fanout.handle(replace(listener(2, two), **wrong))
        fanout.send(STATION, 1, 0, b"music")
        (wire,) = one.received()
        assert Ear(fine).heard(wire).payload == b"music"
        assert counts(fanout) == {1: (1, 5, 0)}


@pytest.mark.parametrize("socket_number", [0, 1])
def test_a_listener_that_moves_to_an_address_that_makes_no_sense_hurts_nobody_else(socket_number: int) -> None:
    with callers(2) as (one, two), sending(2) as fanout:
        stays, goes = listener(1, one), listener(2, two)
        fanout.handle(stays)
        fanout.handle(goes)
        fanout.handle(m.MoveListener(STATION, 2, socket_number, ("fe80::1%x", 9)))
        fanout.send(STATION, 1, 0, b"music")
        (wire,) = one.received()
        assert Ear(stays).heard(wire).payload == b"music"


def test_what_is_said_of_nobody_is_passed_over() -> None:
    with callers(1) as (caller,), sending() as fanout:
        for message in (
            m.MoveListener(STATION, 9, 0, caller.address),
            m.RemoveListener(STATION, 9),
            m.Resend(STATION, 9, (1, 2)),
        ):
            fanout.handle(message)
        fanout.send(STATION, 1, 0, b"music")
        assert fanout.report() == m.Sent(b"")
        assert caller.received() == []


# --- many -----------------------------------------------------------------------------------------------------------


def test_the_report_has_four_numbers_of_each_listener() -> None:
    with callers(1) as (caller,), sending() as fanout:
        fanout.handle(listener(258, caller, sent=(2**32 - 1, 2**32 - 2, 5)))
        fanout.handle(listener(3, caller))
        fanout.send(STATION, 1, 0, b"music")
        data = fanout.report().data
    assert data[:16] == b"\x02\x01\0\0" + b"\0\0\0\0" + b"\x03\0\0\0" + b"\x05\0\0\0", "modulo 2³²"
    assert data[16:] == b"\x03\0\0\0" + b"\x01\0\0\0" + b"\x05\0\0\0" + b"\0\0\0\0"


def test_both_ways_of_sending_send_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    if datagrams.outbox is not BatchOutbox:
        pytest.skip("no sendmmsg here")
    wires = []
    with callers(3) as them:
        for way in (BatchOutbox, PlainOutbox):
            monkeypatch.setattr("rtc_drift.engine.fanout.outbox", way)
            with sending() as fanout:
                for number in range(300):
                    fanout.handle(listener(number, them[number % 3], extension=MID if number % 7 else ""))
                for number in range(0, 300, 4):
                    fanout.handle(m.RemoveListener(STATION, number))
                fanout.send(STATION, 1, 0, b"music")
            wires.append([sorted(caller.received()) for caller in them])
    assert wires[0] == wires[1]
    assert sum(map(len, wires[0])) == 225


@given(st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(str), st.integers(0, 65535))
def test_socket_addresses_are_as_the_system_has_them(host: str, port: int) -> None:
    packed = socket_address((host, port))
    family = int.from_bytes(packed[:2], sys.byteorder)
    assert int.from_bytes(packed[2:4], "big") == port
    if ":" in host:
        assert (family, len(packed)) == (socket.AF_INET6, 28)
        assert socket.inet_ntop(socket.AF_INET6, packed[8:24]) == socket.inet_ntop(
            socket.AF_INET6, socket.inet_pton(socket.AF_INET6, host)
        )
    else:
        assert (family, len(packed), socket.inet_ntoa(packed[4:8])) == (socket.AF_INET, 16, host)


def test_srtp_in_place_is_as_expected() -> None:
    srtp.check()


@pytest.mark.parametrize(("leave", "markers"), [((), [0, 0, 1]), ((1,), [0, 1]), ((1, 3), [0]), ((3, 1), [0])])
def test_a_first_packet_is_its_listeners_own_whatever_row_it_lies_in(
    leave: tuple[int, ...], markers: list[int]
) -> None:
    with callers(1) as (caller,), sending() as fanout:
        everybody = {number: listener(number, caller) for number in (1, 2, 3)}
        for number in (1, 2):
            fanout.handle(everybody[number])
        fanout.send(STATION, 1, 0, b"first")
        fanout.handle(everybody[3])
        for number in leave:
            fanout.handle(m.RemoveListener(STATION, number))
        caller.received()
        fanout.send(STATION, 2, 960, b"second")
        told = {int.from_bytes(wire[8:12], "big"): wire[1] >> 7 for wire in caller.received()}
        assert [told[ssrc] for ssrc in sorted(told)] == markers


KINDS = [("", GCM), (MID, GCM), ("", Policy.SRTP_PROFILE_AES128_CM_SHA1_80)]
WHICH = st.integers(0, 2**16)
STEPS = st.one_of(
    st.tuples(st.just("come"), st.integers(1, BATCH_ROWS + 20)),
    st.tuples(st.just("come"), st.integers(1, 3)),
    st.tuples(st.just("go"), WHICH),
    st.tuples(st.just("go many"), WHICH),
    st.tuples(st.just("move"), WHICH),
    st.tuples(st.just("move away"), WHICH),
    st.tuples(st.just("send"), st.sampled_from((1, 1, 2, 15_000))),
)


class House:
    """Who should be there, beside the fan-out that has to keep up. Two programmes, two sockets, a few addresses."""

    MOST = 600

    def __init__(self, fanout: Fanout, them: list[Caller]) -> None:
        self.fanout = fanout
        self.them = them
        self.present: dict[int, m.AddListener] = {}
        self.ears: dict[int, Ear] = {}
        self.expected: dict[int, tuple[int, int, int]] = {}
        self.fresh = set[int]()
        """Whose next packet begins a stream, or goes on from another socket."""
        self.came = 0
        self.tick = 60_000

    def do(self, step: str, value: int) -> None:
        if step == "come":
            for _ in range(min(value, self.MOST - len(self.present))):
                self.come()
        elif step == "send":
            self.send(value)
        elif self.present:
            present = list(self.present)
            start = value % len(present)
            count = {"go many": 1 + value % 300}.get(step, 1)
            for number in present[start : start + count]:
                self.go(number) if step.startswith("go") else self.move(number, step == "move away")

    def come(self) -> None:
        self.came += 1
        number = self.came
        extension, profile = KINDS[0 if number % 5 else number % 3]
        it = listener(
            number,
            self.them[number % len(self.them)],
            station=number // 2 % 5 // 4,
            socket=number // 3 % 2,
            extension=extension,
            profile=profile,
            index_offset=1000 + number % 31_000 - self.tick,
        )
        self.fanout.handle(it)
        self.present[number], self.ears[number], self.expected[number] = it, Ear(it), (0, 0, 0)
        self.fresh.add(number)

    def go(self, number: int) -> None:
        it = self.present.pop(number)
        del self.expected[number]
        self.fanout.handle(m.RemoveListener(it.station, number))

    def move(self, number: int, away: bool) -> None:
        it = self.present[number]
        caller = self.them[(number + self.tick) % len(self.them)]
        it = replace(it, address=caller.address, socket=1 - it.socket if away else it.socket)
        if away:
            self.fresh.add(number)
        self.present[number] = it
        self.fanout.handle(m.MoveListener(it.station, number, it.socket, it.address))

    def send(self, ticks: int) -> None:
        """Two packets, the first of them so many ticks on: sequence numbers roll over before long."""
        for step in (ticks, 1):
            self.tick += step
            for station in (0, 1):
                opus = b"%d of %d" % (self.tick, station)
                self.fanout.send(station, self.tick, 960 * self.tick, opus)
                self.heard(station, opus)

    def heard(self, station: int, opus: bytes) -> None:
        """Exactly those there got it, once, with their key, where they are."""
        got = []
        for caller in self.them:
            for wire in caller.received():
                number = int.from_bytes(wire[8:12], "big") - 0xABC00000
                packet = self.ears[number].heard(wire)
                it = self.present[number]
                assert it.address == caller.address
                assert packet.payload == opus
                assert packet.marker == (number in self.fresh)
                self.fresh.discard(number)
                assert packet.sequence_number == (self.tick + it.index_offset) % 65536
                assert packet.timestamp == (960 * self.tick + it.timestamp_offset) % 2**32
                assert packet.payload_type == it.payload_type
                got.append(number)
                packets, octets, dropped = self.expected[number]
                self.expected[number] = (packets + 1, octets + len(opus), dropped)
        assert sorted(got) == sorted(number for number, it in self.present.items() if it.station == station)


@given(st.lists(STEPS, min_size=1, max_size=15))
@example([("come", 270), ("come", 276), ("send", 1), ("go many", 100), ("move", 99), ("move away", 7), ("send", 2)])
@example([("come", 276), ("come", 276), ("go many", 3), ("come", 9), ("go", 275), ("go many", 299), ("send", 15_000)])
@settings(max_examples=25, deadline=None)
def test_each_gets_its_own_whoever_comes_goes_or_moves(steps: list[tuple[str, int]]) -> None:
    with callers(4) as them, sending(2) as fanout:
        house = House(fanout, them)
        for step, value in steps:
            house.do(step, value)
        house.send(2)
        assert counts(fanout) == house.expected
        for number in list(house.present):
            house.go(number)
        house.send(1)
        assert fanout.report() == m.Sent(b"")
