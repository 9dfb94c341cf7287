"""The shared UDP port: whatever strangers send, a listener gets only its own datagrams."""

import asyncio
import logging
import random
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aioice import stun as theirs
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.webrtc import stun
from rtc_drift.webrtc.udp_mux import DATAGRAMS_AT_ONCE, Address, Demultiplexer, UdpPort, UdpPorts
from tests.support.stun_messages import stun_answer, stun_check
from tests.support.udp import RecordingReceiver, open_port, udp_clients
from tests.support.waiting import until

HOSTILE_DATAGRAMS = 1_000_000
KNOWN: list[Address] = [("127.0.0.1", 9001), ("127.0.0.1", 9002), ("127.0.0.1", 9003)]
UNKNOWN: Address = ("127.0.0.1", 9004)


@pytest.fixture
async def demux() -> Demultiplexer:
    return Demultiplexer()


@pytest.fixture
async def port(demux: Demultiplexer) -> Iterator[UdpPort]:  # type: ignore[misc]
    with open_port(demux) as port:
        yield port


def add_receivers(demux: Demultiplexer, port: Any, *addresses: Address) -> list[RecordingReceiver]:
    """Add receivers as of connected listeners, each with a check of the server under way."""
    receivers = []
    for number, address in enumerate(addresses):
        receiver = RecordingReceiver(f"user{number}", b"password %d" % number, f"them{number}")
        demux.by_fragment[receiver.fragment] = receiver
        demux.by_address[port, address] = receiver
        demux.by_transaction[b"transaction%d" % number] = receiver
        receivers.append(receiver)
    return receivers


# --- finding the receiver -----------------------------------------------------------------------------------------


async def test_each_listener_of_a_port_gets_its_own_datagrams(demux: Demultiplexer, port: UdpPort) -> None:
    with udp_clients(3) as (one, two, stranger):
        first, second = add_receivers(demux, port, one.address, two.address)
        here = (port.host, port.port)
        one.socket.sendto(b"\x16 one", here)
        two.socket.sendto(b"\x80\xc8 two", here)
        stranger.socket.sendto(stun_check(second.username, second.password), here)
        stranger.socket.sendto(b"\x16 nobody's", here)
        one.socket.sendto(stun_check(second.username, second.password), here)
        two.socket.sendto(b"\x90\x6f media", here)
        await until(lambda: first.calls + second.calls + sum(demux.dropped.values()) == 6)
        assert (first.dtls, first.calls) == ([b"\x16 one"], 1)
        assert second.rtcp == [b"\x80\xc8 two"]
        assert [address for _, address in second.checks] == [stranger.address, one.address]
        assert demux.dropped == {"unknown address": 1, "unknown kind": 1}
        assert [client.received() for client in (one, two, stranger)] == [[], [], []]


async def test_the_same_address_on_another_port_is_another_listener(demux: Demultiplexer, port: UdpPort) -> None:
    with open_port(demux, 1) as second_port, udp_clients(1) as (client,):
        (one,) = add_receivers(demux, port, client.address)
        other = RecordingReceiver("other", b"x")
        demux.by_address[second_port, client.address] = other
        client.socket.sendto(b"\x16 first", (port.host, port.port))
        client.socket.sendto(b"\x16 second", (second_port.host, second_port.port))
        await until(lambda: one.calls + other.calls == 2)
        assert (one.dtls, other.dtls) == ([b"\x16 first"], [b"\x16 second"])


def test_datagrams_are_distinguished_by_their_first_bytes() -> None:
    """RFC 7983, and RFC 5761 for RTCP beside RTP."""
    for first in range(256):
        demux, port = Demultiplexer(), object()
        (receiver,) = add_receivers(demux, port, KNOWN[0])
        for second in (0, 191, 192, 200, 223, 224, 255):
            demux.receive(port, bytes((first, second, 1, 2)), KNOWN[0])  # type: ignore[arg-type]
        assert len(receiver.dtls) == (7 if 20 <= first <= 63 else 0)
        assert len(receiver.rtcp) == (3 if 128 <= first <= 191 else 0)
        assert demux.dropped.total() == 7 - receiver.calls
        assert demux.dropped["malformed"] == (7 if first < 4 else 0)


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x00", b"\x16"])
def test_the_shortest_datagrams_do_no_harm(data: bytes) -> None:
    demux, port = Demultiplexer(), object()
    (receiver,) = add_receivers(demux, port, KNOWN[0])
    demux.receive(port, data, KNOWN[0])  # type: ignore[arg-type]
    demux.receive(port, data, UNKNOWN)  # type: ignore[arg-type]
    assert demux.dropped.total() + receiver.calls == 2


