"""The CPU time of choosing a track in libraries of several sizes, and the variety of the drift."""

import asyncio
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import Figure
from rtc_drift.library.catalogue import Catalogue
from rtc_drift.library.track import Track
from rtc_drift.rendering import MemoryLibrary
from rtc_drift.selection.feature_space import FeatureSpace, space_of
from rtc_drift.selection.journey import Journey, with_played
from rtc_drift.selection.next_track import choose_by_sound
from tests.support.synthetic_library import make_library, memory_library, space_from, visits_by_region

STEPS = 200
SYNTHETIC_TRACKS = 2_000
"""Number of different tracks. Larger libraries repeat them, each with a small random difference."""


async def selection() -> list[Figure]:
    """Measure the choice of tracks, in a thread."""
    return await asyncio.to_thread(_figures)


def _figures() -> list[Figure]:
    thousand = memory_library(*make_library(1_000))
    figures = [*_drift(thousand), *_loading()]
    for count, bound in ((1_000, None), (100_000, 10.0), (1_000_000, 100.0)):
        library = thousand if count == 1_000 else _large_library(count)
        for name, direction in (("in a direction", "brighter"), ("of the drift", None)):
            cost = _step_ms(library, direction)
            figures.append(Figure("navigating", f"step {name}, {count:,} tracks", cost, "ms", at_most=bound))
    return figures


def _drift(library: MemoryLibrary) -> list[Figure]:
    """Follow the drift for `STEPS` tracks, while nobody steers."""
    journey, ids, artists = with_played(Journey(7), min(library.playable())), list[str](), list[str]()
    for step in range(STEPS):
        choice = choose_by_sound(library, library.space, replace(journey, draws=step), ())
        assert choice is not None
        ids.append(choice.track.id)
        artists.append(choice.track.artist)
        journey = with_played(journey, choice.track.id)
    twice = sum(artist in artists[max(0, n - 10) : n] for n, artist in enumerate(artists))
    name = f"{STEPS} steps of the drift, 1,000 tracks"
    return [
        Figure("navigating", f"{name}: tracks heard twice", STEPS - len(set(ids)), "", at_most=0),
        Figure("navigating", f"{name}: artists twice within 10", twice, "", at_most=0),
        Figure(
            "navigating",
            f"{name}: ninths of the country visited",
            int(np.count_nonzero(visits_by_region(library.space, ids))),
            "",
            at_least=9,
        ),
    ]


def _loading() -> list[Figure]:
    """Measure how long it takes to load 1,000 analysed tracks: from opening the catalogue to the feature space."""
    tracks, analyses = make_library(1_000)
    with tempfile.TemporaryDirectory(prefix="rtc-drift-bench-") as folder:
        path = Path(folder) / "catalogue.sqlite"
        catalogue = Catalogue.open(path)
        for track in tracks:
            catalogue.record(track.path, 1, 1, track)
            analysis = analyses[track.id].model_copy(update={"beats_seconds": tuple(n / 2 for n in range(400))})
            catalogue.record_analysis(track.id, analysis)
        catalogue.close()
        began = time.process_time()
        catalogue = Catalogue.open(path)
        loaded = catalogue.tracks([tracks[0].path.parent])
        space_of(loaded.columns(), catalogue.analysed()[0])
        seconds = time.process_time() - began
        catalogue.close()
    return [Figure("navigating", "1,000 analysed tracks loaded", seconds, "s", at_most=1)]


@dataclass
class _LargeLibrary:
    """A library that repeats the tracks of a small one, each with a small random difference and an id of its own."""

    space: FeatureSpace
    _small: tuple[Track, ...]
    loved: tuple[str, ...] = ()

    def get(self, track_id: str) -> Track | None:
        return self._small[int(track_id, 16) % len(self._small)].model_copy(update={"id": track_id})


def _large_library(count: int) -> _LargeLibrary:
    tracks, analyses = make_library(SYNTHETIC_TRACKS)
    small, rng = space_from(tracks, analyses), np.random.default_rng(1)
    rows = np.resize(np.arange(SYNTHETIC_TRACKS), count)
    matrix = small.matrix[rows] + rng.normal(0, 0.3, (count, small.matrix.shape[1])).astype(np.float32)
    space = FeatureSpace(
        ids=np.arange(count, dtype=np.uint64),
        matrix=matrix,
        axes=small.axes,
        scores=(small.scores[rows] + rng.normal(0, 0.2, (count, small.scores.shape[1]))).astype(np.float32),
        is_analysed=np.ones(count, bool),
        artists=rng.integers(0, count // 10, count).astype(np.int32),
        albums=rng.integers(0, count // 8, count).astype(np.int32),
        bpm=small.bpm[rows],
        keys=small.keys[rows],
        lufs=small.lufs[rows],
    )
    return _LargeLibrary(space, tuple(tracks))


def _step_ms(library: Any, direction: str | None, steps: int = 20) -> float:
    """Return the median CPU time of a choice in ms."""
    space, costs = library.space, list[float]()
    journey = replace(with_played(Journey(1), space.id_of(0)), direction=direction)
    for step in range(steps):
        alternating = None if direction is None else (direction, "darker")[step % 2]
        journey = replace(journey, draws=step, direction=alternating)
        began = time.process_time()
        choice = choose_by_sound(library, space, journey, ())
        costs.append((time.process_time() - began) * 1e3)
        assert choice is not None
        journey = with_played(journey, choice.track.id)
    return float(np.median(costs))
