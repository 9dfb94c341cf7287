"""Places of listeners that are connecting, and who gives way to a newcomer."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from rtc_drift.webrtc.arrivals import Arrivals
from rtc_drift.webrtc.client_address import is_same_host, owner_of

CROWD, OTHER = "192.0.2.1", "192.0.2.2"


def arrivals_of(*arrived: tuple[str, bool]) -> Arrivals[int]:
    """Return arrivals numbered from 0, each with its address and if somebody is known to be there."""
    arrivals = Arrivals[int](lambda number: arrived[number][1])
    for number, (address, _) in enumerate(arrived):
        arrivals.add(number, address)
    return arrivals


def test_the_client_with_the_most_loses_its_oldest_that_is_not_known_to_be_real() -> None:
    arrivals = arrivals_of((OTHER, False), (CROWD, True), (CROWD, False), (CROWD, False))

    assert arrivals.who_gives_way(OTHER) == 2
    assert arrivals.who_gives_way("192.0.2.3") == 2
    assert arrivals.who_gives_way(CROWD) == 2, "a client may replace its own"


def test_phones_behind_one_address_do_not_push_each_other_out() -> None:
    arrivals = arrivals_of(*[(CROWD, True)] * 5)

    assert arrivals.who_gives_way(CROWD) is None
    assert arrivals.who_gives_way(OTHER) == 0, "but they don't keep others out"


def test_nobody_gives_way_to_a_client_that_would_then_have_as_many() -> None:
    arrivals = arrivals_of((CROWD, True), (CROWD, True), (OTHER, True))

    assert arrivals.who_gives_way(OTHER) is None


def test_empty_arrivals_have_nobody_who_gives_way() -> None:
    assert arrivals_of().who_gives_way(CROWD) is None


def test_the_addresses_of_one_ipv6_network_are_one_client() -> None:
    arrivals = arrivals_of(("2001:db8::1", False), (OTHER, False), ("2001:db8::2", False), ("::ffff:192.0.2.9", False))

    assert arrivals.who_gives_way("2001:db8::3") == 0
    assert owner_of("::ffff:192.0.2.9") == "192.0.2.9"
    assert owner_of("fe80::1%eth0") == owner_of("fe80::2")
    assert owner_of("") == ""


def test_hosts_are_compared_by_address() -> None:
    assert is_same_host("192.0.2.1", "::ffff:192.0.2.1")
    assert is_same_host("::1", "127.0.0.1")
    assert not is_same_host("127.0.0.2", "127.0.0.1")
    assert not is_same_host("x.local", "x.local")


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.booleans()), max_size=60), st.integers(1, 8))
def test_a_newcomer_without_a_place_gets_one_unless_all_have_a_fair_share(
    offers: list[tuple[str, bool]], places: int
) -> None:
    arrivals = Arrivals[int](lambda number: offers[number][1])
    present = dict[int, str]()
    for number, (address, _) in enumerate(offers):
        if len(arrivals) >= places:
            gives_way = arrivals.who_gives_way(address)
            shares = Counter(present.values())
            most = max(shares.values())
            if gives_way is None:
                assert all(offers[each][1] for each in present if shares[present[each]] == most)
                assert shares[address] + 1 >= most
                continue
            assert shares[present[gives_way]] == most
            arrivals.discard(gives_way)
            del present[gives_way]
        arrivals.add(number, address)
        present[number] = address
        assert len(arrivals) == len(present) <= places
