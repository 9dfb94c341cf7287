"""DTLS, against OpenSSL and against itself: keys are agreed on despite losses, with the offered certificate only."""

import datetime
import secrets
import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, Protocol

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from rtc_drift.webrtc.dtls import MTU_BYTES, PROFILES, RECORD_HEADER_BYTES, Dtls, Identity, SrtpKeys, fingerprint
from tests.support.dtls_partner import DtlsPartner

Role = Literal["client", "server"]
OTHER: dict[Role, Role] = {"client": "server", "server": "client"}
NAMES = [profile.name for profile in PROFILES]


class End(Protocol):
    """One end of a connection."""

    def start(self) -> list[bytes]: ...
    def receive(self, datagram: bytes) -> list[bytes]: ...
    def timed_out(self) -> list[bytes]: ...


@pytest.fixture(scope="module")
def identity() -> Identity:
    return Identity()


@dataclass
class Wire:
    """Carries datagrams between two ends. Loses flights by their number: the client's first is 0."""

    client: End
    server: End
    lost: frozenset[int] = frozenset()
    flights: list[list[bytes]] = field(default_factory=list)

    def run(self) -> None:
        self.deliver(self.client.start(), self.server)

    def deliver(self, datagrams: list[bytes], to: End) -> None:
        """Deliver datagrams and their answers until there is none left."""
        while datagrams:
            self.flights.append(datagrams)
            if len(self.flights) - 1 in self.lost:
                return
            datagrams = [answer for datagram in datagrams for answer in to.receive(datagram)]
            to = self.client if to is self.server else self.server

    def time_out(self) -> None:
        """Let both ends send again what is due."""
        self.deliver(self.client.timed_out(), self.server)
        self.deliver(self.server.timed_out(), self.client)


def meet(ours: Dtls, partner: DtlsPartner, lost: frozenset[int] = frozenset()) -> Wire:
    return Wire(ours, partner, lost) if partner.role == "server" else Wire(partner, ours, lost)


def connected(identity: Identity, role: Role = "server") -> tuple[Dtls, DtlsPartner]:
    partner = DtlsPartner(OTHER[role])
    ours = Dtls(identity, partner.fingerprints, role)
    meet(ours, partner).run()
    assert ours.state == "connected"
    return ours, partner


@pytest.mark.parametrize("role", ["server", "client"])
@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name.decode())
def test_both_ends_agree_on_the_keys(identity: Identity, role: Role, profile: object) -> None:
    (known,) = (it for it in PROFILES if it is profile)
    partner = DtlsPartner(OTHER[role], [known.name])
    ours = Dtls(identity, partner.fingerprints, role)
    assert (ours.state, ours.keys) == ("connecting", None)
    meet(ours, partner).run()
    theirs, our_own = partner.keys(known.key_bytes, known.salt_bytes)
    assert ours.state == "connected"
    assert ours.keys == SrtpKeys(known.number, our_own, theirs)
    assert our_own != theirs
    assert ours.timeout_seconds is None


def test_the_cheapest_profile_is_chosen(identity: Identity) -> None:
    partner = DtlsPartner("client", NAMES[::-1])
    ours = Dtls(identity, partner.fingerprints, "server")
    meet(ours, partner).run()
    assert ours.keys is not None
    assert ours.keys.profile == PROFILES[0].number


def test_two_ends_of_the_product_agree(identity: Identity) -> None:
    other = Identity()
    server = Dtls(identity, {"sha-256": other.fingerprint}, "server")
    client = Dtls(other, {"sha-256": identity.fingerprint}, "client")
    Wire(client, server).run()
    assert server.state == client.state == "connected"
    assert server.keys is not None
    assert client.keys is not None
    assert (server.keys.ours, server.keys.theirs) == (client.keys.theirs, client.keys.ours)


# --- certificates -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["server", "client"])
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ((), {"sha-256": ":".join(["00"] * 32)}),
        ((), {"sha-256": ""}),
        ((), {"sha-1": "00:11"}),
        ((), {}),
        (("sha-256",), {"sha-512": ":".join(["00"] * 64)}),
        (("sha-384", "sha-512"), {"sha-256": ":".join(["00"] * 32)}),
    ],
)
def test_another_certificate_than_offered_fails(
    identity: Identity, role: Role, right: tuple[str, ...], wrong: dict[str, str]
) -> None:
    partner = DtlsPartner(OTHER[role])
    claim = wrong | {algorithm: partner.fingerprints[algorithm] for algorithm in right}
    ours = Dtls(identity, claim, role)
    meet(ours, partner).run()
    assert (ours.state, ours.keys) == ("failed", None)
    assert ours.receive(b"\x16 anything") == []
    assert ours.close() == []


