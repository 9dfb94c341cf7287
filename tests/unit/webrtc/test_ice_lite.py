"""ICE-lite: which path a listener's stream takes, and that nobody else can redirect it."""

from collections.abc import Iterator

import pytest
from aioice import stun as theirs
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.webrtc.ice_lite import CHECK_TIMEOUT_SECONDS, MAX_PATHS, QUIET_SECONDS, IceLite, Path
from rtc_drift.webrtc.stun import StunMessage
from rtc_drift.webrtc.udp_mux import Address, Demultiplexer, UdpPort
from tests.support.stun_messages import read_stun, stun_answer, stun_check
from tests.support.udp import ManualClock, UdpClient, open_port, udp_clients

THEIR_PASSWORD = b"of the listener's own"


class IceListener:
    """A receiver with an `IceLite` and nothing else."""

    def __init__(self, demux: Demultiplexer, clock: ManualClock) -> None:
        self.paths: list[Path] = []
        self.ice = IceLite(self, demux, clock, self.paths.append)
        self.ice.open("theirs", THEIR_PASSWORD.decode())
        self.received_data: list[bytes] = []

    @property
    def username(self) -> str:
        return self.ice.username

    @property
    def password(self) -> bytes:
        return self.ice.password

    def stun_request_received(self, message: StunMessage, port: UdpPort, address: Address) -> None:
        self.ice.request_received(message, Path(port, address))

    def stun_response_received(self, message: StunMessage, port: UdpPort, address: Address) -> None:
        self.ice.response_received(message, Path(port, address))

    def dtls_received(self, data: bytes, port: UdpPort, address: Address) -> None:
        self.received_data.append(data)

    def rtcp_received(self, data: bytes) -> None:
        self.received_data.append(data)


class Harness:
    """One port, one listener, and UDP clients: one belongs to the listener, the others to attackers."""

    def __init__(self, port: UdpPort, demux: Demultiplexer, clients: list[UdpClient]) -> None:
        self.port = port
        self.demux = demux
        self.clock = ManualClock()
        self.listener = IceListener(demux, self.clock)
        self.clients = clients

    def check(
        self, *, use_candidate: bool = False, controlled: bool = False, listener: IceListener | None = None
    ) -> bytes:
        listener = listener or self.listener
        return stun_check(listener.username, listener.password, use_candidate=use_candidate, controlled=controlled)

    def deliver(self, data: bytes, client: UdpClient) -> list[bytes]:
        """Deliver a datagram with a client's address; return what that client receives."""
        self.demux.receive(self.port, data, client.address)
        return client.received()

    def path(self, client: UdpClient) -> Path:
        return Path(self.port, client.address)

    def nominate(self, client: UdpClient, listener: IceListener | None = None) -> None:
        self.deliver(self.check(use_candidate=True, listener=listener), client)
        assert (listener or self.listener).ice.path == self.path(client)

    def entries(self, listener: IceListener | None = None) -> int:
        tables = (self.demux.by_address, self.demux.by_fragment, self.demux.by_transaction)
        return sum(receiver is (listener or self.listener) for table in tables for receiver in table.values())


@pytest.fixture
async def harness() -> Iterator[Harness]:  # type: ignore[misc]
    demux = Demultiplexer()
    with udp_clients(12) as clients, open_port(demux) as port:
        yield Harness(port, demux, clients)


def checks_among(datagrams: list[bytes]) -> list[bytes]:
    """Return the server's requests among some datagrams."""
    return [it for it in datagrams if read_stun(it).message_class is theirs.Class.REQUEST]


async def test_a_check_is_answered_with_the_address_it_came_from(harness: Harness) -> None:
    asked = harness.check()
    (wire,) = harness.deliver(asked, harness.clients[0])
    response = read_stun(wire)
    assert (response.message_class, response.message_method) == (theirs.Class.RESPONSE, theirs.Method.BINDING)
    assert response.transaction_id == read_stun(asked).transaction_id
    assert response.attributes["XOR-MAPPED-ADDRESS"] == harness.clients[0].address
    assert response.check_message_integrity(harness.listener.password)
    assert harness.listener.ice.path is None, "no path was nominated"


