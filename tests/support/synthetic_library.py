"""Libraries with made-up analyses of every kind of music, for tests and benchmarks of the selection."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.model import Analysis
from rtc_drift.library.analysed import Analysed
from rtc_drift.library.track import Track
from rtc_drift.library.track_table import TrackTable
from rtc_drift.rendering import MemoryLibrary
from rtc_drift.selection.feature_space import FeatureSpace, space_of
from tests.support.analyses import make_analysis
from tests.support.music import make_track


def make_library(count: int, *, seed: int = 0, artists: int = 0) -> tuple[list[Track], dict[str, Analysis]]:
    """Make `count` tracks of `artists` artists (0: one for each five tracks), and the analysis of each by its id."""
    rng = np.random.default_rng(seed)
    tracks, analyses = list[Track](), dict[str, Analysis]()
    for number in range(1, count + 1):
        artist = f"Artist {rng.integers(artists or max(1, count // 5))}"
        album = f"Album {rng.integers(max(1, count // 8))}"
        z = rng.standard_normal(8)
        lufs = float(np.clip(-14 + 3 * z[0], -40, -5))
        track = make_track(number).model_copy(update={"artist": artist, "album": album, "integrated_lufs": lufs})
        tempo = float(60 * 2 ** (1.5 * rng.random()))
        analyses[track.id] = make_analysis(
            tempo_bpm=tempo,
            tempo=tempo,
            camelot=f"{rng.integers(1, 13)}{'AB'[rng.integers(2)]}",
            integrated_lufs=lufs,
            onset_density=float(np.exp(1 + 0.5 * z[1])),
            brightness=float(np.exp(7.5 + 0.4 * z[2])),
            bass=float(1 / (1 + np.exp(-z[3]))),
            air=float(1 / (1 + np.exp(3 - z[2] - 0.3 * z[4]))),
            energy=float(np.exp(-1.5 + 0.5 * z[0] + 0.3 * z[1])),
            beat_strength=float(np.exp(0.3 * z[5])),
            danceability=float(np.exp(0.4 * z[5] + 0.3 * z[6])),
            dynamics=float(max(1.0, 12 + 3 * z[7])),
            complexity=float(np.exp(-1 + 0.3 * z[6])),
            timbre=tuple(float(value) for value in 10 * rng.standard_normal(24)),
        )
        tracks.append(track)
    return tracks, analyses


def make_space(count: int, *, seed: int = 0, artists: int = 0) -> FeatureSpace:
    """Make the feature space of such a library."""
    return space_from(*make_library(count, seed=seed, artists=artists))


def space_from(tracks: Iterable[Track], analyses: Mapping[str, Analysis]) -> FeatureSpace:
    """Make the feature space of some tracks, with analyses by id; some may be missing."""
    return space_of(TrackTable(tracks).columns(), Analysed.of(analyses).columns())


def memory_library(tracks: Iterable[Track], analyses: Mapping[str, Analysis], **options: Any) -> MemoryLibrary:
    """Make a library of some tracks, with analyses by id; some may be missing."""
    return MemoryLibrary(TrackTable(tracks), Analysed.of(analyses), whole_analysis=analyses.get, **options)


def visits_by_region(space: FeatureSpace, track_ids: Sequence[str]) -> NDArray[np.intp]:
    """Count the tracks in each ninth of the space, by thirds along its two main axes: `(9,)`."""
    centred = space.matrix - space.matrix.mean(axis=0)
    plane = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    thirds = np.quantile(plane, (1 / 3, 2 / 3), axis=0)
    region = np.sum([(plane > third) * (3, 1) for third in thirds], axis=(0, 2))
    return np.bincount(region[space.rows_of(track_ids)], minlength=9)
