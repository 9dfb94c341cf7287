"""STUN, against aioice at the other end: each parses the other's messages, and changed messages are not authentic."""

import zlib
from typing import Any

import pytest
from aioice import stun as theirs
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.webrtc import stun as ours
from tests.support.stun_messages import stun_answer, stun_check

TRANSACTIONS = st.binary(min_size=12, max_size=12)
PASSWORDS = st.binary(min_size=1, max_size=80)
USERNAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
ADDRESSES = st.tuples(st.ip_addresses().map(str), st.integers(0, 65535))
OPTIONAL: dict[str, st.SearchStrategy[Any]] = {
    "USERNAME": USERNAMES,
    "PRIORITY": st.integers(0, 2**32 - 1),
    "USE-CANDIDATE": st.none(),
    "ICE-CONTROLLING": st.integers(0, 2**64 - 1),
    "ICE-CONTROLLED": st.integers(0, 2**64 - 1),
    "SOFTWARE": st.text(max_size=20),
    "NONCE": st.binary(max_size=9),
    "XOR-MAPPED-ADDRESS": ADDRESSES,
}
ATTRIBUTES = st.fixed_dictionaries({}, optional=OPTIONAL).flatmap(lambda them: st.permutations(list(them.items())))
KINDS = {
    theirs.Class.REQUEST: ours.REQUEST,
    theirs.Class.RESPONSE: ours.RESPONSE,
    theirs.Class.ERROR: ours.ERROR,
}


def built(kind: theirs.Class, transaction: bytes, attributes: list[tuple[str, Any]]) -> theirs.Message:
    return theirs.Message(theirs.Method.BINDING, kind, transaction, dict(attributes))


@given(st.sampled_from(list(KINDS)), TRANSACTIONS, ATTRIBUTES, PASSWORDS, PASSWORDS)
@settings(max_examples=50)
def test_messages_of_aioice_are_parsed_and_authentic(
    kind: theirs.Class, transaction: bytes, attributes: list[tuple[str, Any]], password: bytes, wrong: bytes
) -> None:
    message = built(kind, transaction, attributes)
    message.add_message_integrity(password)
    read = ours.parse(bytes(message))
    assert read is not None
    given = dict(attributes)
    assert (read.kind, read.transaction) == (KINDS[kind], transaction)
    assert read.username == given.get("USERNAME", "")
    assert read.use_candidate == ("USE-CANDIDATE" in given)
    assert read.sender_is_controlled == ("ICE-CONTROLLED" in given)
    assert read.is_authentic(password)
    # HMAC pads keys with zeros.
    assert read.is_authentic(wrong) == (wrong.rstrip(b"\0") == password.rstrip(b"\0")) or len(max(wrong, password)) > 64


@given(TRANSACTIONS, ATTRIBUTES, PASSWORDS)
def test_a_message_without_integrity_is_not_authentic(
    transaction: bytes, attributes: list[tuple[str, Any]], password: bytes
) -> None:
    read = ours.parse(bytes(built(theirs.Class.REQUEST, transaction, attributes)))
    assert read is not None
    assert not read.is_authentic(password)
    assert not read.is_authentic(b"")


@given(TRANSACTIONS, ADDRESSES, PASSWORDS)
def test_a_success_response_has_the_mapped_address(
    transaction: bytes, address: tuple[str, int], password: bytes
) -> None:
    read = theirs.parse_message(ours.success(transaction, address, password))
    assert (read.message_method, read.message_class) == (theirs.Method.BINDING, theirs.Class.RESPONSE)
    assert read.transaction_id == transaction
    assert read.attributes["XOR-MAPPED-ADDRESS"] == address
    assert read.check_message_integrity(password)


@given(TRANSACTIONS, USERNAMES, PASSWORDS, st.integers(0, 2**64 - 1))
def test_our_checks_are_those_of_a_controlled_agent(
    transaction: bytes, username: str, password: bytes, tie_breaker: int
) -> None:
    read = theirs.parse_message(ours.request(transaction, username, password, tie_breaker))
    assert (read.message_method, read.message_class) == (theirs.Method.BINDING, theirs.Class.REQUEST)
    assert read.transaction_id == transaction
    assert read.attributes["USERNAME"] == username
    assert read.attributes["ICE-CONTROLLED"] == tie_breaker
    assert read.attributes["PRIORITY"] >> 24 == 110, "the priority of a peer-reflexive candidate"
    assert "USE-CANDIDATE" not in read.attributes
    assert read.check_message_integrity(password)