@pytest.mark.parametrize("algorithm", ["sha-256", "sha-384", "sha-512"])
def test_any_known_fingerprint_is_accepted_and_unknown_ones_are_ignored(identity: Identity, algorithm: str) -> None:
    partner = DtlsPartner("client")
    ours = Dtls(identity, {algorithm: partner.fingerprints[algorithm], "md2": "00:11"}, "server")
    meet(ours, partner).run()
    assert ours.state == "connected"


@pytest.mark.parametrize("role", ["server", "client"])
def test_a_handshake_without_srtp_fails(identity: Identity, role: Role) -> None:
    partner = DtlsPartner(OTHER[role], [])
    ours = Dtls(identity, partner.fingerprints, role)
    meet(ours, partner).run()
    assert (ours.state, ours.keys) == ("failed", None)


def test_fingerprints_are_written_as_in_sdp(identity: Identity) -> None:
    parts = identity.fingerprint.split(":")
    assert len(parts) == 32
    assert all(len(part) == 2 and part == part.upper() for part in parts)
    assert Identity().fingerprint != identity.fingerprint


def test_a_certificate_is_valid_whatever_the_clocks_say(identity: Identity) -> None:
    certificate = identity.certificate
    for year in (2001, 2026, 2049):
        now = datetime.datetime(year, 6, 1, tzinfo=datetime.UTC)
        assert certificate.not_valid_before_utc < now < certificate.not_valid_after_utc


# --- losses -------------------------------------------------------------------------------------------------------


def until_agreed(wires: list[tuple[Dtls, DtlsPartner, Wire]]) -> None:
    """Let time-outs pass until all handshakes are done: OpenSSL sends again after a second."""
    deadline = time.monotonic() + 10
    while any(not partner.is_connected or ours.state != "connected" for ours, partner, _ in wires):
        assert time.monotonic() < deadline
        time.sleep(0.05)
        for _, _, wire in wires:
            wire.time_out()


def test_any_flight_may_be_lost(identity: Identity) -> None:
    wires: list[tuple[Dtls, DtlsPartner, Wire]] = []
    for lost in range(4):
        for role in OTHER:
            partner = DtlsPartner(OTHER[role])
            ours = Dtls(identity, partner.fingerprints, role)
            wires.append((ours, partner, meet(ours, partner, frozenset((lost,)))))
    for ours, partner, wire in wires:
        wire.run()
        assert not (ours.state == "connected" and partner.is_connected)
        assert ours.state == "connected" or ours.timeout_seconds is not None or partner.role == "client"
    until_agreed(wires)
    for ours, partner, _ in wires:
        assert ours.keys is not None
        assert partner.keys(16, 12) == (ours.keys.theirs, ours.keys.ours)


@pytest.mark.parametrize("role", ["server", "client"])
def test_datagrams_may_arrive_twice_and_in_any_order(identity: Identity, role: Role) -> None:
    partner = DtlsPartner(OTHER[role])
    ours = Dtls(_bulky(identity, 3000)[0], partner.fingerprints, role)
    client, server = (ours, partner) if role == "client" else (partner, ours)
    there = client.start()
    for _ in range(6):
        back = [answer for datagram in reversed(there) for _ in range(2) for answer in server.receive(datagram)]
        there = [answer for datagram in reversed(back) for _ in range(2) for answer in client.receive(datagram)]
    until_agreed([(ours, partner, Wire(client, server))])


