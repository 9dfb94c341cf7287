"""ICE-lite: where a listener's stream goes, and that nobody else can lead it away."""

from collections.abc import Iterator

import pytest
from aioice import stun as theirs
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.webrtc.ice_lite import CHECK_TIMEOUT_SECONDS, MAX_PATHS, QUIET_SECONDS, IceLite, Path
from rtc_drift.webrtc.stun import StunMessage
from rtc_drift.webrtc.udp_mux import Address, Demultiplexer, UdpPort
from tests.unit.udp_room import Caller, Clock, answer, callers, check, open_port, read

THEIR_PASSWORD = b"of the listener's own"


class Guest:
    """A listener that has nothing but its ICE."""

    def __init__(self, board: Demultiplexer, clock: Clock) -> None:
        self.paths: list[Path] = []
        self.ice = IceLite(self, board, clock, self.paths.append)
        self.ice.open("theirs", THEIR_PASSWORD.decode())
        self.heard: list[bytes] = []

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
        self.heard.append(data)

    def rtcp_received(self, data: bytes) -> None:
        self.heard.append(data)


class Room:
    """One port, one guest, and callers one of whom is the listener; the others are who wants to be taken for it."""

    def __init__(self, port: UdpPort, board: Demultiplexer, them: list[Caller]) -> None:
        self.port = port
        self.board = board
        self.clock = Clock()
        self.guest = Guest(board, self.clock)
        self.them = them

    def check(self, *, use_candidate: bool = False, controlled: bool = False, guest: Guest | None = None) -> bytes:
        guest = guest or self.guest
        return check(guest.username, guest.password, use_candidate=use_candidate, controlled=controlled)

    def deliver(self, data: bytes, caller: Caller) -> list[bytes]:
        """A datagram that bears a caller's address; what that caller is sent then."""
        self.board.receive(self.port, data, caller.address)
        return caller.received()

    def path(self, caller: Caller) -> Path:
        return Path(self.port, caller.address)

    def nominate(self, caller: Caller, guest: Guest | None = None) -> None:
        self.deliver(self.check(use_candidate=True, guest=guest), caller)
        assert (guest or self.guest).ice.path == self.path(caller)

    def entries(self, guest: Guest | None = None) -> int:
        tables = (self.board.by_address, self.board.by_fragment, self.board.by_transaction)
        return sum(receiver is (guest or self.guest) for table in tables for receiver in table.values())


@pytest.fixture
async def room() -> Iterator[Room]:  # type: ignore[misc]
    board = Demultiplexer()
    with callers(12) as them, open_port(board) as port:
        yield Room(port, board, them)


def checks_among(datagrams: list[bytes]) -> list[bytes]:
    """Requests of ours."""
    return [it for it in datagrams if read(it).message_class is theirs.Class.REQUEST]


async def test_a_check_is_answered_with_the_address_it_came_from(room: Room) -> None:
    asked = room.check()
    (wire,) = room.deliver(asked, room.them[0])
    told = read(wire)
    assert (told.message_class, told.message_method) == (theirs.Class.RESPONSE, theirs.Method.BINDING)
    assert told.transaction_id == read(asked).transaction_id
    assert told.attributes["XOR-MAPPED-ADDRESS"] == room.them[0].address
    assert told.check_message_integrity(room.guest.password)
    assert room.guest.ice.path is None, "it was not nominated"


async def test_one_who_believes_to_be_controlled_too_is_told(room: Room) -> None:
    (wire,) = room.deliver(room.check(controlled=True, use_candidate=True), room.them[0])
    told = read(wire)
    assert told.message_class is theirs.Class.ERROR
    assert told.attributes["ERROR-CODE"][0] == 487
    assert told.check_message_integrity(room.guest.password)
    assert room.guest.ice.path is None
    assert room.entries() == 1


async def test_the_first_nomination_takes_the_path(room: Room) -> None:
    real, other = room.them[:2]
    room.deliver(room.check(), other)
    room.nominate(real)
    room.deliver(room.check(use_candidate=True), real)
    room.deliver(room.check(), real)
    assert room.guest.paths == [room.path(real)], "told once"
    for caller in (real, other):
        room.board.receive(room.port, b"\x16 a handshake", caller.address)
    assert len(room.guest.heard) == 2, "from any address that made a check before"


