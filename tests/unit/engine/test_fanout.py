"""The fan-out: every listener can decrypt its packets, whoever else comes and goes."""

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
from tests.support.udp import UdpClient, udp_clients

GCM = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
KEY_BYTES = {profile.number: profile.key_bytes + profile.salt_bytes for profile in PROFILES}
MID = "bede0001" + "30" + b"0".hex() + "0000"
"""A header extension block: number 3 has the value `0`."""
STATION = 1


def listener(number: int, client: UdpClient, **more: Any) -> m.AddListener:
    """Make a listener whose numbers differ from those of all others."""
    profile = more.get("profile", GCM)
    plain = m.AddListener(
        station=STATION,
        listener=number,
        socket=0,
        address=client.address,
        ssrc=0xABC00000 + number,
        payload_type=96 + number % 31,
        extension="",
        index_offset=2000 + number,
        timestamp_offset=7_919 * number,
        profile=profile,
        key=np.random.default_rng(number).bytes(KEY_BYTES[profile]).hex(),
    )
    return replace(plain, **more)


class SrtpReceiver:
    """The receiving end of one listener's SRTP; it counts roll-overs of the sequence number."""

    def __init__(self, it: m.AddListener) -> None:
        self._session = pylibsrtp.Session(
            Policy(key=bytes.fromhex(it.key), ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=it.profile)
        )

    def decrypt(self, datagram: bytes) -> RtpPacket:
        """Decrypt a packet. Raise pylibsrtp.Error for a wrong key or a repeated packet."""
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
    counted = {number: (packets, octets, dropped) for number, packets, octets, dropped in rows}
    assert len(counted) == len(rows), "each listener once"
    return counted


