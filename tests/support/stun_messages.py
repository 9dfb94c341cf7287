"""STUN messages of a listener, made and read by aioice."""

from aioice import stun


def stun_check(
    username: str,
    password: bytes,
    *,
    use_candidate: bool = False,
    controlled: bool = False,
    transaction: bytes | None = None,
) -> bytes:
    """Make a STUN request as a listener sends it."""
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, transaction)
    message.attributes["USERNAME"] = username
    message.attributes["PRIORITY"] = 1845501695
    message.attributes["ICE-CONTROLLED" if controlled else "ICE-CONTROLLING"] = 0x1122334455667788
    if use_candidate:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(password)
    return bytes(message)


def stun_answer(request: bytes, password: bytes, kind: stun.Class = stun.Class.RESPONSE) -> bytes:
    """Make a listener's answer to a check of the server."""
    message = stun.Message(stun.Method.BINDING, kind, stun.parse_message(request).transaction_id)
    message.attributes["XOR-MAPPED-ADDRESS"] = ("127.0.0.1", 9)
    message.add_message_integrity(password)
    return bytes(message)


def read_stun(datagram: bytes) -> stun.Message:
    """Parse a STUN message; aioice checks its fingerprint."""
    return stun.parse_message(datagram)