async def test_a_controlled_peer_gets_a_role_conflict(harness: Harness) -> None:
    (wire,) = harness.deliver(harness.check(controlled=True, use_candidate=True), harness.clients[0])
    response = read_stun(wire)
    assert response.message_class is theirs.Class.ERROR
    assert response.attributes["ERROR-CODE"][0] == 487
    assert response.check_message_integrity(harness.listener.password)
    assert harness.listener.ice.path is None
    assert harness.entries() == 1


async def test_the_first_nomination_selects_the_path(harness: Harness) -> None:
    real, other = harness.clients[:2]
    harness.deliver(harness.check(), other)
    harness.nominate(real)
    harness.deliver(harness.check(use_candidate=True), real)
    harness.deliver(harness.check(), real)
    assert harness.listener.paths == [harness.path(real)], "reported once"
    for client in (real, other):
        harness.demux.receive(harness.port, b"\x16 a handshake", client.address)
    assert len(harness.listener.received_data) == 2, "from any address that has sent a check"


async def test_another_nomination_is_followed_only_after_an_answer(harness: Harness) -> None:
    real, new = harness.clients[:2]
    harness.nominate(real)
    success, probe = harness.deliver(harness.check(use_candidate=True), new)
    assert read_stun(success).message_class is theirs.Class.RESPONSE
    asked = read_stun(probe)
    assert asked.attributes["USERNAME"] == f"theirs:{harness.listener.ice.fragment}"
    assert asked.check_message_integrity(THEIR_PASSWORD)
    assert "ICE-CONTROLLED" in asked.attributes
    assert harness.listener.ice.path == harness.path(real), "not yet"
    harness.demux.receive(harness.port, b"\x16 early", new.address)
    assert harness.listener.received_data == []
    harness.deliver(stun_answer(probe, THEIR_PASSWORD), new)
    assert harness.listener.paths == [harness.path(real), harness.path(new)]
    harness.demux.receive(harness.port, b"\x16 late", new.address)
    assert harness.listener.received_data == [b"\x16 late"]
    assert not harness.demux.by_transaction


@pytest.mark.parametrize("wrong", ["password", "our password", "address", "error", "transaction"])
async def test_a_wrong_answer_changes_no_path(harness: Harness, wrong: str) -> None:
    real, new, elsewhere = harness.clients[:3]
    harness.nominate(real)
    _, probe = harness.deliver(harness.check(use_candidate=True), new)
    if wrong == "password":
        harness.deliver(stun_answer(probe, b"guessed"), new)
    elif wrong == "our password":
        # Whoever copies the server's check has only a signature with the server's password.
        harness.deliver(stun_answer(probe, harness.listener.password), new)
    elif wrong == "address":
        harness.deliver(stun_answer(probe, THEIR_PASSWORD), elsewhere)
    elif wrong == "error":
        harness.deliver(stun_answer(probe, THEIR_PASSWORD, theirs.Class.ERROR), new)
    else:
        harness.deliver(stun_answer(stun_check("a:b", b"c"), THEIR_PASSWORD), new)
    assert harness.listener.paths == [harness.path(real)]
    harness.deliver(stun_answer(probe, THEIR_PASSWORD), new)
    assert harness.listener.ice.path == harness.path(new), "the right answer is still good"


async def test_an_answer_counts_once(harness: Harness) -> None:
    real, new = harness.clients[:2]
    harness.nominate(real)
    _, probe = harness.deliver(harness.check(use_candidate=True), new)
    sent = stun_answer(probe, THEIR_PASSWORD)
    harness.deliver(sent, new)
    (again,) = checks_among(harness.deliver(harness.check(use_candidate=True), real))
    harness.deliver(stun_answer(again, THEIR_PASSWORD), real)
    assert harness.listener.ice.path == harness.path(real)
    harness.deliver(sent, new)
    assert harness.listener.ice.path == harness.path(real)
    assert harness.demux.dropped["unknown transaction"] == 1