@pytest.fixture(params=[BatchOutbox, PlainOutbox])
def either_outbox(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param is BatchOutbox and datagrams.outbox is not BatchOutbox:
        pytest.skip("no sendmmsg here")
    monkeypatch.setattr("rtc_drift.engine.fanout.outbox", request.param)


# --- one listener ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name.decode())
def test_packets_follow_srtp_and_rtp(profile: Any, either_outbox: None) -> None:
    with udp_clients(1) as (client,), sending() as fanout:
        it = listener(1, client, profile=profile.number, timestamp_offset=2**32 - 1000, extension=MID)
        fanout.handle(it)
        for tick in range(50, 53):
            fanout.send(STATION, tick, 960 * tick, b"opus %d" % tick)
        receiver, wires = SrtpReceiver(it), client.received()
        packets = [receiver.decrypt(wire) for wire in wires]
    assert [packet.payload for packet in packets] == [b"opus 50", b"opus 51", b"opus 52"]
    assert [packet.marker for packet in packets] == [1, 0, 0]
    assert [packet.payload_type for packet in packets] == [it.payload_type] * 3
    assert [packet.ssrc for packet in packets] == [it.ssrc] * 3
    assert [packet.sequence_number for packet in packets] == [it.index_offset + tick for tick in range(50, 53)]
    assert [packet.timestamp for packet in packets] == [(960 * tick - 1000) % 2**32 for tick in range(50, 53)]
    assert all(b"opus" not in wire for wire in wires)


def test_every_packet_has_the_mid_if_it_is_wanted() -> None:
    names = HeaderExtensionsMap()
    names._HeaderExtensionsMap__ids.mid = 3  # type: ignore[attr-defined]
    with udp_clients(2) as (one, two), sending() as fanout:
        wants, wants_not = listener(1, one, extension=MID), listener(2, two)
        fanout.handle(wants)
        fanout.handle(wants_not)
        fanout.send(STATION, 1, 0, b"music")
        fanout.send(STATION, 2, 960, b"more music")
        station = pylibsrtp.Session(
            Policy(key=bytes.fromhex(wants.key), ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=GCM)
        )
        named = [RtpPacket.parse(station.unprotect(wire), names) for wire in one.received()]
        receiver = SrtpReceiver(wants_not)
        plain = [receiver.decrypt(wire) for wire in two.received()]
    assert [packet.extensions for packet in named] == [HeaderExtensions(mid="0")] * 2
    assert [packet.payload for packet in named] == [packet.payload for packet in plain] == [b"music", b"more music"]
    assert [packet.extensions for packet in plain] == [HeaderExtensions()] * 2


@pytest.mark.parametrize("size", [1, 3, MAX_PACKET_BYTES])
def test_opus_packets_of_any_size_are_sent(size: int) -> None:
    with udp_clients(1) as (client,), sending() as fanout:
        it = listener(1, client, extension=MID)
        fanout.handle(it)
        opus = np.random.default_rng(size).bytes(size)
        fanout.send(STATION, 1, 0, opus)
        (wire,) = client.received()
        assert SrtpReceiver(it).decrypt(wire).payload == opus
        fanout.send(STATION, 2, 960, bytes(MAX_PACKET_BYTES + 1))
        assert client.received() == [], "larger packets are not sent"


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name.decode())
def test_sequence_numbers_roll_over(profile: Any) -> None:
    with udp_clients(1) as (client,), sending() as fanout:
        it = listener(1, client, profile=profile.number, index_offset=65533 - 700)
        fanout.handle(it)
        for tick in range(700, 706):
            fanout.send(STATION, tick, 960 * tick, b"%d" % tick)
        receiver = SrtpReceiver(it)
        packets = [receiver.decrypt(wire) for wire in client.received()]
    assert [packet.sequence_number for packet in packets] == [65533, 65534, 65535, 0, 1, 2]
    assert [packet.payload for packet in packets] == [b"700", b"701", b"702", b"703", b"704", b"705"]


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name.decode())
def test_a_restarted_engine_continues_at_the_right_index(profile: Any) -> None:
    with udp_clients(1) as (client,), sending() as old, sending() as new:
        it = listener(1, client, profile=profile.number)
        receiver = SrtpReceiver(it)
        old.handle(it)
        ticks = range(10, 5 * 65536, 30_000)
        for tick in ticks:
            old.send(STATION, tick, 960 * tick, b"old")
        assert [receiver.decrypt(wire).payload for wire in client.received()] == [b"old"] * len(ticks)
        after = ticks[-1] + 10
        new.handle(replace(it, sent=old_counts(old)))
        new.send(STATION, after, 960 * after, b"new")
        new.send(STATION, after + 1, 960 * after + 960, b"next")
        first, following = (receiver.decrypt(wire) for wire in client.received())
        assert (first.payload, following.payload) == (b"new", b"next")
        assert first.sequence_number == (after + it.index_offset) % 65536
        assert counts(new) == {1: (len(ticks) + 2, 3 * len(ticks) + 7, 0)}


def old_counts(fanout: Fanout) -> tuple[int, int, int]:
    (sent,) = counts(fanout).values()
    return sent


@given(st.integers(1024, 2**15), st.lists(st.integers(1, 200_000), min_size=1, max_size=6))
@settings(max_examples=30, deadline=None)
def test_packets_do_not_depend_on_what_was_sent_before(offset: int, pauses: list[int]) -> None:
    """Also after hours without packets: an engine that has sent nothing before gives the reference."""
    with udp_clients(2) as (client, other), sending() as fanout:
        it, tick = listener(1, client, index_offset=offset), 0
        fanout.handle(it)
        for pause in pauses:
            tick += pause
            fanout.send(STATION, tick - 1, 0, b"before")
            fanout.send(STATION, tick, 960, b"now")
            with sending() as fresh:
                fresh.handle(replace(it, address=other.address))
                fresh.send(STATION, tick - 1, 0, b"before")
                fresh.send(STATION, tick, 960, b"now")
            assert client.received()[1:] == other.received()[1:]


@given(st.integers(0, 2**24))
def test_steps_lead_to_any_index(index: int) -> None:
    way = [*steps_to(index), index]
    assert way[0] == 0
    assert all(0 < there - here <= MAX_STEP for here, there in pairwise(way))


