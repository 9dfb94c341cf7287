"""The shared UDP port: whatever strangers send, only what is a listener's own reaches that listener."""

import asyncio
import logging
import random
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from aioice import stun as theirs
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.webrtc import stun
from rtc_drift.webrtc.udp_mux import DATAGRAMS_AT_ONCE, Address, Demultiplexer, UdpPort, UdpPorts
from tests.unit.udp_room import Seat, answer, callers, check, open_port
from tests.waiting import until

HOSTILE_DATAGRAMS = 1_000_000
KNOWN: list[Address] = [("127.0.0.1", 9001), ("127.0.0.1", 9002), ("127.0.0.1", 9003)]
UNKNOWN: Address = ("127.0.0.1", 9004)


@pytest.fixture
async def board() -> Demultiplexer:
    return Demultiplexer()


@pytest.fixture
async def port(board: Demultiplexer) -> Iterator[UdpPort]:  # type: ignore[misc]
    with open_port(board) as port:
        yield port


def seated(board: Demultiplexer, port: Any, *addresses: Address) -> list[Seat]:
    """Listeners as they are once connected, each with a check of ours on the way."""
    seats = []
    for number, address in enumerate(addresses):
        seat = Seat(f"seat{number}", b"password %d" % number, f"them{number}")
        board.by_fragment[seat.fragment] = seat
        board.by_address[port, address] = seat
        board.by_transaction[b"transaction%d" % number] = seat
        seats.append(seat)
    return seats


# --- whose is it --------------------------------------------------------------------------------------------------


async def test_listeners_of_one_port_get_each_its_own(board: Demultiplexer, port: UdpPort) -> None:
    with callers(3) as (one, two, stranger):
        first, second = seated(board, port, one.address, two.address)
        here = (port.host, port.port)
        one.socket.sendto(b"\x16 one", here)
        two.socket.sendto(b"\x80\xc8 two", here)
        stranger.socket.sendto(check(second.username, second.password), here)
        stranger.socket.sendto(b"\x16 nobody's", here)
        one.socket.sendto(check(second.username, second.password), here)
        two.socket.sendto(b"\x90\x6f media", here)
        await until(lambda: first.calls + second.calls + sum(board.dropped.values()) == 6)
        assert (first.dtls, first.calls) == ([b"\x16 one"], 1)
        assert second.rtcp == [b"\x80\xc8 two"]
        assert [address for _, address in second.checks] == [stranger.address, one.address]
        assert board.dropped == {"unknown address": 1, "unknown kind": 1}
        assert [caller.received() for caller in (one, two, stranger)] == [[], [], []]


async def test_the_same_address_on_another_port_is_somebody_else(board: Demultiplexer, port: UdpPort) -> None:
    with open_port(board, 1) as second_port, callers(1) as (caller,):
        (one,) = seated(board, port, caller.address)
        other = Seat("other", b"x")
        board.by_address[second_port, caller.address] = other
        caller.socket.sendto(b"\x16 first", (port.host, port.port))
        caller.socket.sendto(b"\x16 second", (second_port.host, second_port.port))
        await until(lambda: one.calls + other.calls == 2)
        assert (one.dtls, other.dtls) == ([b"\x16 first"], [b"\x16 second"])


def test_datagrams_are_told_apart_by_their_first_bytes() -> None:
    """RFC 7983, and RFC 5761 for RTCP beside RTP."""
    for first in range(256):
        board, port = Demultiplexer(), object()
        (seat,) = seated(board, port, KNOWN[0])
        for second in (0, 191, 192, 200, 223, 224, 255):
            board.receive(port, bytes((first, second, 1, 2)), KNOWN[0])  # type: ignore[arg-type]
        assert len(seat.dtls) == (7 if 20 <= first <= 63 else 0)
        assert len(seat.rtcp) == (3 if 128 <= first <= 191 else 0)
        assert board.dropped.total() == 7 - seat.calls
        assert board.dropped["malformed"] == (7 if first < 4 else 0)


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x00", b"\x16"])
def test_the_shortest_datagrams_hurt_nobody(data: bytes) -> None:
    board, port = Demultiplexer(), object()
    (seat,) = seated(board, port, KNOWN[0])
    board.receive(port, data, KNOWN[0])  # type: ignore[arg-type]
    board.receive(port, data, UNKNOWN)  # type: ignore[arg-type]
    assert board.dropped.total() + seat.calls == 2


