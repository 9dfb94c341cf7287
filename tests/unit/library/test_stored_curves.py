"""Curves as bytes: what the analyser gives comes back as it was, and no bytes do harm."""

import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.analysis.curves import CURVES
from rtc_drift.library import stored_curves
from rtc_drift.library.stored_curves import MAX_BYTES, MAX_NUMBERS, Curves

HEADER = 4 * len(CURVES) + len(CURVES) - 1
BEATS = CURVES.index("beats_seconds")
WIDTHS = 4 * len(CURVES)
"""Place of the widths of all curves in the bytes before they are packed."""


def packed(track: dict[str, Any]) -> bytes:
    """Return the curves of a track as bytes."""
    return stored_curves.packed(Curves.of([track[name] for name in CURVES]))


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
        "section_starts": sorted(set(draw(decimals(0, 360_000, 5)))),
        "section_roles": draw(decimals(0, 3, 0)),
        "section_energies": draw(decimals(-1_000_000, 1_000_000, 1)),
        "section_drums": draw(decimals(0, 1, 2)),
        "attacks_seconds": draw(decimals(0, 360_000, 3)),
        "short_term_lufs": draw(decimals(-1_000, 100, 3)),
        "momentary_lufs": draw(decimals(-1_000, 100, 1)),
        "heard_bass": draw(decimals(0, 1, 2)),
        "heard_highs": draw(decimals(0, 1, 2)),
    }
    downbeats = beats[np.array(chosen, bool)]
    seconds = draw(st.lists(st.lists(st.integers(0, 15), min_size=12, max_size=12), max_size=5))
    return {
        "beats_seconds": beats,
        "downbeats_seconds": downbeats,
        "phrases_seconds": downbeats[:: draw(st.integers(1, 5))],
        "chroma": np.array(seconds).ravel() / 15,
        **{name: np.array(values, float) for name, values in found.items()},
    }


@given(curves())
def test_curves_come_back_as_they_were(given_curves: dict[str, Any]) -> None:
    found = unpacked(packed(given_curves))
    assert tuple(found) == CURVES
    for name in CURVES:
        assert found[name].tolist() == given_curves[name].tolist()


def of(**changes: Any) -> dict[str, Any]:
    """Return the curves of four minutes, with some of them changed."""
    rng = np.random.default_rng(1)
    beats = np.round(np.arange(0.2, 238, 0.5) + rng.normal(0, 0.003, 476), 5)
    usual = {
        "beats_seconds": beats,
        "section_starts": beats[::64],
        "section_roles": np.arange(8) % 4,
        "section_energies": np.round(rng.normal(0, 3, 8), 1),
        "section_drums": np.round(rng.random(8), 2),
        "downbeats_seconds": beats[::4],
        "phrases_seconds": beats[::32],
        "attacks_seconds": np.round(beats + 0.002, 3),
        "short_term_lufs": np.round(rng.normal(-14, 1, 240), 3),
        "momentary_lufs": np.round(rng.normal(-14, 2, 600), 1),
        "heard_bass": np.round(rng.uniform(0, 0.5, 600), 2),
        "heard_highs": np.round(rng.beta(1, 6, 600), 2),
        "chroma": np.round(np.repeat(rng.random((120, 12)) ** 3, 2, axis=0).ravel() * 15) / 15,
    }
    return usual | {name: np.array(values, float) for name, values in changes.items()}


def test_four_minutes_take_a_few_kilobytes() -> None:
    new = dict.fromkeys(("heard_highs", "chroma", "phrases_seconds", *(it for it in CURVES if "section" in it)), ())
    before = len(packed(of(**new)))
    assert before < 3_200
    assert len(packed(of())) < before + 1_600


