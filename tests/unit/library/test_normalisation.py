"""Normalisation: the gain that brings a track to the target loudness."""

import numpy as np

from rtc_drift.library.normalisation import Normalisation
from rtc_drift.media import amplitude
from tests.support.music import make_track


def test_gains_are_bounded() -> None:
    assert np.isclose(Normalisation().gain(make_track(1, lufs=-10)), amplitude(-6))
    assert np.isclose(Normalisation().gain(make_track(1, lufs=-24)), amplitude(8))
    assert np.isclose(Normalisation().gain(make_track(1, lufs=-50)), amplitude(12))
    assert Normalisation().gain(make_track(1, lufs=-70)) == 1
