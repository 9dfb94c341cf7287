"""DTLS records in every state of an association: genuine ones, changed ones, and any bytes."""

import contextlib
from collections.abc import Iterable

from OpenSSL import SSL

from rtc_drift.webrtc.dtls import MTU_BYTES, PROFILES, RECORD_HEADER_BYTES, Dtls, Identity
from tests.fuzz.target import Target, pack, require, unpack
from tests.support.dtls_partner import DtlsPartner

RAW, FLIGHT, CHANGED, SECRET, TIMEOUT, DELIVER, THEY_CLOSE, WE_CLOSE = range(8)
"""Kinds of steps: any bytes; what the listener has sent, as it is or changed; data that it encrypts; a timer; what we
have sent to it; its close; ours."""
ALLOWED = {("connecting", "connected"), ("connecting", "failed"), ("connecting", "closed"), ("connected", "closed")}
MAX_ANSWER_BYTES = 4096
"""Most that one datagram has this server send: a flight with a certificate."""
RECORD_TYPES = range(20, 26)


class DtlsRecords(Target):
    """`webrtc.dtls`, as the server and as the client of a handshake."""

    name = "dtls"
    watched = ("webrtc/dtls.py",)
    tokens = (
        *(
            b"\x16\xfe\xff\x00\x00",
            b"\x16\xfe\xfd\x00\x00",
            b"\x14\xfe\xfd\x00\x00",
            b"\x15\xfe\xfd\x00\x01",
            b"\x17\xfe\xfd\x00\x01",
        ),
        *(bytes([kind]) for kind in range(8)),
    )
    max_bytes = 2048
    cpu_seconds = 0.1

    def open(self) -> None:
        """Make the server's certificate."""
        self._identity = Identity()

    def seeds(self) -> Iterable[bytes]:
        """Return whole handshakes in both roles, with data and the end, and some that go wrong."""
        turn = [bytes([FLIGHT]), bytes([DELIVER])]
        for role in (b"\0", b"\1"):
            yield pack(role, *turn * 5, bytes([SECRET]) + b"data", bytes([THEY_CLOSE]), *turn)
            yield pack(role, *turn * 5, bytes([RAW, 23, 254, 253]), bytes([WE_CLOSE]), bytes([RAW, 22]), *turn)
            yield pack(role, *turn, bytes([CHANGED, 0, 30, 1]), bytes([DELIVER]), bytes([TIMEOUT]), *turn)
            yield pack(role, bytes([RAW]) + b"\x16\xfe\xff" + bytes(8) + b"\0\4\1\0\0\0", bytes([WE_CLOSE]))

    def run(self, data: bytes) -> None:
        """Run the steps of an input."""
        steps = unpack(data) or [b"\0"]
        is_server = not (steps[0] and steps[0][0] & 1)
        partner = DtlsPartner("client" if is_server else "server", [PROFILES[0].name])
        dtls = Dtls(self._identity, {"sha-256": partner.fingerprints["sha-256"]}, "server" if is_server else "client")
        theirs, ours = partner.start(), dtls.start()
        _check_sent(ours)
        for step in steps[1:]:
            kind, rest = step[0] % 8 if step else RAW, step[1:]
            before, sent = dtls.state, list[bytes]()
            if kind == DELIVER:
                theirs += _answered(partner, ours)
                ours = []
            elif kind == THEY_CLOSE:
                theirs += _closed(partner)
            elif kind == WE_CLOSE:
                sent = dtls.close()
            elif kind == TIMEOUT:
                sent = dtls.timed_out()
            elif kind in (RAW, SECRET, FLIGHT, CHANGED):
                for datagram in _received(kind, rest, partner, theirs):
                    answer = dtls.receive(datagram)
                    _check_sent(answer)
                    sent += answer
            _check_sent(sent)
            ours += sent
            require(dtls.state == before or (before, dtls.state) in ALLOWED, "a state follows that must not")
            require(dtls.state != "connected" or dtls.keys is not None, "connected without keys")
            require(dtls.timeout_seconds is None or dtls.state == "connecting", "a timer that nobody needs")
        dtls.close()
        require(dtls.state in ("closed", "failed"), "open after its end")


def _answered(partner: DtlsPartner, datagrams: list[bytes]) -> list[bytes]:
    """Return what the listener answers; nothing once it gives up."""
    try:
        return [it for datagram in datagrams for it in partner.receive(datagram)]
    except SSL.Error:
        return partner.written()


def _closed(partner: DtlsPartner) -> list[bytes]:
    """Return the listener's `close_notify`, if it can send one."""
    with contextlib.suppress(SSL.Error):
        partner.ssl.shutdown()
    return partner.written()


def _secret(partner: DtlsPartner, data: bytes) -> list[bytes]:
    """Return data as the listener encrypts it; nothing after its end."""
    try:
        return [partner.send(data)]
    except SSL.Error:
        return []


def _received(kind: int, rest: bytes, partner: DtlsPartner, theirs: list[bytes]) -> list[bytes]:
    """Return the datagrams of a step; `theirs` are those of the listener under way, which are taken out."""
    if kind == RAW:
        return [rest] if rest else []
    if kind == SECRET:
        return _secret(partner, rest) if partner.is_connected and rest else []
    flight = [bytearray(datagram) for datagram in theirs]
    theirs.clear()
    if kind == CHANGED:
        for at in range(0, len(rest) - 2, 3):
            place = int.from_bytes(rest[at : at + 2], "big")
            for datagram in flight:
                datagram[place % len(datagram)] ^= rest[at + 2]
    return [bytes(datagram) for datagram in flight]


def _check_sent(datagrams: list[bytes]) -> None:
    require(sum(map(len, datagrams)) <= MAX_ANSWER_BYTES, "more bytes are sent than allowed")
    for datagram in datagrams:
        require(datagram[0] in RECORD_TYPES, "what is sent is no DTLS record")
        length = RECORD_HEADER_BYTES + int.from_bytes(datagram[11:13], "big")
        require(len(datagram) <= MTU_BYTES or len(datagram) == length, "a datagram is too long")
