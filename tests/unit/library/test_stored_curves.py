"""Curves as bytes: what the analyser gives comes back as it was, and no bytes do harm."""

import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.analysis.model import CURVES
from rtc_drift.library import stored_curves
from rtc_drift.library.stored_curves import MAX_BYTES, MAX_NUMBERS, Curves


def packed(*tracks: dict[str, Any]) -> bytes:
    """Return the curves of tracks as bytes: those of the last one."""
    return stored_curves.packed(Curves.of([track[name] for name in CURVES] for track in tracks))[-1]


def unpacked(data: object) -> dict[str, Any]:
    return stored_curves.unpacked(data).by_name()


def decimals(least: int, greatest: int, places: int) -> st.SearchStrategy[list[float]]:
    """Return lists of numbers with some decimals."""
    return st.lists(st.integers(least * 10**places, greatest * 10**places).map(lambda it: it / 10**places), max_size=40)


@st.composite
def curves(draw: st.DrawFn) -> dict[str, Any]:
    """Return the curves of an analysis, up to those of a track of 100 hours."""
    beats = np.array(sorted(set(draw(decimals(0, 360_000, 5)))))
    chosen = draw(st.lists(st.booleans(), min_size=len(beats), max_size=len(beats)))
    found = {
        "attacks_seconds": draw(decimals(0, 360_000, 3)),
        "short_term_lufs": draw(decimals(-1_000, 100, 3)),
        "momentary_lufs": draw(decimals(-1_000, 100, 1)),
        "heard_bass": draw(decimals(0, 1, 2)),
    }
    return {
        "beats_seconds": beats,
        "downbeats_seconds": beats[np.array(chosen, bool)],
        **{name: np.array(values, float) for name, values in found.items()},
    }


@given(curves())
def test_curves_come_back_as_they_were(given_curves: dict[str, Any]) -> None:
    found = unpacked(packed(given_curves))
    assert tuple(found) == CURVES
    for name in CURVES:
        assert found[name].tolist() == given_curves[name].tolist()


@given(st.lists(curves(), max_size=5))
def test_tracks_that_are_packed_at_once_are_as_they_are_alone(tracks: list[dict[str, Any]]) -> None:
    together = stored_curves.packed(Curves.of([track[name] for name in CURVES] for track in tracks))
    assert together == [packed(track) for track in tracks]


def of(**changes: Any) -> dict[str, Any]:
    """Return the curves of four minutes, with some of them changed."""
    rng = np.random.default_rng(1)
    beats = np.round(np.arange(0.2, 238, 0.5) + rng.normal(0, 0.003, 476), 5)
    usual = {
        "beats_seconds": beats,
        "downbeats_seconds": beats[::4],
        "attacks_seconds": np.round(beats + 0.002, 3),
        "short_term_lufs": np.round(rng.normal(-14, 1, 240), 3),
        "momentary_lufs": np.round(rng.normal(-14, 2, 600), 1),
        "heard_bass": np.round(rng.uniform(0, 0.5, 600), 2),
    }
    return usual | {name: np.array(values, float) for name, values in changes.items()}


def test_four_minutes_take_three_kilobytes() -> None:
    assert len(packed(of())) < 3_200


@pytest.mark.parametrize(
    "changes",
    [
        {"beats_seconds": [1, 1.000001], "downbeats_seconds": []},
        {"beats_seconds": [2, 1], "downbeats_seconds": []},
        {"downbeats_seconds": [0.3]},
        {"downbeats_seconds": [1e5]},
        {"beats_seconds": []},
        {"beats_seconds": [1, 2], "downbeats_seconds": [1, 1]},
        {"heard_bass": [np.nan]},
        {"heard_bass": [np.inf]},
        {"short_term_lufs": [-1e12]},
        {"heard_bass": np.zeros(MAX_NUMBERS)},
    ],
)
def test_what_would_not_come_back_is_not_packed(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        packed(of(**changes))
    with pytest.raises(ValueError):
        packed(of(), of(**changes))


def is_refused(data: object) -> bool:
    try:
        found = unpacked(data)
    except ValueError:
        return True
    assert set(found) == set(CURVES)
    assert sum(map(len, found.values())) <= MAX_NUMBERS
    assert all(np.isfinite(values).all() for values in found.values())
    assert all((np.diff(found[name]) > 0).all() for name in ("beats_seconds", "downbeats_seconds"))
    return False


@given(st.binary(max_size=200))
def test_no_bytes_do_harm(data: bytes) -> None:
    is_refused(data)
    is_refused(zlib.compress(data))
    is_refused(packed(of()) + data)


@given(data=st.data())
@settings(max_examples=300)
def test_no_damage_does_harm(data: st.DataObject) -> None:
    whole = bytearray(zlib.decompress(packed(of())))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, 40) | st.integers(0, len(whole) - 1))
        whole[at] = data.draw(st.integers(0, 255))
    is_refused(zlib.compress(bytes(whole)))
    is_refused(zlib.compress(bytes(whole[: data.draw(st.integers(0, len(whole)))])))


def header(counts: list[int], widths: list[int]) -> bytes:
    return np.array(counts, "<u4").tobytes() + bytes(widths)


@pytest.mark.parametrize(
    "whole",
    [
        bytes(1 << 26),
        header([2**32 - 1] * 6, [0] * 6),
        header([0, 0, 0, 0, MAX_NUMBERS, 0], [0] * 6),
        header([0, 0, 0, 0, MAX_NUMBERS + 1, 0], [0, 0, 0, 0, 1, 0]) + bytes(MAX_NUMBERS + 1),
        header([1 << 20, 0, 0, 0, 0, 0], [200, 0, 0, 0, 0, 0]),
        header([1 << 18, 0, 0, 0, 0, 0], [8, 0, 0, 0, 0, 0]) + bytes(8 << 18),
        header([0] * 6, [0] * 6) + b"more",
    ],
)
def test_a_few_bytes_do_not_take_much_memory(whole: bytes) -> None:
    data = zlib.compress(whole, 1)
    tracemalloc.start()
    try:
        assert is_refused(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * MAX_BYTES


@pytest.mark.parametrize("data", [None, 7.5, "text", packed(of())[:-1], packed(of()) + b"\0"])
def test_what_is_no_curves_is_refused(data: object) -> None:
    assert is_refused(data)


def test_places_of_bars_are_within_the_beats() -> None:
    beats = np.arange(4, dtype=float)
    whole = bytearray(zlib.decompress(packed(of(beats_seconds=beats, downbeats_seconds=beats[:1]))))
    place = 30 + 4 * whole[24]
    for step, is_outside in ((6, False), (8, True), (1, True)):  # 3, 4 and -1
        whole[place] = step
        assert is_refused(zlib.compress(bytes(whole))) == is_outside


def test_beats_that_do_not_ascend_are_refused() -> None:
    beats = np.arange(4, dtype=float)
    whole = bytearray(zlib.decompress(packed(of(beats_seconds=beats, downbeats_seconds=beats[:2]))))
    bars = 30 + 4 * whole[24]
    assert not is_refused(zlib.compress(bytes(whole)))
    for changed in (30 + 1, bars + 1):  # the lowest byte of a step
        damaged = bytearray(whole)
        for plane in range(whole[24] if changed < bars else 1):
            damaged[changed + 4 * plane] = 0
        assert is_refused(zlib.compress(bytes(damaged)))
