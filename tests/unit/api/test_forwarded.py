"""What proxies say of a client: whom it is believed from, which entry counts, and what is refused."""

import pytest

from rtc_drift.api.forwarded import Asked, BadForwardedError, TrustedProxies

PROXIES = TrustedProxies(["10.0.0.0/8", "127.0.0.1", "2001:db8::/32"])


def asked(**headers: str) -> Asked:
    return PROXIES.asked({name.replace("_", "-").title(): [value] for name, value in headers.items()})


def test_addresses_and_networks_are_trusted() -> None:
    for address, is_trusted in (
        ("127.0.0.1", True),
        ("::ffff:127.0.0.1", True),
        ("10.255.0.1", True),
        ("2001:db8::1%eth0", True),
        ("127.0.0.2", False),
        ("11.0.0.1", False),
        ("", False),
        ("unix:", False),
    ):
        assert (address in PROXIES) == is_trusted, address
    assert "127.0.0.1" not in TrustedProxies()


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, Asked()),
        ({"x_forwarded_for": "192.0.2.1"}, Asked("192.0.2.1")),
        (
            {"x_forwarded_for": "192.0.2.1", "x_forwarded_proto": "HTTPS", "x_forwarded_host": "a.example:8443"},
            Asked("192.0.2.1", "https", "a.example:8443"),
        ),
        ({"x_forwarded_for": "1.1.1.1, 192.0.2.1, 10.0.0.3"}, Asked("192.0.2.1")),
        ({"x_forwarded_for": "!!, 192.0.2.1"}, Asked("192.0.2.1")),
        ({"x_forwarded_for": "10.0.0.9, 10.0.0.3"}, Asked("10.0.0.9")),
        ({"x_forwarded_for": "[2001:dead::1]:443"}, Asked("2001:dead::1")),
        ({"x_forwarded_for": "192.0.2.1:4711"}, Asked("192.0.2.1")),
        ({"x_forwarded_host": "evil.example, a.example"}, Asked(None, None, "a.example")),
        ({"x_forwarded_for": "192.0.2.1, 10.0.0.3", "x_forwarded_host": "a, b"}, Asked("192.0.2.1", None, "a")),
        ({"x_forwarded_for": "192.0.2.1, 10.0.0.3", "x_forwarded_proto": "https"}, Asked("192.0.2.1", "https")),
        ({"forwarded": "for=192.0.2.1;proto=https;host=a.example"}, Asked("192.0.2.1", "https", "a.example")),
        ({"forwarded": 'For="[2001:dead::1]:4"; Proto=http ;HOST="a:8443"'}, Asked("2001:dead::1", "http", "a:8443")),
        ({"forwarded": "for=1.1.1.1;host=c, for=192.0.2.1;host=a, for=10.0.0.3;host=b"}, Asked("192.0.2.1", None, "a")),
        ({"forwarded": "for=1.1.1.1, for=unknown;proto=https"}, Asked(None, "https")),
        ({"forwarded": "for=_hidden, for=10.0.0.3"}, Asked("10.0.0.3")),
        ({"forwarded": "for=192.0.2.1", "x_forwarded_for": "192.0.2.1"}, Asked("192.0.2.1")),
    ],
)  # fmt: skip
def test_the_entry_of_the_outermost_trusted_proxy_counts(headers: dict[str, str], expected: Asked) -> None:
    assert asked(**headers) == expected


@pytest.mark.parametrize(
    "headers",
    [
        {"x_forwarded_for": "somewhere"},
        {"x_forwarded_for": "1.2.3.4.5"},
        {"x_forwarded_proto": "javascript"},
        {"x_forwarded_host": "a.example/path"},
        {"x_forwarded_host": "user@a.example"},
        {"x_forwarded_host": "a" * 256},
        {"x_forwarded_for": ", ".join(["10.0.0.1"] * 17)},
        {"x_forwarded_for": "192.0.2.1" + " " * 2_048},
        {"forwarded": "for"},
        {"forwarded": 'for="192.0.2.1'},
        {"forwarded": "for=192.0.2.1;proto=https;;=x"},
        {"forwarded": "for=192.0.2.1;host=evil", "x_forwarded_for": "192.0.2.1"},
        {"forwarded": "for=192.0.2.1", "x_forwarded_for": "192.0.2.2"},
    ],
)
def test_what_makes_no_sense_or_is_contradictory_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(BadForwardedError):
        asked(**headers)
