"""The map of the library."""

import numpy as np

from rtc_drift.selection.feature_space import space_of
from rtc_drift.selection.library_map import coordinates
from tests.support.synthetic_library import make_library


def test_the_map_is_bounded_and_stable_when_tracks_are_added() -> None:
    tracks, analyses = make_library(400)
    before, after = (space_of(tracks[:count], analyses) for count in (360, 400))
    old, new = coordinates(before), coordinates(after)
    assert ((old > 0) & (old < 1)).all()
    moved = [np.linalg.norm(old[row] - new[after.rows[track.id]]) for row, track in enumerate(before.tracks)]
    assert max(moved) < 0.1
    assert old.std(axis=0).min() > 0.1