async def test_another_nomination_is_followed_only_when_it_answers(room: Room) -> None:
    real, new = room.them[:2]
    room.nominate(real)
    success, probe = room.deliver(room.check(use_candidate=True), new)
    assert read(success).message_class is theirs.Class.RESPONSE
    asked = read(probe)
    assert asked.attributes["USERNAME"] == f"theirs:{room.guest.ice.fragment}"
    assert asked.check_message_integrity(THEIR_PASSWORD)
    assert "ICE-CONTROLLED" in asked.attributes
    assert room.guest.ice.path == room.path(real), "not yet"
    room.board.receive(room.port, b"\x16 early", new.address)
    assert room.guest.heard == []
    room.deliver(answer(probe, THEIR_PASSWORD), new)
    assert room.guest.paths == [room.path(real), room.path(new)]
    room.board.receive(room.port, b"\x16 late", new.address)
    assert room.guest.heard == [b"\x16 late"]
    assert not room.board.by_transaction


@pytest.mark.parametrize("wrong", ["password", "our password", "address", "error", "transaction"])
async def test_a_wrong_answer_moves_nothing(room: Room, wrong: str) -> None:
    real, new, elsewhere = room.them[:3]
    room.nominate(real)
    _, probe = room.deliver(room.check(use_candidate=True), new)
    if wrong == "password":
        room.deliver(answer(probe, b"guessed"), new)
    elif wrong == "our password":
        # Whoever copies our check off the wire has no more than our own password's signature to show.
        room.deliver(answer(probe, room.guest.password), new)
    elif wrong == "address":
        room.deliver(answer(probe, THEIR_PASSWORD), elsewhere)
    elif wrong == "error":
        room.deliver(answer(probe, THEIR_PASSWORD, theirs.Class.ERROR), new)
    else:
        room.deliver(answer(check("a:b", b"c"), THEIR_PASSWORD), new)
    assert room.guest.paths == [room.path(real)]
    room.deliver(answer(probe, THEIR_PASSWORD), new)
    assert room.guest.ice.path == room.path(new), "the right answer is still good"


async def test_an_answer_counts_once(room: Room) -> None:
    real, new = room.them[:2]
    room.nominate(real)
    _, probe = room.deliver(room.check(use_candidate=True), new)
    said = answer(probe, THEIR_PASSWORD)
    room.deliver(said, new)
    (again,) = checks_among(room.deliver(room.check(use_candidate=True), real))
    room.deliver(answer(again, THEIR_PASSWORD), real)
    assert room.guest.ice.path == room.path(real)
    room.deliver(said, new)
    assert room.guest.ice.path == room.path(real)
    assert room.board.dropped["unknown transaction"] == 1


async def test_one_whose_address_has_changed_is_followed_once_the_old_one_is_quiet(room: Room) -> None:
    """A router that has forgotten a mapping: checks go on from another port, none of them nominates."""
    real, new = room.them[:2]
    room.nominate(real)
    room.clock.now += QUIET_SECONDS - 1
    assert checks_among(room.deliver(room.check(), new)) == [], "the other way is still alive"
    room.clock.now += 2
    (probe,) = checks_among(room.deliver(room.check(), new))
    room.deliver(answer(probe, THEIR_PASSWORD), new)
    assert room.guest.ice.path == room.path(new)
    assert room.guest.ice.quiet_seconds == 0


async def test_what_is_heard_on_the_path_is_a_sign_of_life_and_nothing_else_is(room: Room) -> None:
    real, other = room.them[:2]
    room.nominate(real)
    room.clock.now += 5
    room.deliver(room.check(), other)
    room.deliver(check(room.guest.username, b"wrong"), real)
    assert room.guest.ice.quiet_seconds == 5
    room.deliver(room.check(), real)
    assert room.guest.ice.quiet_seconds == 0
    room.clock.now += 5
    room.guest.ice.check(room.path(real))
    (probe,) = real.received()
    room.deliver(answer(probe, THEIR_PASSWORD), real)
    assert room.guest.ice.quiet_seconds == 0, "an answer is one too"
    assert len(room.guest.paths) == 1