async def test_a_changed_address_is_followed_once_the_old_one_is_quiet(harness: Harness) -> None:
    """A router has lost its mapping: checks go on from another port, but none nominates."""
    real, new = harness.clients[:2]
    harness.nominate(real)
    harness.clock.now += QUIET_SECONDS - 1
    assert checks_among(harness.deliver(harness.check(), new)) == [], "the other path is still alive"
    harness.clock.now += 2
    (probe,) = checks_among(harness.deliver(harness.check(), new))
    harness.deliver(stun_answer(probe, THEIR_PASSWORD), new)
    assert harness.listener.ice.path == harness.path(new)
    assert harness.listener.ice.quiet_seconds == 0


async def test_only_authentic_messages_on_the_path_are_signs_of_life(harness: Harness) -> None:
    real, other = harness.clients[:2]
    harness.nominate(real)
    harness.clock.now += 5
    harness.deliver(harness.check(), other)
    harness.deliver(stun_check(harness.listener.username, b"wrong"), real)
    assert harness.listener.ice.quiet_seconds == 5
    harness.deliver(harness.check(), real)
    assert harness.listener.ice.quiet_seconds == 0
    harness.clock.now += 5
    harness.listener.ice.check(harness.path(real))
    (probe,) = real.received()
    harness.deliver(stun_answer(probe, THEIR_PASSWORD), real)
    assert harness.listener.ice.quiet_seconds == 0, "an answer is one too"
    assert len(harness.listener.paths) == 1


@pytest.mark.parametrize("quiet", [0.0, QUIET_SECONDS + 1, 1000.0])
async def test_copied_requests_neither_redirect_nor_end_the_stream(harness: Harness, quiet: float) -> None:
    real, *victims = harness.clients
    harness.nominate(real)
    copies = [harness.check(use_candidate=True), harness.check()]
    for copy in copies:
        harness.deliver(copy, real)
    harness.clock.now += quiet
    for victim in victims:
        for copy in copies * 20:
            # At most one check and one answer: no amplification.
            assert len(harness.deliver(copy, victim)) <= 2
            harness.clock.now += CHECK_TIMEOUT_SECONDS / 10
    assert harness.listener.paths == [harness.path(real)]
    harness.demux.receive(harness.port, b"\x16 hello", real.address)
    assert harness.listener.received_data == [b"\x16 hello"]
    harness.demux.receive(harness.port, b"\x16 hello", victims[0].address)
    assert harness.listener.received_data == [b"\x16 hello"]
    assert harness.entries() <= 3
    new = victims[-1]
    harness.clock.now += CHECK_TIMEOUT_SECONDS
    (probe,) = checks_among(harness.deliver(harness.check(use_candidate=True), new))
    harness.deliver(stun_answer(probe, THEIR_PASSWORD), new)
    assert harness.listener.ice.path == harness.path(new), "the listener itself may still move"


async def test_paths_are_tried_one_at_a_time(harness: Harness) -> None:
    real, silent, new = harness.clients[:3]
    harness.nominate(real)
    (lost,) = checks_among(harness.deliver(harness.check(use_candidate=True), silent))
    assert checks_among(harness.deliver(harness.check(use_candidate=True), new)) == []
    harness.clock.now += CHECK_TIMEOUT_SECONDS
    (probe,) = checks_among(harness.deliver(harness.check(use_candidate=True), new))
    assert list(harness.demux.by_transaction) == [read_stun(probe).transaction_id]
    harness.deliver(stun_answer(lost, THEIR_PASSWORD), silent)
    assert harness.listener.ice.path == harness.path(real), "too late"
    harness.deliver(stun_answer(probe, THEIR_PASSWORD), new)
    assert harness.listener.ice.path == harness.path(new)