# --- resending --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name.decode())
def test_packets_are_resent_unchanged(profile: Any, either_outbox: None) -> None:
    with udp_clients(2) as (client, other), sending() as fanout:
        it = listener(1, client, profile=profile.number, index_offset=65400, extension=MID)
        fanout.handle(it)
        fanout.handle(listener(2, other, profile=profile.number, extension=MID))
        last = 100 + HISTORY_TICKS + 5
        for tick in range(100, last + 1):
            fanout.send(STATION, tick, 960 * tick, b"%d" % tick)
        wires = client.received()
        other.received()
        numbers = [(it.index_offset + tick) % 65536 for tick in range(100, last + 1)]
        for number in numbers[-HISTORY_TICKS:]:
            fanout.handle(m.Resend(STATION, 1, (number,)))
        assert client.received() == wires[-HISTORY_TICKS:], "datagram for datagram"
        fanout.handle(m.Resend(STATION, 1, (numbers[-1], numbers[-3], numbers[-2])))
        assert client.received() == [wires[-1], wires[-3], wires[-2]]
        too_old, to_come = numbers[-HISTORY_TICKS - 1], (numbers[-1] + 1) % 65536
        fanout.handle(m.Resend(STATION, 1, (too_old, to_come, 40_000, numbers[-1])))
        assert client.received() == wires[-1:], "packets that are not kept are ignored"
        fanout.send(STATION, last + 1, 0, b"on")
        assert len(client.received()) == 1
        assert other.received() != []
        octets = sum(len(b"%d" % tick) for tick in range(100, last + 1)) + HISTORY_TICKS * 3 + 4 * 3 + 2
        assert counts(fanout)[1] == (len(wires) + HISTORY_TICKS + 4 + 1, octets, 0)


def test_the_first_packet_is_resent_unchanged() -> None:
    """With its marker: two different packets with the same index would reveal GCM's authentication key."""
    with udp_clients(1) as (client,), sending() as fanout:
        it = listener(1, client)
        fanout.handle(it)
        fanout.send(STATION, 5, 0, b"first")
        fanout.handle(m.Resend(STATION, 1, (it.index_offset + 5,)))
        first, again = client.received()
        assert first == again


def test_packets_from_before_a_listener_joined_are_not_resent() -> None:
    with udp_clients(2) as (one, two), sending() as fanout:
        fanout.handle(listener(1, one))
        fanout.send(STATION, 5, 0, b"before")
        it = listener(2, two)
        fanout.handle(it)
        fanout.handle(m.Resend(STATION, 2, (it.index_offset + 5,)))
        fanout.send(STATION, 6, 960, b"first")
        fanout.handle(m.Resend(STATION, 2, (it.index_offset + 5,)))
        receiver = SrtpReceiver(it)
        assert [receiver.decrypt(wire).payload for wire in two.received()] == [b"first"]


def test_a_listener_gets_only_its_own_packets_again() -> None:
    with udp_clients(2) as (one, two), sending() as fanout:
        fanout.handle(listener(1, one))
        fanout.send(STATION, 5, 0, b"before")
        it = listener(2, two)
        fanout.handle(it)
        fanout.send(STATION, 6, 960, b"first")
        fanout.handle(m.RemoveListener(STATION, 1))
        (wire,) = two.received()
        fanout.handle(m.Resend(STATION, 2, (it.index_offset + 5, it.index_offset + 6)))
        assert two.received() == [wire]


def test_packets_too_old_to_be_encrypted_are_not_resent(either_outbox: None) -> None:
    """After a pause, the last packets may be older than libsrtp allows."""
    with udp_clients(3) as clients, sending() as fanout:
        everybody = [listener(number, client) for number, client in enumerate(clients)]
        for it in everybody:
            fanout.handle(it)
        for tick in (1, 2, 3_000):
            fanout.send(STATION, tick, 0, b"secret")
        for client in clients:
            client.received()
        fanout.handle(m.Resend(STATION, 1, (everybody[1].index_offset + 2,)))
        assert [client.received() for client in clients] == [[], [], []]
        assert counts(fanout) == {0: (3, 18, 0), 1: (3, 18, 1), 2: (3, 18, 0)}


