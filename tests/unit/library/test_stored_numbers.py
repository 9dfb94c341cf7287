"""The numbers of analyses as they are stored: all rows at once are read as each would be."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rtc_drift.analysis.numbers import COLUMN, NUMBERS, analysis_of, are_valid, numbers_of
from tests.support.analyses import make_analysis

VALUES = st.floats() | st.floats(0, 1) | st.sampled_from((-0.0, 5e-324, 1.0, 1_000.0, 1e6, -1e6, np.nan, np.inf))


@given(st.dictionaries(st.sampled_from(NUMBERS), VALUES, max_size=3))
def test_rows_are_valid_if_an_analysis_can_hold_them(changes: dict[str, float]) -> None:
    numbers = numbers_of(make_analysis())
    for name, value in changes.items():
        numbers[COLUMN[name]] = value
    try:
        analysis = analysis_of(numbers, None, None)
    except ValueError:
        assert are_valid(numbers[None]).tolist() == [False]
    else:
        assert are_valid(numbers[None]).tolist() == [True]
        assert (numbers_of(analysis) == numbers)[~np.isnan(numbers)].all()