@pytest.mark.parametrize("use_candidate", [True, False])
async def test_the_address_of_another_listener_is_taken_only_after_an_answer(
    harness: Harness, use_candidate: bool
) -> None:
    first, second = harness.listener, IceListener(harness.demux, harness.clock)
    shared, other = harness.clients[:2]
    harness.nominate(shared)
    (probe,) = checks_among(harness.deliver(harness.check(use_candidate=use_candidate, listener=second), shared))
    harness.demux.receive(harness.port, b"\x16 mine", shared.address)
    assert (first.received_data, second.received_data, second.ice.path) == ([b"\x16 mine"], [], None)
    harness.nominate(other, second)
    harness.deliver(stun_answer(probe, THEIR_PASSWORD), shared)
    harness.demux.receive(harness.port, b"\x16 theirs", shared.address)
    assert second.ice.path == harness.path(shared)
    assert (len(first.received_data), second.received_data) == (1, [b"\x16 theirs"])
    first.ice.close()
    harness.demux.receive(harness.port, b"\x16 still", shared.address)
    assert second.received_data[1:] == [b"\x16 still"], (
        "closing keeps the addresses that belong to another listener by now"
    )


async def test_a_listener_has_few_paths_and_keeps_the_one_in_use(harness: Harness) -> None:
    for client in harness.clients:
        harness.deliver(harness.check(), client)
    assert harness.entries() == MAX_PATHS + 1
    known = {address for _, address in harness.demux.by_address}
    assert known == {client.address for client in harness.clients[-MAX_PATHS:]}, "the newest"
    harness.nominate(harness.clients[0])
    for client in harness.clients[1:]:
        harness.clock.now += CHECK_TIMEOUT_SECONDS
        (probe,) = checks_among(harness.deliver(harness.check(use_candidate=True), client))
        harness.deliver(stun_answer(probe, THEIR_PASSWORD), client)
        assert harness.listener.ice.path == harness.path(client)
        assert (harness.port, client.address) in harness.demux.by_address
        assert harness.entries() <= MAX_PATHS + 1
    assert len(harness.demux.by_address) == MAX_PATHS


async def test_datagrams_on_the_previous_path_still_arrive(harness: Harness) -> None:
    home, *places = harness.clients
    harness.nominate(home)
    for client in places:
        for there in (client, home):
            harness.clock.now += CHECK_TIMEOUT_SECONDS
            (probe,) = checks_among(harness.deliver(harness.check(use_candidate=True), there))
            harness.deliver(stun_answer(probe, THEIR_PASSWORD), there)
            assert harness.listener.ice.path == harness.path(there)
            before = len(harness.listener.received_data)
            harness.demux.receive(harness.port, b"\x16 late", (home if there is client else client).address)
            assert len(harness.listener.received_data) == before + 1


async def test_a_closed_listener_is_not_found(harness: Harness) -> None:
    stays = IceListener(harness.demux, harness.clock)
    real, new, other = harness.clients[:3]
    asked = harness.check(use_candidate=True)
    harness.nominate(other, stays)
    harness.nominate(real)
    _, probe = harness.deliver(harness.check(use_candidate=True), new)
    harness.listener.ice.close()
    harness.listener.ice.close()
    assert harness.entries() == 0
    assert harness.entries(stays) == 2
    for datagram in (asked, stun_answer(probe, THEIR_PASSWORD), b"\x16 hello", b"\x80\xc8 report"):
        assert harness.deliver(datagram, real) == []
    assert harness.listener.received_data == []
    assert sum(harness.demux.dropped.values()) == 4
    assert harness.deliver(harness.check(listener=stays), other) != []


