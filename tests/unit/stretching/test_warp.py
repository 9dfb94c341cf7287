"""Warps: maps from output samples to file samples."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.media import samples
from rtc_drift.stretching.warp import FASTEST, GLIDE_STEPS, SHORTEST_GLIDE, SLOWEST, TAIL, Warp

RATIOS = st.floats(SLOWEST, FASTEST)
OVERLAPS = st.integers(0, samples(40))
GLIDES = st.integers(SHORTEST_GLIDE, samples(30))
WARPS = st.builds(Warp.matched, st.integers(0, samples(600)), RATIOS, OVERLAPS, GLIDES)
SHARES = st.floats(0, 1)
AFTER = ((10_000.0, 10_000.0), (20_000.0, 20_000.0))


def speeds(warp: Warp) -> list[float]:
    return [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(warp.knots)]


@settings(deadline=None)
@given(st.integers(0, samples(600)), RATIOS, OVERLAPS, GLIDES)
def test_matched_keeps_the_ratio_then_glides_to_1_and_ends_whole(
    enter_at: int, ratio: float, overlap: int, glide: int
) -> None:
    warp = Warp.matched(enter_at, ratio, overlap, glide)
    assert warp.length == overlap + glide + TAIL
    assert warp.position_at(0) == warp.enters_at == enter_at
    assert warp.position_at(overlap) == pytest.approx(enter_at + ratio * overlap, abs=1e-6)
    assert warp.position_at(warp.length) == warp.resumes_at
    assert warp.position_at(warp.length - TAIL) == warp.resumes_at - TAIL
    assert warp.resumes_at == pytest.approx(enter_at + ratio * overlap + (1 + ratio) / 2 * glide + TAIL, abs=0.51)
    assert GLIDE_STEPS >= 16


@settings(deadline=None)
@given(RATIOS, st.integers(1, samples(40)), GLIDES)
def test_the_speed_goes_straight_from_the_ratio_to_1_without_a_jump(ratio: float, overlap: int, glide: int) -> None:
    steps = speeds(Warp.matched(123, ratio, overlap, glide))
    assert steps[0] == pytest.approx(ratio, abs=1e-6)
    assert steps[-1] == 1
    step = abs(1 - ratio) / GLIDE_STEPS + 1 / glide
    assert all(abs(after - before) <= step for before, after in pairwise(steps))
    towards = 1 if ratio < 1 else -1
    assert all((after - before) * towards >= -1 / glide for before, after in pairwise(steps))


@settings(deadline=None)
@given(WARPS, SHARES, SHARES)
def test_positions_and_outputs_are_inverse(warp: Warp, one: float, other: float) -> None:
    earlier, later = sorted((one * warp.length, other * warp.length))
    assert warp.position_at(earlier) <= warp.position_at(later)
    if later - earlier > 1e-3:
        speed = (warp.position_at(later) - warp.position_at(earlier)) / (later - earlier)
        assert SLOWEST - 1e-3 <= speed <= FASTEST + 1e-3
    assert warp.output_at(warp.position_at(earlier)) == pytest.approx(earlier, abs=1e-4)


def test_a_warp_is_straight_before_and_after() -> None:
    warp = Warp.matched(1_000_000, 1.05, 48_000, 48_000)
    assert warp.position_at(-1_000) == pytest.approx(1_000_000 - 1_050)
    assert warp.position_at(warp.length + 777) == warp.resumes_at + 777
    assert warp.output_at(warp.resumes_at + 777) == warp.length + 777


@settings(deadline=None)
@given(
    st.integers(0, 50_000),
    st.lists(st.floats(0.96, 1.04), min_size=2, max_size=40),
    st.floats(24_000.3, 40_000),
    GLIDES,
)
def test_each_bar_meets_its_bar(first: int, ratios: list[float], beat: float, glide: int) -> None:
    outputs = [first + beat * number for number in range(len(ratios) + 1)]
    files = [90_000.0]
    for ratio in ratios:
        files.append(files[-1] + beat * ratio)
    warp = Warp.from_beats(outputs, files, glide)
    for index in [*range(0, len(files), 4), len(files) - 1]:
        assert warp.position_at(outputs[index]) == pytest.approx(files[index], abs=1e-3)
    assert warp.position_at(warp.length) == warp.resumes_at
    assert warp.length == round(outputs[-1] + glide) + TAIL
    assert speeds(warp)[-1] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 0.93, 1_000, 48_000), "ratio must lie between 0.94 and 1.0638"),
        ((0, 1.07, 1_000, 48_000), "ratio must lie between 0.94 and 1.0638"),
        ((0, float("nan"), 1_000, 48_000), "ratio"),
        ((0, 1.0, -1, 48_000), "overlap"),
        ((0, 1.0, 1_000, SHORTEST_GLIDE - 1), "glide"),
    ],
)
def test_impossible_matches_raise(arguments: tuple[int, float, int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Warp.matched(*arguments)


@pytest.mark.parametrize(
    ("outputs", "files"),
    [
        ([0.0], [0.0]),
        ([0.0, 24_000.0], [0.0]),
        ([-1.0, 24_000.0], [0.0, 24_000.0]),
        ([24_000.0, 24_000.0], [0.0, 24_000.0]),
        ([0.0, 24_000.0], [0.0, 0.0]),
        ([0.0, 24_000.0], [0.0, 30_000.0]),
    ],
)
def test_beats_that_do_not_fit_raise(outputs: list[float], files: list[float]) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        Warp.from_beats(outputs, files, 48_000)


@pytest.mark.parametrize(
    "knots",
    [
        (),
        ((0.0, 0.0),),
        ((1.0, 0.0), (10_000.0, 9_999.0)),
        ((0.0, 0.0), (10_000.0, 8_000.0), *AFTER),
        ((0.0, 0.0), (0.0, 0.0), *AFTER),
        ((0.0, 5_000.0), (5_000.0, 4_000.0), *AFTER),
        ((0.0, 0.0), (TAIL - 1.0, TAIL - 1.0)),
        ((0.0, 0.5), (10_000.0, 10_000.5)),
        ((0.0, 0.0), (10_000.0, 10_100.0)),
        ((0.0, 0.0), (float("nan"), 5_000.0), *AFTER),
    ],
)
def test_invalid_knots_raise(knots: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        Warp(knots)


def test_a_warp_without_stretch_only_shifts() -> None:
    warp = Warp(((0.0, 700.0), (10_000.0, 10_700.0)))
    assert (warp.length, warp.resumes_at, warp.position_at(5_000)) == (10_000, 10_700, 5_700)