# --- who says so --------------------------------------------------------------------------------------------------


async def refused(board: Demultiplexer, port: UdpPort, data: bytes, reason: str | None = None) -> None:
    """Dropped, counted, and not answered."""
    before = board.dropped.total()
    with callers(1) as (caller,):
        board.receive(port, data, caller.address)
        assert caller.received() == []
    assert board.dropped.total() == before + 1
    assert reason is None or board.dropped[reason] > 0


async def test_a_request_under_a_wrong_name_or_password_is_dropped(board: Demultiplexer, port: UdpPort) -> None:
    one, two = seated(board, port, *KNOWN[:2])
    for username in (
        "",
        ":",
        "seat0",
        "seat0:",
        "seat0:them1",
        "seat9:them0",
        "them0:seat0",
        "seat0:them0:",
        "SEAT0:them0",
    ):
        await refused(board, port, check(username, one.password), "unknown user")
    assert board.dropped == {"unknown user": 9}
    for password in (b"", b"wrong", two.password):
        await refused(board, port, check(one.username, password), "not authentic")
    unsigned = theirs.Message(theirs.Method.BINDING, theirs.Class.REQUEST, None, {"USERNAME": one.username})
    await refused(board, port, bytes(unsigned), "not authentic")
    assert one.calls == two.calls == 0


async def test_a_request_that_was_changed_on_the_way_is_dropped(board: Demultiplexer, port: UdpPort) -> None:
    (seat,) = seated(board, port, KNOWN[0])
    whole = check(seat.username, seat.password, use_candidate=True)
    for length in range(1, len(whole)):
        await refused(board, port, whole[:length], "malformed")
    await refused(board, port, whole + bytes(4))
    signed = len(whole) - 8
    for bit in range(8 * signed):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        await refused(board, port, bytes(changed))
    assert seat.calls == 0
    board.receive(port, whole, KNOWN[0])
    assert len(seat.checks) == 1


async def test_an_answer_nobody_waits_for_is_dropped(board: Demultiplexer, port: UdpPort) -> None:
    (seat,) = seated(board, port, KNOWN[0])
    await refused(board, port, answer(check("a:b", b"x"), seat.password), "unknown transaction")
    ours = check("a:b", b"x", transaction=b"transaction0")
    board.receive(port, answer(ours, b"whatever"), UNKNOWN)
    assert [address for _, address in seat.answers] == [UNKNOWN], "whether it is right the listener's ICE will see"


# --- anything at all ----------------------------------------------------------------------------------------------


class Witness(Seat):
    """Refuses what is not made with its password, or does not come from its address."""

    def stun_request_received(self, message: stun.StunMessage, port: Any, address: Address) -> None:
        assert message.username == self.username
        assert message.is_authentic(self.password)
        super().stun_request_received(message, port, address)

    def stun_response_received(self, message: stun.StunMessage, port: Any, address: Address) -> None:
        assert message.transaction == b"transaction" + self.fragment[-1:].encode()
        assert message.kind in (stun.RESPONSE, stun.ERROR)
        super().stun_response_received(message, port, address)

    def dtls_received(self, data: bytes, port: Any, address: Address) -> None:
        assert address == KNOWN[int(self.fragment[-1])]
        assert 20 <= data[0] <= 63
        super().dtls_received(data, port, address)


def witnesses(board: Demultiplexer, port: Any) -> list[Seat]:
    seats: list[Seat] = []
    for seat, address in zip(seated(board, port, *KNOWN), KNOWN, strict=True):
        witness = Witness(seat.fragment, seat.password, seat.their_fragment)
        board.by_fragment[seat.fragment] = board.by_address[port, address] = witness
        board.by_transaction[b"transaction" + seat.fragment[-1:].encode()] = witness
        seats.append(witness)
    return seats


def authentic(number: int) -> list[bytes]:
    """What a listener could send."""
    user, password = f"seat{number}:them{number}", b"password %d" % number
    ours = check("x:y", b"z", transaction=b"transaction%d" % number)
    return [
        check(user, password, use_candidate=True),
        check(user, password, controlled=True),
        answer(ours, password),
        answer(ours, password, theirs.Class.ERROR),
        b"\x16\xfe\xfd" + bytes(10) + b"hello",
        b"\x81\xc9\x00\x07" + bytes(28),
    ]


