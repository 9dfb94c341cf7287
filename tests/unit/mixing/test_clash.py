"""Clashes: rough chords and busy mids at once count, whatever the overlap's length."""

import tracemalloc

import numpy as np
import pytest

from rtc_drift.mixing.clash import Harmony, activity, together
from rtc_drift.mixing.loudness_curve import LoudnessCurve

_TRIADS = {"C": (0, 4, 7), "G": (7, 11, 2), "C#": (1, 5, 8)}


def harmony(chord: str, seconds: int = 20) -> Harmony:
    row = np.zeros(12)
    row[list(_TRIADS[chord])] = 1
    return Harmony.of(tuple(np.tile(row, seconds).tolist()))


def test_far_chords_are_rougher_than_near_ones() -> None:
    at = np.arange(0.0, 10.0)
    same, fifth, semitone = (harmony("C").dissonance(harmony(it), at, at).mean() for it in ("C", "G", "C#"))
    assert same < fifth < semitone


def test_silence_and_unknown_chords_clash_with_nothing() -> None:
    at = np.arange(0.0, 10.0)
    assert not harmony("C").dissonance(Harmony.of(()), at, at).any()
    assert not harmony("C").dissonance(Harmony.of((0.0,) * 120), at, at).any()


def test_chords_of_long_tracks_take_little_memory() -> None:
    long = harmony("C", 12 * 3_600)
    tracemalloc.start()
    long.dissonance(long, np.zeros((1_000, 16)), np.zeros((1_000, 16)))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1 << 24


def test_positions_beyond_the_end_count_as_the_last_second() -> None:
    at = np.array([1e6, -5.0])
    assert np.isfinite(harmony("C").dissonance(harmony("G"), at, at)).all()


def test_two_busy_middles_clash_and_a_bass_does_not() -> None:
    def curve(bass: float) -> LoudnessCurve:
        return LoudnessCurve((-14.0,) * 50, -14.0, (bass,) * 50, (0.0,) * 50, (0.0, 20.0))

    at = np.arange(1.0, 10.0)
    assert activity(curve(0.1), curve(0.1), at, at).mean() == pytest.approx(0.9)
    assert activity(curve(0.1), curve(0.9), at, at).mean() == pytest.approx(0.1)


def test_both_sound_only_while_mids_cross() -> None:
    shares = np.array([0.0, 0.2, 0.5, 0.8, 1.0])
    assert together(shares, 0.25, 0.75) == pytest.approx([0, 0, 1, 0, 0], abs=1e-9)