def test_no_index_is_used_twice_after_a_move_to_another_socket() -> None:
    """Before its first tick, a sender does not know the number of roll-overs, and must not guess it."""
    with udp_clients(1) as (client,), sending(2) as fanout:
        it = listener(1, client, index_offset=3 * 65536)
        fanout.handle(it)
        fanout.send(STATION, 41_000, 0, b"first")
        fanout.send(STATION, 41_001, 960, b"second")
        wires = client.received()
        fanout.handle(m.MoveListener(STATION, 1, 1, client.address))
        fanout.handle(m.Resend(STATION, 1, (41_001,)))
        assert set(client.received()) <= set(wires)
        fanout.send(STATION, 41_002, 1920, b"third")
        assert len(client.received()) == 1


# --- errors of single listeners --------------------------------------------------------------------------------------


@pytest.mark.parametrize("nowhere", [("127.0.0.1", 0), ("::1", 9)])
@pytest.mark.parametrize("place", range(3))
def test_an_unreachable_listener_costs_no_other_a_packet(
    nowhere: tuple[str, int], place: int, either_outbox: None
) -> None:
    with udp_clients(3) as clients, sending() as fanout:
        everybody = [listener(number, client) for number, client in enumerate(clients)]
        everybody[place] = replace(everybody[place], address=nowhere)
        receivers = [SrtpReceiver(it) for it in everybody]
        for it in everybody:
            fanout.handle(it)
        for tick in (1, 2):
            fanout.send(STATION, tick, 0, b"music")
            for number, (client, receiver) in enumerate(zip(clients, receivers, strict=True)):
                received = [receiver.decrypt(wire).payload for wire in client.received()]
                assert received == ([] if number == place else [b"music"])
        assert counts(fanout) == {number: (0, 0, 2) if number == place else (2, 10, 0) for number in range(3)}
        fanout.handle(m.MoveListener(STATION, place, 0, clients[place].address))
        fanout.send(STATION, 3, 0, b"back")
        (wire,) = clients[place].received()
        assert receivers[place].decrypt(wire).payload == b"back"
        assert counts(fanout)[place] == (1, 4, 2)