@pytest.mark.parametrize("quiet", [0.0, QUIET_SECONDS + 1, 1000.0])
async def test_a_copied_request_neither_leads_the_stream_away_nor_cuts_it_off(room: Room, quiet: float) -> None:
    real, *victims = room.them
    room.nominate(real)
    copies = [room.check(use_candidate=True), room.check()]
    for copy in copies:
        room.deliver(copy, real)
    room.clock.now += quiet
    for victim in victims:
        for copy in copies * 20:
            # At most one check and the answers: not more than what came.
            assert len(room.deliver(copy, victim)) <= 2
            room.clock.now += CHECK_TIMEOUT_SECONDS / 10
    assert room.guest.paths == [room.path(real)]
    room.board.receive(room.port, b"\x16 hello", real.address)
    assert room.guest.heard == [b"\x16 hello"]
    room.board.receive(room.port, b"\x16 hello", victims[0].address)
    assert room.guest.heard == [b"\x16 hello"]
    assert room.entries() <= 3
    new = victims[-1]
    room.clock.now += CHECK_TIMEOUT_SECONDS
    (probe,) = checks_among(room.deliver(room.check(use_candidate=True), new))
    room.deliver(answer(probe, THEIR_PASSWORD), new)
    assert room.guest.ice.path == room.path(new), "the listener itself may still move"


async def test_one_path_is_tried_at_a_time_and_another_when_no_answer_comes(room: Room) -> None:
    real, silent, new = room.them[:3]
    room.nominate(real)
    (lost,) = checks_among(room.deliver(room.check(use_candidate=True), silent))
    assert checks_among(room.deliver(room.check(use_candidate=True), new)) == []
    room.clock.now += CHECK_TIMEOUT_SECONDS
    (probe,) = checks_among(room.deliver(room.check(use_candidate=True), new))
    assert list(room.board.by_transaction) == [read(probe).transaction_id]
    room.deliver(answer(lost, THEIR_PASSWORD), silent)
    assert room.guest.ice.path == room.path(real), "too late"
    room.deliver(answer(probe, THEIR_PASSWORD), new)
    assert room.guest.ice.path == room.path(new)


@pytest.mark.parametrize("use_candidate", [True, False])
async def test_the_address_of_another_listener_is_not_taken_without_an_answer(room: Room, use_candidate: bool) -> None:
    first, second = room.guest, Guest(room.board, room.clock)
    shared, other = room.them[:2]
    room.nominate(shared)
    (probe,) = checks_among(room.deliver(room.check(use_candidate=use_candidate, guest=second), shared))
    room.board.receive(room.port, b"\x16 mine", shared.address)
    assert (first.heard, second.heard, second.ice.path) == ([b"\x16 mine"], [], None)
    room.nominate(other, second)
    room.deliver(answer(probe, THEIR_PASSWORD), shared)
    room.board.receive(room.port, b"\x16 theirs", shared.address)
    assert second.ice.path == room.path(shared)
    assert (len(first.heard), second.heard) == (1, [b"\x16 theirs"])
    first.ice.close()
    room.board.receive(room.port, b"\x16 still", shared.address)
    assert second.heard[1:] == [b"\x16 still"], "who goes takes nothing along that is another's by now"


async def test_a_listener_has_a_few_paths_at_most_and_never_loses_the_one_in_use(room: Room) -> None:
    for caller in room.them:
        room.deliver(room.check(), caller)
    assert room.entries() == MAX_PATHS + 1
    known = {address for _, address in room.board.by_address}
    assert known == {caller.address for caller in room.them[-MAX_PATHS:]}, "the newest"
    room.nominate(room.them[0])
    for caller in room.them[1:]:
        room.clock.now += CHECK_TIMEOUT_SECONDS
        (probe,) = checks_among(room.deliver(room.check(use_candidate=True), caller))
        room.deliver(answer(probe, THEIR_PASSWORD), caller)
        assert room.guest.ice.path == room.path(caller)
        assert (room.port, caller.address) in room.board.by_address
        assert room.entries() <= MAX_PATHS + 1
    assert len(room.board.by_address) == MAX_PATHS


async def test_what_is_under_way_on_the_path_just_left_still_arrives(room: Room) -> None:
    home, *places = room.them
    room.nominate(home)
    for caller in places:
        for there in (caller, home):
            room.clock.now += CHECK_TIMEOUT_SECONDS
            (probe,) = checks_among(room.deliver(room.check(use_candidate=True), there))
            room.deliver(answer(probe, THEIR_PASSWORD), there)
            assert room.guest.ice.path == room.path(there)
            before = len(room.guest.heard)
            room.board.receive(room.port, b"\x16 late", (home if there is caller else caller).address)
            assert len(room.guest.heard) == before + 1