@given(TRANSACTIONS, PASSWORDS)
def test_a_role_conflict_has_the_error_of_the_rfc(transaction: bytes, password: bytes) -> None:
    read = theirs.parse_message(ours.role_conflict(transaction, password))
    assert (read.message_class, read.transaction_id) == (theirs.Class.ERROR, transaction)
    assert read.attributes["ERROR-CODE"] == (487, "Role Conflict")
    assert read.check_message_integrity(password)


def test_our_messages_end_with_a_fingerprint() -> None:
    for message in (
        ours.success(bytes(12), ("127.0.0.1", 1), b"x"),
        ours.role_conflict(bytes(12), b"x"),
        ours.request(bytes(12), "a:b", b"x", 7),
    ):
        assert message[-8:-4] == b"\x80\x28\x00\x04"
        assert int.from_bytes(message[-4:], "big") == zlib.crc32(message[:-8]) ^ 0x5354554E
        assert "FINGERPRINT" in theirs.parse_message(message).attributes


@pytest.mark.parametrize("hidden", ["USERNAME", "USE-CANDIDATE", "ICE-CONTROLLED"])
def test_attributes_after_the_integrity_are_ignored(hidden: str) -> None:
    message = built(theirs.Class.REQUEST, bytes(12), [("USERNAME", "ours:theirs")])
    message.add_message_integrity(b"secret")
    del message.attributes["FINGERPRINT"]
    value = {"USERNAME": "evil:evil", "USE-CANDIDATE": None, "ICE-CONTROLLED": 1}[hidden]
    if hidden == "USERNAME":
        tail = theirs.Message(theirs.Method.BINDING, theirs.Class.REQUEST, bytes(12), {hidden: value})
        data = bytes(message) + bytes(tail)[20:]
        data = data[:2] + (len(data) - 20).to_bytes(2, "big") + data[4:]
    else:
        message.attributes[hidden] = value
        data = bytes(message)
    read = ours.parse(data)
    assert read is not None
    assert read.is_authentic(b"secret")
    assert (read.username, read.use_candidate, read.sender_is_controlled) == ("ours:theirs", False, False)


def test_any_changed_bit_of_the_signed_part_is_detected() -> None:
    data = stun_check("ours:theirs", b"secret", use_candidate=True)
    signed = len(data) - 8
    for bit in range(8 * signed):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        read = ours.parse(bytes(changed))
        assert read is None or not read.is_authentic(b"secret"), f"bit {bit}"


def test_a_message_of_the_wrong_length_is_none() -> None:
    data = stun_answer(stun_check("a:b", b"x"), b"secret")
    for length in range(len(data)):
        assert ours.parse(data[:length]) is None
    for more in range(1, 9):
        assert ours.parse(data + bytes(more)) is None


@pytest.mark.parametrize("kind", [0x0006, 0x0008, 0x0024, 0x7777])
def test_an_attribute_beyond_the_end_makes_the_message_none(kind: int) -> None:
    whole = ours.request(bytes(12), "a:b", b"x", 7)[20:44]
    for size in range(5, 21):
        body = whole + kind.to_bytes(2, "big") + size.to_bytes(2, "big") + b"room"
        data = b"\0\1" + len(body).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + bytes(12) + body
        assert ours.parse(data) is None


@pytest.mark.parametrize(
    "kind", [0x0011, 0x0003, 0x0103, 0x0113, 0x0002], ids=["indication", "allocate", "allocated", "error", "secret"]
)
def test_only_binding_messages_are_parsed(kind: int) -> None:
    data = stun_check("a:b", b"x")
    assert ours.parse(data) is not None
    assert ours.parse(kind.to_bytes(2, "big") + data[2:]) is None


@given(
    st.binary(max_size=120)
    | st.builds(
        lambda kind, body: (
            kind.to_bytes(2, "big") + len(body).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + bytes(12) + body
        ),
        st.sampled_from((1, 0x101, 0x111)),
        st.lists(
            st.builds(
                lambda kind, size, value: kind.to_bytes(2, "big") + size.to_bytes(2, "big") + value,
                st.sampled_from((0x6, 0x8, 0x25, 0x8028, 0x8029, 0x7777)),
                st.integers(0, 40) | st.just(65535),
                st.binary(max_size=40),
            )
        ).map(b"".join),
    )
)
def test_any_bytes_can_be_parsed_safely(data: bytes) -> None:
    read = ours.parse(data)
    assert read is None or not read.is_authentic(b"secret")