# --- authenticity -------------------------------------------------------------------------------------------------


async def assert_refused(demux: Demultiplexer, port: UdpPort, data: bytes, reason: str | None = None) -> None:
    """Assert that a datagram is dropped, counted, and not answered."""
    before = demux.dropped.total()
    with udp_clients(1) as (client,):
        demux.receive(port, data, client.address)
        assert client.received() == []
    assert demux.dropped.total() == before + 1
    assert reason is None or demux.dropped[reason] > 0


async def test_requests_with_a_wrong_username_or_password_are_dropped(demux: Demultiplexer, port: UdpPort) -> None:
    one, two = add_receivers(demux, port, *KNOWN[:2])
    for username in (
        "",
        ":",
        "user0",
        "user0:",
        "user0:them1",
        "user9:them0",
        "them0:user0",
        "user0:them0:",
        "USER0:them0",
    ):
        await assert_refused(demux, port, stun_check(username, one.password), "unknown user")
    assert demux.dropped == {"unknown user": 9}
    for password in (b"", b"wrong", two.password):
        await assert_refused(demux, port, stun_check(one.username, password), "not authentic")
    unsigned = theirs.Message(theirs.Method.BINDING, theirs.Class.REQUEST, None, {"USERNAME": one.username})
    await assert_refused(demux, port, bytes(unsigned), "not authentic")
    assert one.calls == two.calls == 0


async def test_changed_requests_are_dropped(demux: Demultiplexer, port: UdpPort) -> None:
    (receiver,) = add_receivers(demux, port, KNOWN[0])
    whole = stun_check(receiver.username, receiver.password, use_candidate=True)
    for length in range(1, len(whole)):
        await assert_refused(demux, port, whole[:length], "malformed")
    await assert_refused(demux, port, whole + bytes(4))
    signed = len(whole) - 8
    for bit in range(8 * signed):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        await assert_refused(demux, port, bytes(changed))
    assert receiver.calls == 0
    demux.receive(port, whole, KNOWN[0])
    assert len(receiver.checks) == 1


async def test_unexpected_answers_are_dropped(demux: Demultiplexer, port: UdpPort) -> None:
    (receiver,) = add_receivers(demux, port, KNOWN[0])
    await assert_refused(demux, port, stun_answer(stun_check("a:b", b"x"), receiver.password), "unknown transaction")
    ours = stun_check("a:b", b"x", transaction=b"transaction0")
    demux.receive(port, stun_answer(ours, b"whatever"), UNKNOWN)
    assert [address for _, address in receiver.answers] == [UNKNOWN], "the listener's ICE checks its authenticity"


# --- hostile datagrams --------------------------------------------------------------------------------------------


class CheckingReceiver(RecordingReceiver):
    """A receiver that asserts that messages have its password and DTLS its address."""

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


def add_checking_receivers(demux: Demultiplexer, port: Any) -> list[RecordingReceiver]:
    receivers: list[RecordingReceiver] = []
    for receiver, address in zip(add_receivers(demux, port, *KNOWN), KNOWN, strict=True):
        checking = CheckingReceiver(receiver.fragment, receiver.password, receiver.their_fragment)
        demux.by_fragment[receiver.fragment] = demux.by_address[port, address] = checking
        demux.by_transaction[b"transaction" + receiver.fragment[-1:].encode()] = checking
        receivers.append(checking)
    return receivers


