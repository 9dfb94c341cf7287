"""Mixability: the distance of keys, and the penalty for tempi."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.analysis.camelot import key_distance, key_number
from rtc_drift.selection.mixability import tempo_penalty


@settings(deadline=None)
@given(st.integers(1, 12), st.sampled_from("AB"), st.integers(1, 12), st.sampled_from("AB"))
def test_key_distances_are_those_of_the_camelot_wheel(one: int, kind: str, other: int, its: str) -> None:
    numbers = np.array([key_number(f"{other}{its}")], np.int8)
    steps = min((one - other) % 12, (other - one) % 12) + (kind != its)
    assert key_distance(numbers, key_number(f"{one}{kind}"))[0] == steps


def test_tempi_within_reach_or_octaves_of_them_have_no_penalty() -> None:
    bpm = np.array([120, 126, 60, 240, 122 / 2, 85, 0], np.float32)
    penalty = tempo_penalty(bpm, 120.0)
    assert penalty[:5] == pytest.approx(0, abs=1e-6)
    assert penalty[5] > 0.9
    assert penalty[6] == 0