SOURCES = [message for number in range(3) for message in authentic(number)]


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """An authentic message with something cut, copied, inserted, or overwritten, most often where it tells a length."""
    data = bytearray(draw(st.sampled_from(SOURCES)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        deed = draw(st.sampled_from(("bit", "byte", "cut", "insert", "double", "length", "splice")))
        if deed == "bit" and data:
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif deed == "byte" and data:
            data[at] = draw(st.sampled_from((0, 1, 4, 0x7F, 0x80, 0xFF)))
        elif deed == "cut":
            del data[at : at + draw(st.integers(1, 30))]
        elif deed == "insert":
            data[at:at] = draw(st.binary(max_size=9))
        elif deed == "double":
            data += data[at:]
        elif deed == "splice":
            data[at:] = draw(st.sampled_from(SOURCES))[at:]
        elif len(data) >= 20:
            data[2:4] = struct.pack("!H", (len(data) - 20) & 0xFFFF)
    return bytes(data)


@given(st.lists(st.tuples(mutations(), st.sampled_from([*KNOWN, UNKNOWN])), min_size=1, max_size=20))
@settings(max_examples=100, deadline=None)
def test_whatever_is_made_of_authentic_messages_reaches_nobody_else(mail: list[tuple[bytes, Address]]) -> None:
    board, port = Demultiplexer(), object()
    seats = witnesses(board, port)
    tables = [dict(table) for table in (board.by_address, board.by_fragment, board.by_transaction)]
    for data, address in mail:
        board.receive(port, data, address)  # type: ignore[arg-type]
    assert board.dropped.total() + sum(seat.calls for seat in seats) == len(mail), "each is taken once or counted"
    assert tables == [board.by_address, board.by_fragment, board.by_transaction]


class Tally:
    """A receiver that only counts; the quickest there is."""

    def __init__(self, number: int) -> None:
        self.username = f"seat{number}:them{number}"
        self.password = b"password %d" % number
        self.address = KNOWN[number]
        self.checks = self.answers = self.dtls = self.rtcp = 0

    def stun_request_received(self, message: stun.StunMessage, port: Any, address: Address) -> None:
        self.checks += 1

    def stun_response_received(self, message: stun.StunMessage, port: Any, address: Address) -> None:
        self.answers += 1

    def dtls_received(self, data: bytes, port: Any, address: Address) -> None:
        assert address == self.address
        self.dtls += 1

    def rtcp_received(self, data: bytes) -> None:
        self.rtcp += 1


def test_a_million_datagrams_of_noise_do_nothing() -> None:
    """Half of them pretend to be STUN, cookie and length right, and a quarter comes from listeners' addresses."""
    board, port = Demultiplexer(), object()
    tallies = [Tally(number) for number in range(3)]
    for tally in tallies:
        board.by_fragment[tally.username.partition(":")[0]] = tally
        board.by_address[port, tally.address] = tally  # type: ignore[index]
        board.by_transaction[b"transaction" + tally.username[4:5].encode()] = tally
    chance = random.Random(1)
    pool = chance.randbytes(1 << 20)
    addresses = [*KNOWN, *[("127.0.0.1", 10_000 + number) for number in range(9)]]
    headers = [
        kind + size.to_bytes(2, "big") + b"\x21\x12\xa4\x42" for kind in (b"\0\1", b"\1\1") for size in range(0, 64, 4)
    ]
    expected_dtls = expected_rtcp = 0
    receive = board.receive
    for number in range(HOSTILE_DATAGRAMS):
        at = number * 641 % (len(pool) - 100)
        address = addresses[pool[at] % 12]
        if number & 1:
            header = headers[pool[at + 1] & 31]
            data = header + pool[at : at + 12 + header[3]]
        else:
            data = pool[at : at + 1 + pool[at + 2] % 90]
            if pool[at] % 12 < 3:
                expected_dtls += 20 <= data[0] < 64
                expected_rtcp += 128 <= data[0] < 192 and len(data) > 1 and 192 <= data[1] < 224
        receive(port, data, address)  # type: ignore[arg-type]
    assert [(tally.checks, tally.answers) for tally in tallies] == [(0, 0)] * 3
    assert sum(tally.dtls for tally in tallies) == expected_dtls > 0
    assert sum(tally.rtcp for tally in tallies) == expected_rtcp > 0
    assert board.dropped.total() == HOSTILE_DATAGRAMS - expected_dtls - expected_rtcp
    assert len(board.dropped) <= 8
    assert len(board.by_address) == len(board.by_fragment) == len(board.by_transaction) == 3


# --- the socket ---------------------------------------------------------------------------------------------------


async def test_one_port_that_is_flooded_leaves_the_loop_its_turns(board: Demultiplexer, port: UdpPort) -> None:
    seen: list[int] = []
    with callers(1) as (caller,):
        for _ in range(4 * DATAGRAMS_AT_ONCE):
            caller.socket.sendto(b"\x16 flood", (port.host, port.port))
        while board.dropped.total() < 4 * DATAGRAMS_AT_ONCE:
            await asyncio.sleep(0)
            seen.append(board.dropped.total())
    steps = {there - here for here, there in zip([0, *seen], seen, strict=False)}
    assert max(steps) <= DATAGRAMS_AT_ONCE


async def test_what_cannot_be_sent_is_counted_and_raises_nothing(board: Demultiplexer, port: UdpPort) -> None:
    with callers(1) as (caller,):
        for address in (("127.0.0.1", 0), ("::1", 9)):
            port.send(b"x", address)
        port.send(bytes(70_000), caller.address)
        port.send(b"fine", caller.address)
        assert caller.received() == [b"fine"]
        port.close()
        port.close()
        port.send(b"late", caller.address)
        assert port.unsent == 4


async def test_a_port_that_is_taken_is_said_and_leaves_no_socket(board: Demultiplexer, port: UdpPort) -> None:
    with pytest.raises(OSError, match="in use"):
        UdpPort(1, "127.0.0.1", port.port, board)


def ports_on(board: Demultiplexer, hosts: list[str], number: int = 0, advertise: str | None = None) -> tuple[Any, Any]:
    opened: list[UdpPort] = []
    return UdpPorts(number, board, lambda: hosts, opened.append, advertise), opened


async def test_addresses_that_come_and_go_are_followed(board: Demultiplexer) -> None:
    hosts = ["127.0.0.1"]
    ports, opened = ports_on(board, hosts)
    try:
        ports.refresh()
        number = opened[0].port
        hosts.append("127.0.0.2")
        ports.refresh()
        ports.refresh()
        assert [(it.number, it.host, it.port) for it in opened] == [(0, "127.0.0.1", number), (1, "127.0.0.2", number)]
        assert ports.candidates() == [("127.0.0.1", number), ("127.0.0.2", number)]
        hosts.remove("127.0.0.1")
        ports.refresh()
        assert ports.candidates() == [("127.0.0.2", number)]
        hosts.append("127.0.0.1")
        ports.refresh()
        assert len(opened) == 2, "it was never closed: listeners may still be there"
        assert sorted(ports.candidates()) == [("127.0.0.1", number), ("127.0.0.2", number)]
    finally:
        ports.close()


async def test_an_address_that_cannot_be_opened_is_told_once(
    board: Demultiplexer, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.2", 0))
        number = taken.getsockname()[1]
        alone, _ = ports_on(board, ["127.0.0.2"], number)
        with pytest.raises(OSError, match="in use"):
            alone.refresh()
        ports, opened = ports_on(board, ["127.0.0.2", "127.0.0.1"], number)
        caplog.clear()
        try:
            with caplog.at_level(logging.WARNING):
                ports.refresh()
                ports.refresh()
            assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
                f"UDP port {number} can't be opened on 127.0.0.2"
            ]
            assert ports.candidates() == [("127.0.0.1", number)]
            assert [it.host for it in opened] == ["127.0.0.1"]
            taken.close()
            ports.refresh()
            assert len(ports.candidates()) == 2
        finally:
            ports.close()


@pytest.mark.parametrize(("advertise", "shown"), [("192.0.2.1", ["192.0.2.1"]), ("2001:db8::1", [])])
async def test_listeners_are_told_the_advertised_address_of_the_same_family(
    board: Demultiplexer, advertise: str, shown: list[str]
) -> None:
    ports, opened = ports_on(board, ["127.0.0.1", "127.0.0.2"], advertise=advertise)
    try:
        ports.refresh()
        assert ports.candidates() == [(host, opened[0].port) for host in shown]
    finally:
        ports.close()


async def test_an_error_of_something_sent_before_does_not_end_the_reading(board: Demultiplexer, port: UdpPort) -> None:
    with callers(2) as (gone, caller):
        gone.close()
        for _ in range(3):
            port.send(b"anybody?", gone.address)
        caller.socket.sendto(b"\x16 hello", (port.host, port.port))
        await until(lambda: board.dropped["unknown address"] == 1)