def _bulky(identity: Identity, size: int) -> tuple[Identity, x509.Certificate]:
    """An identity whose certificate needs more than one datagram."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bulky")])
    now = datetime.datetime.now(datetime.UTC)
    ballast = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), secrets.token_bytes(size))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(ballast, critical=False)
        .sign(key, hashes.SHA256())
    )
    bulky = Identity()
    bulky.context.use_certificate(certificate)
    bulky.context.use_privatekey(key)
    return bulky, certificate


def records(datagram: bytes) -> list[bytes]:
    """Split a datagram into its records; fail on an incomplete one."""
    found = []
    while datagram:
        size = RECORD_HEADER_BYTES + int.from_bytes(datagram[11:13], "big")
        assert len(datagram) >= size
        found.append(datagram[:size])
        datagram = datagram[size:]
    return found


@pytest.mark.parametrize("size", [0, 300, 700, 5000])
@pytest.mark.parametrize("role", ["server", "client"])
def test_datagrams_hold_whole_records_within_the_mtu(identity: Identity, role: Role, size: int) -> None:
    bulky, certificate = _bulky(identity, size)
    partner = DtlsPartner(OTHER[role])
    ours = Dtls(bulky, partner.fingerprints, role)
    wire = meet(ours, partner)
    wire.run()
    assert ours.state == "connected"
    shown = partner.ssl.get_peer_certificate(as_cryptography=True)
    assert shown is not None
    assert fingerprint(shown, "sha-256") == fingerprint(certificate, "sha-256")
    our_flights = wire.flights[0 if role == "client" else 1 :: 2]
    biggest = max(our_flights, key=lambda flight: sum(map(len, flight)))
    assert len(biggest) > 1 or size < 1000
    for flight in our_flights:
        found = [records(datagram) for datagram in flight]
        assert all(len(datagram) <= MTU_BYTES for datagram in flight)
        for these, those in pairwise(found):
            assert sum(map(len, these)) + len(those[0]) > MTU_BYTES, "as few datagrams as possible"


# --- the end ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["server", "client"])
def test_each_end_closes_the_other(identity: Identity, role: Role) -> None:
    ours, partner = connected(identity, role)
    goodbye = ours.close()
    assert (ours.state, ours.close()) == ("closed", [])
    partner.receive(b"".join(goodbye))
    assert partner.is_closed_by_us
    ours, partner = connected(identity, role)
    ours.receive(partner.close())
    assert ours.state == "closed"
    assert ours.receive(b"\x16 anything") == []


def test_a_close_after_other_records_is_processed(identity: Identity) -> None:
    ours, partner = connected(identity)
    assert ours.receive(b"".join(partner.send(b"chatter") for _ in range(20)) + partner.close()) == []
    assert ours.state == "closed"


def test_closing_before_the_handshake_sends_nothing(identity: Identity) -> None:
    ours = Dtls(identity, {}, "server")
    assert ours.close() == []
    assert ours.state == "closed"


@pytest.mark.parametrize("role", ["server", "client"])
def test_garbage_after_the_handshake_is_ignored(identity: Identity, role: Role) -> None:
    partner = DtlsPartner(OTHER[role])
    ours = Dtls(identity, partner.fingerprints, role)
    wire = meet(ours, partner)
    wire.run()
    keys = ours.keys
    replayed = [datagram for flight in wire.flights for datagram in flight]
    closing = b"\x15\xfe\xfd" + bytes(8) + b"\0\2\1\0"
    sealed = b"\x15\xfe\xfd\0\1" + bytes(5) + b"\x09\0\x1a" + secrets.token_bytes(26)
    noise = [b"\x16" + secrets.token_bytes(1 + 83 * number % 2047) for number in range(300)]
    for datagram in (*replayed, closing, sealed, *noise, partner.send(b"chatter"), bytes(2048)):
        ours.receive(datagram)
        assert (ours.state, ours.keys) == ("connected", keys)
    ours.receive(partner.close())
    assert ours.state == "closed"


@pytest.mark.parametrize("role", ["server", "client"])
def test_garbage_does_not_disturb_the_handshake(identity: Identity, role: Role) -> None:
    partner = DtlsPartner(OTHER[role])
    ours = Dtls(identity, partner.fingerprints, role)
    noise = [bytes((20 + number % 44,)) + secrets.token_bytes(83 * number % 2047) for number in range(100)]
    mail = [*ours.start()] if role == "client" else []
    back = partner.start()
    for _ in range(10):
        for datagram in noise:
            mail += ours.receive(datagram)
        mail += [answer for datagram in back for answer in ours.receive(datagram)]
        back = [answer for datagram in mail for answer in partner.receive(datagram)]
        mail = []
    assert ours.state == "connected"
    assert partner.is_connected