@pytest.mark.parametrize(
    "changes",
    [
        {"beats_seconds": [1, 1.000001], "downbeats_seconds": [], "phrases_seconds": []},
        {"beats_seconds": [2, 1], "downbeats_seconds": [], "phrases_seconds": []},
        {"downbeats_seconds": [0.3], "phrases_seconds": []},
        {"downbeats_seconds": [1e5], "phrases_seconds": []},
        {"beats_seconds": []},
        {"phrases_seconds": [0.3]},
        {"phrases_seconds": of()["downbeats_seconds"][1::-1]},
        {"section_starts": [2, 1]},
        {"chroma": [0.5] * 13},
        {"chroma": [16 / 15] * 12},
        {"beats_seconds": [1, 2], "downbeats_seconds": [1, 1], "phrases_seconds": []},
        {"heard_bass": [np.nan]},
        {"heard_bass": [np.inf]},
        {"short_term_lufs": [-1e12]},
        {"heard_bass": np.zeros(MAX_NUMBERS)},
    ],
)
def test_what_would_not_come_back_is_not_packed(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        packed(of(**changes))


ASCENDING = ("section_starts", "beats_seconds", "downbeats_seconds", "phrases_seconds")


def is_refused(data: object) -> bool:
    try:
        found = unpacked(data)
    except ValueError:
        return True
    assert set(found) == set(CURVES)
    assert sum(map(len, found.values())) <= MAX_NUMBERS
    assert all(np.isfinite(values).all() for values in found.values())
    assert all((np.diff(found[name]) > 0).all() for name in ASCENDING)
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
        at = data.draw(st.integers(0, 80) | st.integers(0, len(whole) - 1))
        whole[at] = data.draw(st.integers(0, 255))
    is_refused(zlib.compress(bytes(whole)))
    is_refused(zlib.compress(bytes(whole[: data.draw(st.integers(0, len(whole)))])))


def header(counts: dict[str, int], widths: dict[str, int]) -> bytes:
    """Return the bytes that stand before those of the curves; the others are empty."""
    all_counts = np.array([counts.get(name, 0) for name in CURVES], "<u4")
    return all_counts.tobytes() + bytes(widths.get(name, 0) for name in CURVES[:-1])


@pytest.mark.parametrize(
    "whole",
    [
        bytes(1 << 26),
        header(dict.fromkeys(CURVES, 2**32 - 1), {}),
        header({"chroma": 12 * (MAX_NUMBERS // 12 + 1)}, {}) + bytes(6 * (MAX_NUMBERS // 12 + 1)),
        header({"chroma": 7}, {}) + bytes(3),
        header({"chroma": 12}, {}) + bytes(5),
        header({"momentary_lufs": MAX_NUMBERS}, {}),
        header({"momentary_lufs": MAX_NUMBERS + 1}, {"momentary_lufs": 1}) + bytes(MAX_NUMBERS + 1),
        header({"section_starts": 1 << 20}, {"section_starts": 200}),
        header({"section_starts": 1 << 18}, {"section_starts": 8}) + bytes(8 << 18),
        header({}, {}) + b"more",
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


def of_beats(beats: list[float], downbeats: list[float]) -> bytearray:
    """Return the bytes of some beats and bars before they are packed."""
    none: dict[str, Any] = dict.fromkeys(CURVES, ())
    curves = none | {"beats_seconds": beats, "downbeats_seconds": downbeats}
    return bytearray(zlib.decompress(packed({name: np.array(it, float) for name, it in curves.items()})))


def test_places_of_bars_are_within_the_beats() -> None:
    whole = of_beats([0, 1, 2, 3], [0])
    place = HEADER + 4 * whole[WIDTHS + BEATS]
    for step, is_outside in ((6, False), (8, True), (1, True)):  # 3, 4 and -1
        whole[place] = step
        assert is_refused(zlib.compress(bytes(whole))) == is_outside


def test_beats_that_do_not_ascend_are_refused() -> None:
    whole = of_beats([0, 1, 2, 3], [0, 1])
    width = whole[WIDTHS + BEATS]
    bars = HEADER + 4 * width
    assert not is_refused(zlib.compress(bytes(whole)))
    for changed in (HEADER + 1, bars + 1):  # the lowest byte of a step
        damaged = bytearray(whole)
        for plane in range(width if changed < bars else 1):
            damaged[changed + 4 * plane] = 0
        assert is_refused(zlib.compress(bytes(damaged)))
