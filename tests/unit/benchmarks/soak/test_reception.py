"""Seconds of reception: gaps by arrival and by media, loss, and lateness against a baseline that may drift."""

from collections.abc import Sequence

import numpy as np
import pytest

from benchmarks.soak.measures import late_counts, later_than
from benchmarks.soak.reception import SecondsOfReception

MS = 1_000_000
SECOND = 1_000 * MS


def add(
    reception: SecondsOfReception,
    listener: int,
    packets: Sequence[tuple[int, float]],
    offset: int = 960,
    ssrc: int | None = None,
) -> None:
    """Add packets of a listener, by number and time of arrival in ms; the default SSRC is the listener's number."""
    headers = [
        [
            *(0x80, 111, *(number % 65536).to_bytes(2, "big")),
            *((offset + number * 960) % (1 << 32)).to_bytes(4, "big"),
            *(listener if ssrc is None else ssrc).to_bytes(4, "big"),
        ]
        for number, _ in packets
    ]
    reception.add(
        np.full(len(packets), listener, np.intp),
        np.array(headers, np.uint8),
        np.full(len(packets), 100, np.int64),
        np.array([round(at * MS) for _, at in packets], np.int64),
    )


def steady(first: int, count: int) -> list[tuple[int, float]]:
    return [(number, 1000 + 20.0 * number) for number in range(first, first + count)]


def staying() -> SecondsOfReception:
    reception = SecondsOfReception(2)
    reception.begin(0, 0, stays=True)
    reception.begin(1, 1, stays=False)
    return reception


def test_steady_packets_have_no_gap_and_are_in_their_seconds() -> None:
    reception = staying()
    for start in range(0, 150, 10):
        add(reception, 0, steady(start, 10))
    records = reception.finished(100)
    assert [(it["second"], it["packets"]) for it in records] == [(1, 50), (2, 50), (3, 50)]
    assert all(it["gap_ms"] == it["missing_ms"] == it["lost"] == 0 for it in records)
    assert later_than(late_counts(records), 5) == 0
    assert reception.finished(100) == [], "they are forgotten"


def test_what_may_still_grow_is_kept() -> None:
    reception = staying()
    add(reception, 0, steady(0, 150))
    assert [it["second"] for it in reception.finished(6.5)] == [1, 2, 3]
    reception = staying()
    add(reception, 0, steady(0, 150))
    assert [it["second"] for it in reception.finished(5.5)] == [1, 2]


def test_missing_packets_are_a_gap_in_both_ways() -> None:
    reception = staying()
    add(reception, 0, [*steady(0, 5), *steady(15, 5)])
    (record,) = reception.finished(100)
    assert record["lost"] == 10
    assert record["missing_ms"] == pytest.approx(200)
    assert record["gap_ms"] == pytest.approx(200)
    assert record["visitors_gap_ms"] == 0


def test_a_late_packet_is_a_gap_by_arrival_only() -> None:
    reception = staying()
    add(reception, 0, [*steady(0, 5), *((number, 1000 + 20.0 * number + 70) for number in range(5, 8)), *steady(12, 3)])
    (record,) = reception.finished(100)
    assert record["gap_ms"] == pytest.approx(70)
    assert later_than(late_counts([record]), 60) == 3
    assert record["lost"] == 4


def test_media_left_out_without_a_gap_in_the_numbers_is_missing() -> None:
    reception = staying()
    add(reception, 0, steady(0, 5))
    add(reception, 0, steady(5, 5), offset=960 * 4)
    (record,) = reception.finished(100)
    assert record["lost"] == 0
    assert record["missing_ms"] == pytest.approx(60)


def test_visitors_are_apart_and_a_new_listener_begins_anew() -> None:
    reception = staying()
    add(reception, 1, [*steady(0, 5), *steady(10, 5)])
    reception.begin(1, 1, stays=False)
    add(reception, 1, steady(100, 5), offset=77)
    records = reception.finished(100)
    assert records[0]["gap_ms"] == 0
    assert records[0]["visitors_gap_ms"] == pytest.approx(100)
    assert records[-1]["visitors_gap_ms"] == 0
    assert later_than(late_counts(records), 5) == 0


def test_packets_for_one_who_vanished_do_not_count() -> None:
    reception = staying()
    for start in range(0, 50, 10):
        add(reception, 0, steady(start, 10))
        add(reception, 0, steady(start + 700, 10), ssrc=9)
    (record,) = reception.finished(100)
    assert (record["packets"], record["lost"], record["gap_ms"]) == (50, 0, 0)
    assert reception.strangers == 50


def test_a_clock_that_is_slewed_is_not_lateness() -> None:
    reception = staying()
    # 0.2 ms a second: 12 ms within a minute.
    packets = [(number, 1000 + 20.0 * number * 1.0002) for number in range(3000)]
    for start in range(0, 3000, 10):
        add(reception, 0, packets[start : start + 10])
    records = reception.finished(1000)
    assert later_than(late_counts(records), 6) == 0
    assert max(it["gap_ms"] for it in records) < 0.1