async def test_credentials_are_long_and_unique(harness: Harness) -> None:
    listeners = [IceListener(harness.demux, harness.clock).ice for _ in range(50)]
    assert len({it.fragment for it in listeners}) == len({it.password for it in listeners}) == 50
    # RFC 8445, 5.3: at least 24 bits of the fragment and 128 of the password; hexadecimal digits hold 4 each.
    assert all(4 * len(it.fragment) >= 24 for it in listeners)
    assert all(4 * len(it.password) >= 128 for it in listeners)


DEEDS = st.lists(
    st.tuples(
        st.sampled_from(("check", "nominate", "replay", "answer", "answer wrongly", "wait", "wait long", "consent")),
        st.integers(0, 3),
        st.integers(0, 7),
    ),
    max_size=60,
)


class Scenario:
    """Two listeners, two ports, eight addresses; and the paths that each listener may have taken so far."""

    def __init__(self) -> None:
        self.demux = Demultiplexer()
        self.clock = ManualClock()
        self.ports = [RecordingPort(number) for number in range(2)]
        self.listeners = [IceListener(self.demux, self.clock) for _ in range(2)]
        self.allowed: list[set[Path]] = [set(), set()]
        self.asked: list[tuple[int, bytes]] = []

    def do(self, deed: str, who: int, where: int) -> None:
        port, address = self.ports[where % 2], ("127.0.0.1", 9000 + where)
        if deed in ("check", "nominate"):
            listener = self.listeners[who % 2]
            request = stun_check(listener.username, listener.password, use_candidate=deed == "nominate")
            self.asked.append((who % 2, request))
            self.ask(who % 2, request, port, address)
        elif deed == "replay" and self.asked:
            number, request = self.asked[who * 7 % len(self.asked)]
            self.ask(number, request, port, address)
        elif deed.startswith("answer"):
            self.answer(port, address, right=deed == "answer")
        elif deed.startswith("wait"):
            self.clock.now += where * (0.3 if deed == "wait" else 4.0)
        elif deed == "consent":
            ice = self.listeners[who % 2].ice
            if ice.path is not None:
                ice.check(ice.path)

    def ask(self, number: int, request: bytes, port: "RecordingPort", address: Address) -> None:
        listener, path = self.listeners[number], Path(port, address)  # type: ignore[arg-type]
        if listener.ice.path is None and self.demux.by_address.get(path) in (None, listener):
            self.allowed[number].add(path)
        self.demux.receive(path.port, request, address)

    def answer(self, port: "RecordingPort", address: Address, right: bool) -> None:
        """Answer all checks that were ever sent to an address."""
        for wire, to in list(port.sent):
            message, path = read_stun(wire), Path(port, address)  # type: ignore[arg-type]
            if to == address and message.message_class is theirs.Class.REQUEST:
                for number, listener in enumerate(self.listeners):
                    if right and self.demux.by_transaction.get(message.transaction_id) is listener:
                        self.allowed[number].add(path)
                self.demux.receive(path.port, stun_answer(wire, THEIR_PASSWORD if right else b"guessed"), address)

    def verify(self) -> None:
        for listener, allowed in zip(self.listeners, self.allowed, strict=True):
            assert set(listener.paths) <= allowed
            assert listener.ice.path == (listener.paths[-1] if listener.paths else None)
            assert sum(receiver is listener for receiver in self.demux.by_address.values()) <= MAX_PATHS
        assert len(self.demux.by_transaction) <= len(self.listeners)


@given(DEEDS)
@settings(max_examples=100, deadline=None)
def test_the_path_was_always_nominated_first_or_has_answered(deeds: list[tuple[str, int, int]]) -> None:
    scenario = Scenario()
    for deed in deeds:
        scenario.do(*deed)
        scenario.verify()
    for listener in scenario.listeners:
        listener.ice.close()
    demux = scenario.demux
    assert not demux.by_address
    assert not demux.by_transaction
    assert not demux.by_fragment


class RecordingPort:
    """A port that records its datagrams instead of sending them."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.sent: list[tuple[bytes, Address]] = []

    def send(self, data: bytes, address: Address) -> None:
        self.sent.append((data, address))