def authentic(number: int) -> list[bytes]:
    """Return messages that a listener could send."""
    user, password = f"user{number}:them{number}", b"password %d" % number
    ours = stun_check("x:y", b"z", transaction=b"transaction%d" % number)
    return [
        stun_check(user, password, use_candidate=True),
        stun_check(user, password, controlled=True),
        stun_answer(ours, password),
        stun_answer(ours, password, theirs.Class.ERROR),
        b"\x16\xfe\xfd" + bytes(10) + b"hello",
        b"\x81\xc9\x00\x07" + bytes(28),
    ]


SOURCES = [message for number in range(3) for message in authentic(number)]


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """Draw an authentic message with parts cut, copied, inserted or overwritten, most often in its length fields."""
    data = bytearray(draw(st.sampled_from(SOURCES)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        change = draw(st.sampled_from(("bit", "byte", "cut", "insert", "double", "length", "splice")))
        if change == "bit" and data:
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif change == "byte" and data:
            data[at] = draw(st.sampled_from((0, 1, 4, 0x7F, 0x80, 0xFF)))
        elif change == "cut":
            del data[at : at + draw(st.integers(1, 30))]
        elif change == "insert":
            data[at:at] = draw(st.binary(max_size=9))
        elif change == "double":
            data += data[at:]
        elif change == "splice":
            data[at:] = draw(st.sampled_from(SOURCES))[at:]
        elif len(data) >= 20:
            data[2:4] = struct.pack("!H", (len(data) - 20) & 0xFFFF)
    return bytes(data)


@given(st.lists(st.tuples(mutations(), st.sampled_from([*KNOWN, UNKNOWN])), min_size=1, max_size=20))
@settings(max_examples=100, deadline=None)
def test_mutated_messages_reach_no_other_listener(mail: list[tuple[bytes, Address]]) -> None:
    demux, port = Demultiplexer(), object()
    receivers = add_checking_receivers(demux, port)
    tables = [dict(table) for table in (demux.by_address, demux.by_fragment, demux.by_transaction)]
    for data, address in mail:
        demux.receive(port, data, address)  # type: ignore[arg-type]
    assert demux.dropped.total() + sum(receiver.calls for receiver in receivers) == len(mail), (
        "each is received once or counted"
    )
    assert tables == [demux.by_address, demux.by_fragment, demux.by_transaction]


class CountingReceiver:
    """A receiver that only counts: the fastest one."""

    def __init__(self, number: int) -> None:
        self.username = f"user{number}:them{number}"
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


def test_a_million_datagrams_of_noise_are_dropped() -> None:
    """Half of them have a STUN header with cookie and length, and a quarter the address of a listener."""
    demux, port = Demultiplexer(), object()
    receivers = [CountingReceiver(number) for number in range(3)]
    for receiver in receivers:
        demux.by_fragment[receiver.username.partition(":")[0]] = receiver
        demux.by_address[port, receiver.address] = receiver  # type: ignore[index]
        demux.by_transaction[b"transaction" + receiver.username[4:5].encode()] = receiver
    chance = random.Random(1)
    pool = chance.randbytes(1 << 20)
    addresses = [*KNOWN, *[("127.0.0.1", 10_000 + number) for number in range(9)]]
    headers = [
        kind + size.to_bytes(2, "big") + b"\x21\x12\xa4\x42" for kind in (b"\0\1", b"\1\1") for size in range(0, 64, 4)
    ]
    expected_dtls = expected_rtcp = 0
    receive = demux.receive
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
    assert [(receiver.checks, receiver.answers) for receiver in receivers] == [(0, 0)] * 3
    assert sum(receiver.dtls for receiver in receivers) == expected_dtls > 0
    assert sum(receiver.rtcp for receiver in receivers) == expected_rtcp > 0
    assert demux.dropped.total() == HOSTILE_DATAGRAMS - expected_dtls - expected_rtcp
    assert len(demux.dropped) <= 8
    assert len(demux.by_address) == len(demux.by_fragment) == len(demux.by_transaction) == 3


# --- the socket ---------------------------------------------------------------------------------------------------


async def test_a_flooded_port_does_not_block_the_event_loop(demux: Demultiplexer, port: UdpPort) -> None:
    seen: list[int] = []
    with udp_clients(1) as (client,):
        for _ in range(4 * DATAGRAMS_AT_ONCE):
            client.socket.sendto(b"\x16 flood", (port.host, port.port))
        while demux.dropped.total() < 4 * DATAGRAMS_AT_ONCE:
            await asyncio.sleep(0)
            seen.append(demux.dropped.total())
    steps = {there - here for here, there in zip([0, *seen], seen, strict=False)}
    assert max(steps) <= DATAGRAMS_AT_ONCE


async def test_datagrams_that_cannot_be_sent_are_counted(demux: Demultiplexer, port: UdpPort) -> None:
    with udp_clients(1) as (client,):
        for address in (("127.0.0.1", 0), ("::1", 9)):
            port.send(b"x", address)
        port.send(bytes(70_000), client.address)
        port.send(b"fine", client.address)
        assert client.received() == [b"fine"]
        port.close()
        port.close()
        port.send(b"late", client.address)
        assert port.unsent == 4


async def test_a_taken_port_raises_and_leaves_no_socket(demux: Demultiplexer, port: UdpPort) -> None:
    with pytest.raises(OSError, match="in use"):
        UdpPort(1, "127.0.0.1", port.port, demux)


def ports_on(
    demux: Demultiplexer,
    hosts: list[str],
    number: int = 0,
    advertise: str | None = None,
    on_gone: Callable[[UdpPort], None] = lambda _: None,
) -> tuple[Any, Any]:
    opened: list[UdpPort] = []
    return UdpPorts(number, demux, lambda: hosts, opened.append, on_gone, advertise), opened


async def test_addresses_that_come_and_go_are_followed(demux: Demultiplexer) -> None:
    hosts, gone = ["127.0.0.1"], list[UdpPort]()
    ports, opened = ports_on(demux, hosts, on_gone=gone.append)
    try:
        ports.refresh()
        number = opened[0].port
        hosts.append("127.0.0.2")
        ports.refresh()
        ports.refresh()
        assert [(it.number, it.host, it.port) for it in opened] == [(0, "127.0.0.1", number), (1, "127.0.0.2", number)]
        assert ports.candidates() == [("127.0.0.1", number), ("127.0.0.2", number)]
        hosts.remove("127.0.0.1")
        ports.refresh(lambda port: port is opened[0])
        assert ports.candidates() == [("127.0.0.2", number)]
        assert not gone, "a listener still uses it"
        hosts.append("127.0.0.1")
        ports.refresh()
        assert len(opened) == 2
        assert sorted(ports.candidates()) == [("127.0.0.1", number), ("127.0.0.2", number)]
        hosts.remove("127.0.0.1")
        ports.refresh()
        assert gone == [opened[0]]
        assert opened[0].socket.fileno() < 0
        hosts.append("127.0.0.1")
        ports.refresh()
        assert (opened[2].number, opened[2].host, opened[2].port) == (2, "127.0.0.1", number)
    finally:
        ports.close()


async def test_an_address_that_cannot_be_opened_is_logged_once(
    demux: Demultiplexer, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.2", 0))
        number = taken.getsockname()[1]
        alone, _ = ports_on(demux, ["127.0.0.2"], number)
        with pytest.raises(OSError, match="in use"):
            alone.refresh()
        ports, opened = ports_on(demux, ["127.0.0.2", "127.0.0.1"], number)
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
async def test_candidates_have_the_advertised_address_of_the_same_family(
    demux: Demultiplexer, advertise: str, shown: list[str]
) -> None:
    ports, opened = ports_on(demux, ["127.0.0.1", "127.0.0.2"], advertise=advertise)
    try:
        ports.refresh()
        assert ports.candidates() == [(host, opened[0].port) for host in shown]
    finally:
        ports.close()


async def test_an_earlier_send_error_does_not_end_reading(demux: Demultiplexer, port: UdpPort) -> None:
    with udp_clients(2) as (gone, client):
        gone.close()
        for _ in range(3):
            port.send(b"anybody?", gone.address)
        client.socket.sendto(b"\x16 hello", (port.host, port.port))
        await until(lambda: demux.dropped["unknown address"] == 1)