@pytest.mark.skipif(datagrams.outbox is not BatchOutbox, reason="no sendmmsg here")
def test_packets_the_system_did_not_take_are_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full buffer costs the refused packet, an interrupted call costs none."""
    real: Any = datagrams._sendmmsg
    answers = iter([2, -errno.EINTR, 1, -errno.EAGAIN, 3, -errno.ENOBUFS, 9])

    def reluctant(fd: int, messages: int, count: int, flags: int) -> int:
        answer = next(answers)
        if answer < 0:
            ctypes.set_errno(-answer)
            return -1
        return int(real(fd, messages, min(count, answer), flags))

    monkeypatch.setattr(datagrams, "_sendmmsg", reluctant)
    with udp_clients(10) as clients, sending() as fanout:
        everybody = [listener(number, client) for number, client in enumerate(clients)]
        for it in everybody:
            fanout.handle(it)
        fanout.send(STATION, 1, 0, b"music")
        got = [
            [SrtpReceiver(it).decrypt(wire).payload for wire in client.received()]
            for it, client in zip(everybody, clients, strict=True)
        ]
        assert got == [[] if number in (3, 7) else [b"music"] for number in range(10)]
        assert [dropped for _, _, dropped in counts(fanout).values()] == [int(number in (3, 7)) for number in range(10)]


def test_packets_that_cannot_be_encrypted_are_not_sent(either_outbox: None) -> None:
    with udp_clients(5) as clients, sending() as fanout:
        everybody = [listener(number, client) for number, client in enumerate(clients)]
        for it in everybody[:2]:
            fanout.handle(it)
        fanout.send(STATION, 5_000, 0, b"music")
        for it in everybody[2:]:
            fanout.handle(it)
        for client in clients:
            client.received()
        # An old index: libsrtp refuses it for earlier listeners, but not for new ones.
        fanout.send(STATION, 1_000, 0, b"secret")
        wires = [client.received() for client in clients]
        assert wires[:2] == [[], []]
        for it, (wire,) in zip(everybody[2:], wires[2:], strict=True):
            assert b"secret" not in wire
            assert SrtpReceiver(it).decrypt(wire).payload == b"secret"
        assert counts(fanout) == {0: (1, 5, 1), 1: (1, 5, 1), 2: (1, 6, 0), 3: (1, 6, 0), 4: (1, 6, 0)}


@pytest.mark.parametrize(
    "wrong", [{"key": "00"}, {"key": "zz"}, {"profile": 77}, {"address": ("nowhere", 9)}, {"address": ("fe80::1%x", 9)}]
)
def test_an_invalid_listener_is_ignored(wrong: dict[str, Any]) -> None:
    with udp_clients(2) as (one, two), sending() as fanout:
        fanout.handle(replace(listener(2, two), **wrong))
        assert counts(fanout) == {}
        fine = listener(1, one)
        fanout.handle(fine)
        fanout.handle(replace(listener(2, two), **wrong))
        fanout.send(STATION, 1, 0, b"music")
        (wire,) = one.received()
        assert SrtpReceiver(fine).decrypt(wire).payload == b"music"
        assert counts(fanout) == {1: (1, 5, 0)}


@pytest.mark.parametrize("socket_number", [0, 1])
def test_a_move_to_an_invalid_address_affects_no_other(socket_number: int) -> None:
    with udp_clients(2) as (one, two), sending(2) as fanout:
        stays, goes = listener(1, one), listener(2, two)
        fanout.handle(stays)
        fanout.handle(goes)
        fanout.handle(m.MoveListener(STATION, 2, socket_number, ("fe80::1%x", 9)))
        fanout.send(STATION, 1, 0, b"music")
        (wire,) = one.received()
        assert SrtpReceiver(stays).decrypt(wire).payload == b"music"


def test_messages_about_unknown_listeners_are_ignored() -> None:
    with udp_clients(1) as (client,), sending() as fanout:
        for message in (
            m.MoveListener(STATION, 9, 0, client.address),
            m.RemoveListener(STATION, 9),
            m.Resend(STATION, 9, (1, 2)),
        ):
            fanout.handle(message)
        fanout.send(STATION, 1, 0, b"music")
        assert fanout.report() == m.SentCounts(b"")
        assert client.received() == []


# --- many -----------------------------------------------------------------------------------------------------------


def test_the_report_has_four_numbers_of_each_listener() -> None:
    with udp_clients(1) as (client,), sending() as fanout:
        fanout.handle(listener(258, client, sent=(2**32 - 1, 2**32 - 2, 5)))
        fanout.handle(listener(3, client))
        fanout.send(STATION, 1, 0, b"music")
        data = fanout.report().data
    assert data[:16] == b"\x02\x01\0\0" + b"\0\0\0\0" + b"\x03\0\0\0" + b"\x05\0\0\0", "modulo 2³²"
    assert data[16:] == b"\x03\0\0\0" + b"\x01\0\0\0" + b"\x05\0\0\0" + b"\0\0\0\0"


def test_both_outboxes_send_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    if datagrams.outbox is not BatchOutbox:
        pytest.skip("no sendmmsg here")
    wires = []
    with udp_clients(3) as clients:
        for way in (BatchOutbox, PlainOutbox):
            monkeypatch.setattr("rtc_drift.engine.fanout.outbox", way)
            with sending() as fanout:
                for number in range(300):
                    fanout.handle(listener(number, clients[number % 3], extension=MID if number % 7 else ""))
                for number in range(0, 300, 4):
                    fanout.handle(m.RemoveListener(STATION, number))
                fanout.send(STATION, 1, 0, b"music")
            wires.append([sorted(client.received()) for client in clients])
    assert wires[0] == wires[1]
    assert sum(map(len, wires[0])) == 225


@given(st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(str), st.integers(0, 65535))
def test_socket_addresses_are_packed_for_the_system(host: str, port: int) -> None:
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


def test_the_binding_of_libsrtp_is_as_expected() -> None:
    srtp.check_in_place()


@pytest.mark.parametrize(("leave", "markers"), [((), [0, 0, 1]), ((1,), [0, 1]), ((1, 3), [0]), ((3, 1), [0])])
def test_only_the_first_packet_of_a_listener_has_the_marker(leave: tuple[int, ...], markers: list[int]) -> None:
    with udp_clients(1) as (client,), sending() as fanout:
        everybody = {number: listener(number, client) for number in (1, 2, 3)}
        for number in (1, 2):
            fanout.handle(everybody[number])
        fanout.send(STATION, 1, 0, b"first")
        fanout.handle(everybody[3])
        for number in leave:
            fanout.handle(m.RemoveListener(STATION, number))
        client.received()
        fanout.send(STATION, 2, 960, b"second")
        marker_of = {int.from_bytes(wire[8:12], "big"): wire[1] >> 7 for wire in client.received()}
        assert [marker_of[ssrc] for ssrc in sorted(marker_of)] == markers


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


class Model:
    """The expected state of a fan-out with two stations, two sockets and a few addresses."""

    MOST = 600

    def __init__(self, fanout: Fanout, clients: list[UdpClient]) -> None:
        self.fanout = fanout
        self.clients = clients
        self.present: dict[int, m.AddListener] = {}
        self.receivers: dict[int, SrtpReceiver] = {}
        self.expected: dict[int, tuple[int, int, int]] = {}
        self.fresh = set[int]()
        """Listeners whose next packet begins a stream, or continues from another socket."""
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
            self.clients[number % len(self.clients)],
            station=number // 2 % 5 // 4,
            socket=number // 3 % 2,
            extension=extension,
            profile=profile,
            index_offset=1000 + number % 31_000 - self.tick,
        )
        self.fanout.handle(it)
        self.present[number], self.receivers[number], self.expected[number] = it, SrtpReceiver(it), (0, 0, 0)
        self.fresh.add(number)

    def go(self, number: int) -> None:
        it = self.present.pop(number)
        del self.expected[number]
        self.fanout.handle(m.RemoveListener(it.station, number))

    def move(self, number: int, away: bool) -> None:
        it = self.present[number]
        client = self.clients[(number + self.tick) % len(self.clients)]
        it = replace(it, address=client.address, socket=1 - it.socket if away else it.socket)
        if away:
            self.fresh.add(number)
        self.present[number] = it
        self.fanout.handle(m.MoveListener(it.station, number, it.socket, it.address))

    def send(self, ticks: int) -> None:
        """Send two packets, the first after some ticks: sequence numbers roll over soon."""
        for step in (ticks, 1):
            self.tick += step
            for station in (0, 1):
                opus = b"%d of %d" % (self.tick, station)
                self.fanout.send(station, self.tick, 960 * self.tick, opus)
                self.check_received(station, opus)

    def check_received(self, station: int, opus: bytes) -> None:
        """Assert that exactly the listeners of a station got a packet, once, with their key, at their address."""
        got = []
        for client in self.clients:
            for wire in client.received():
                number = int.from_bytes(wire[8:12], "big") - 0xABC00000
                packet = self.receivers[number].decrypt(wire)
                it = self.present[number]
                assert it.address == client.address
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
def test_each_listener_gets_its_own_packets_whoever_comes_goes_or_moves(steps: list[tuple[str, int]]) -> None:
    with udp_clients(4) as clients, sending(2) as fanout:
        model = Model(fanout, clients)
        for step, value in steps:
            model.do(step, value)
        model.send(2)
        assert counts(fanout) == model.expected
        for number in list(model.present):
            model.go(number)
        model.send(1)
        assert fanout.report() == m.SentCounts(b"")
