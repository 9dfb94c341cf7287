"""The map of the library."""

import gzip
import json

import numpy as np

from rtc_drift.selection.feature_space import EMPTY
from rtc_drift.selection.library_map import coordinates, document_of
from tests.support.synthetic_library import make_library, space_from


def test_the_map_is_bounded_and_stable_when_tracks_are_added() -> None:
    tracks, analyses = make_library(400)
    before, after = (space_from(tracks[:count], analyses) for count in (360, 400))
    old, new = coordinates(before), coordinates(after)
    assert ((old > 0) & (old < 1)).all()
    moved = np.linalg.norm(old - new[after.rows_of(map(before.id_of, range(len(before))))], axis=1)
    assert moved.max() < 0.1
    assert old.std(axis=0).min() > 0.1


def test_the_map_has_the_analysed_tracks_as_columns() -> None:
    tracks, analyses = make_library(40)
    del analyses[tracks[3].id]
    space = space_from(tracks, analyses)
    document = document_of(space)
    found = json.loads(gzip.decompress(document.gzipped))
    assert found.keys() == {"version", "ids", "x", "y"}
    assert found["ids"] == sorted(analyses)
    places = coordinates(space)[space.is_analysed]
    assert np.allclose(np.transpose([found["x"], found["y"]]), places, atol=0.000_51)
    assert document.version == found["version"] == document_of(space_from(reversed(tracks), analyses)).version
    assert document.version != document_of(space_from(tracks[1:], analyses)).version


def test_the_map_of_an_empty_library_is_empty() -> None:
    found = json.loads(gzip.decompress(document_of(EMPTY).gzipped))
    assert (found["ids"], found["x"], found["y"]) == ([], [], [])