async def test_who_has_closed_is_found_no_more(room: Room) -> None:
    stays = Guest(room.board, room.clock)
    real, new, other = room.them[:3]
    asked = room.check(use_candidate=True)
    room.nominate(other, stays)
    room.nominate(real)
    _, probe = room.deliver(room.check(use_candidate=True), new)
    room.guest.ice.close()
    room.guest.ice.close()
    assert room.entries() == 0
    assert room.entries(stays) == 2
    for datagram in (asked, answer(probe, THEIR_PASSWORD), b"\x16 hello", b"\x80\xc8 report"):
        assert room.deliver(datagram, real) == []
    assert room.guest.heard == []
    assert sum(room.board.dropped.values()) == 4
    assert room.deliver(room.check(guest=stays), other) != []


async def test_credentials_are_long_enough_and_each_listeners_own(room: Room) -> None:
    guests = [Guest(room.board, room.clock).ice for _ in range(50)]
    assert len({it.fragment for it in guests}) == len({it.password for it in guests}) == 50
    # RFC 8445, 5.3: at least 24 bits of the fragment and 128 of the password; hexadecimal digits hold 4 each.
    assert all(4 * len(it.fragment) >= 24 for it in guests)
    assert all(4 * len(it.password) >= 128 for it in guests)


DEEDS = st.lists(
    st.tuples(
        st.sampled_from(("check", "nominate", "replay", "answer", "answer wrongly", "wait", "wait long", "consent")),
        st.integers(0, 3),
        st.integers(0, 7),
    ),
    max_size=60,
)


class Story:
    """Two guests, two ports, eight addresses; and by which paths each guest may have gone so far."""

    def __init__(self) -> None:
        self.board = Demultiplexer()
        self.clock = Clock()
        self.ports = [Wire(number) for number in range(2)]
        self.guests = [Guest(self.board, self.clock) for _ in range(2)]
        self.allowed: list[set[Path]] = [set(), set()]
        self.asked: list[tuple[int, bytes]] = []

    def do(self, deed: str, who: int, where: int) -> None:
        port, address = self.ports[where % 2], ("127.0.0.1", 9000 + where)
        if deed in ("check", "nominate"):
            guest = self.guests[who % 2]
            request = check(guest.username, guest.password, use_candidate=deed == "nominate")
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
            ice = self.guests[who % 2].ice
            if ice.path is not None:
                ice.check(ice.path)

    def ask(self, number: int, request: bytes, port: "Wire", address: Address) -> None:
        guest, path = self.guests[number], Path(port, address)  # type: ignore[arg-type]
        if guest.ice.path is None and self.board.by_address.get(path) in (None, guest):
            self.allowed[number].add(path)
        self.board.receive(path.port, request, address)

    def answer(self, port: "Wire", address: Address, right: bool) -> None:
        """Somebody there answers all checks that ever came there."""
        for wire, to in list(port.sent):
            message, path = read(wire), Path(port, address)  # type: ignore[arg-type]
            if to == address and message.message_class is theirs.Class.REQUEST:
                for number, guest in enumerate(self.guests):
                    if right and self.board.by_transaction.get(message.transaction_id) is guest:
                        self.allowed[number].add(path)
                self.board.receive(path.port, answer(wire, THEIR_PASSWORD if right else b"guessed"), address)

    def verify(self) -> None:
        for guest, allowed in zip(self.guests, self.allowed, strict=True):
            assert set(guest.paths) <= allowed
            assert guest.ice.path == (guest.paths[-1] if guest.paths else None)
            assert sum(receiver is guest for receiver in self.board.by_address.values()) <= MAX_PATHS
        assert len(self.board.by_transaction) <= len(self.guests)


@given(DEEDS)
@settings(max_examples=100, deadline=None)
def test_the_path_is_always_one_that_was_nominated_first_or_has_answered(deeds: list[tuple[str, int, int]]) -> None:
    story = Story()
    for deed in deeds:
        story.do(*deed)
        story.verify()
    for guest in story.guests:
        guest.ice.close()
    board = story.board
    assert not board.by_address
    assert not board.by_transaction
    assert not board.by_fragment


class Wire:
    """A port whose datagrams go nowhere."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.sent: list[tuple[bytes, Address]] = []

    def send(self, data: bytes, address: Address) -> None:
        self.sent.append((data, address))
