"""The outline of a track."""

import math
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from rtc_drift.api.waveform import MAX_PEAKS, waveform_of
from tests.support.analyses import make_analysis
from tests.support.api import Api


async def test_an_analysed_track_has_a_waveform(api: Api) -> None:
    library, track_id = cast(Any, api.context.library), f"{1:016x}"
    status, answer = await api.get(f"/api/tracks/{track_id}/waveform")
    assert (status, answer["code"]) == (404, "no_waveform")
    library.analyses[track_id] = make_analysis(momentary_lufs=(-70.0, -20.0, -14.0, -34.0))
    status, answer = await api.get(f"/api/tracks/{track_id}/waveform")
    assert (status, answer) == (200, {"peaksPerSecond": 2.5, "peaks": [0, 128, 255, 26]})
    assert (await api.get("/api/tracks/x/waveform"))[1]["code"] == "track_not_found"


@given(st.integers(1, 40_000))
def test_a_long_track_has_no_more_values_and_its_loudest_moment(count: int) -> None:
    found = waveform_of([-120.0] * (count - 1) + [-9.0])
    assert len(found.peaks) <= MAX_PEAKS
    assert found.peaks[-1] == 255
    assert math.ceil(count * 0.4 * found.peaks_per_second - 1e-6) == len(found.peaks)


def test_silence_is_flat() -> None:
    assert waveform_of([-120.0] * 3).peaks == [1] * 3
