"""Measures what choosing the next track costs the event loop: in process, with the server's own library."""

import contextlib
import itertools
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.large.analyses import make_analyses
from benchmarks.large.figures import FiguresOf
from benchmarks.large.library import LargeLibrary, copy_rows
from rtc_drift.library.catalogue import Catalogue
from rtc_drift.library.library import Library
from rtc_drift.library.resources import Resources
from rtc_drift.selection.choice import Choice
from rtc_drift.selection.journey import PLAYED, History, Journey, with_played
from rtc_drift.selection.next_track import choose_next_track
from rtc_drift.selection.space_updater import SpaceUpdater
from rtc_drift.workers.pool import Workers
from rtc_drift.workers.threads import Threads
from tests.support.waiting import until

MAX_CHOICE_MS = 10.0
CHOICES = 30
FEW_ANALYSED = 1 / 100
"""Share of the tracks that are analysed in a library that has just been found."""
UNPLAYED = 5
LOAD_SECONDS = 120.0
"""Longest time for a library to load."""
MOST_STEPS = 200
"""Most steps in a direction until nothing is left that way."""


@dataclass(frozen=True, slots=True)
class Source:
    """A library that is loaded, and its feature space."""

    library: Library
    spaces: SpaceUpdater

    def choose(self, journey: Journey) -> Choice:
        """Choose the track that follows a journey."""
        choice = choose_next_track(self.library, self.spaces.space, journey, ())
        assert choice is not None
        return choice


async def measure_choices(library: LargeLibrary, folder: Path, figures: FiguresOf) -> None:
    """Choose tracks in every state of a library and of a journey, and add the figures."""
    ids = np.random.default_rng(5).permutation(np.array(library.ids(), object)).tolist()
    async with _opened(library, library.data, analysed=library.count) as source:
        _measure_with_analyses(source, ids, figures)
    bare = _without_analyses(library, folder)
    async with _opened(library, bare, analysed=0) as source:
        _measure(source, figures, "nothing analysed", _alone(ids))
        _measure(source, figures, f"nothing analysed, {PLAYED:,} played", _after(ids[:PLAYED], ids))
    analysed = _analyse_some(bare, ids[: round(FEW_ANALYSED * library.count)])
    async with _opened(library, bare, analysed=analysed) as source:
        _measure(source, figures, f"{analysed:,} analysed, the present track is not", _alone(ids[analysed:]))
        _measure(source, figures, f"{analysed:,} analysed, the present track too", _alone(ids[:analysed]))


def _measure_with_analyses(source: Source, ids: list[str], figures: FiguresOf) -> None:
    _measure(source, figures, "drift", _alone(ids))
    _measure(source, figures, f"drift, {PLAYED:,} played", _after(ids[:PLAYED], ids))
    for direction in ("brighter", "more_energetic"):
        _measure(source, figures, f"direction {direction}", _alone(ids, direction))
    _measure(source, figures, f"direction, {PLAYED:,} played", _after(ids[:PLAYED], ids, "calmer"))
    journey = _at_the_end(source, with_played(Journey(1), ids[0]), "brighter")
    _measure(source, figures, "direction with nothing left", (replace(journey, draws=n) for n in itertools.count()))
    # More than a journey remembers today; so the figure has no bound.
    _measure(source, figures, f"all but {UNPLAYED} played", _after(ids[UNPLAYED:], ids), at_most=None)


def _alone(ids: list[str], direction: str | None = None) -> Iterator[Journey]:
    """Yield journeys of which one track was played, each time another."""
    for draws, track_id in enumerate(ids):
        yield Journey(1, draws=draws, direction=direction, history=History((track_id,), (track_id,)))


def _after(played: list[str], ids: list[str], direction: str | None = None) -> Iterator[Journey]:
    """Yield journeys after many tracks, the last of which differ."""
    for draws, track_id in enumerate(itertools.cycle(ids)):
        yield Journey(1, draws=draws, direction=direction, history=History((*played, track_id), (track_id,)))


def _at_the_end(source: Source, journey: Journey, direction: str) -> Journey:
    """Follow a direction until no track is left that way."""
    journey = replace(journey, direction=direction)
    for _ in range(MOST_STEPS):
        choice = source.choose(journey)
        if " left" in choice.reason:
            return journey
        journey = with_played(journey, choice.track.id)
    raise RuntimeError(f"there is always something {direction}")


def _measure(
    source: Source,
    figures: FiguresOf,
    state: str,
    journeys: Iterator[Journey],
    *,
    at_most: float | None = MAX_CHOICE_MS,
) -> None:
    """Choose the next track some times, and add the CPU time that it costs the calling thread."""
    costs = list[float]()
    for journey in itertools.islice(journeys, CHOICES):
        began = time.thread_time()
        source.choose(journey)
        costs.append((time.thread_time() - began) * 1e3)
    figures.add(f"choice, {state}: CPU, median", statistics.median(costs), "ms", at_most=at_most)
    figures.add(f"choice, {state}: CPU, worst of {CHOICES}", max(costs), "ms")


@contextlib.asynccontextmanager
async def _opened(library: LargeLibrary, data: Path, analysed: int) -> AsyncIterator[Source]:
    """Open a library as the server does, and wait until its feature space has all tracks."""
    catalogue, planning = Catalogue.open(data / "catalogue.sqlite"), Threads("planning", 1)
    async with Workers(1, reads=[library.music]) as workers:
        resources = Resources(catalogue, workers)
        opened = Library(resources, music=[library.music], demo_folder=data / "demo", analyse=False, poll_seconds=None)
        spaces = SpaceUpdater(opened, planning)
        opened.on_change = spaces.changed
        try:
            await opened.start()
            spaces.start()
            spaces.changed()
            await until(lambda: not opened.status().scanning, LOAD_SECONDS)
            assert opened.status().analysed == analysed
            if analysed:
                await until(lambda: len(spaces.space) == library.count, LOAD_SECONDS)
            yield Source(opened, spaces)
        finally:
            await spaces.close()
            await opened.close()
            resources.close_threads()
    await resources.storage.close(catalogue.close)


def _without_analyses(library: LargeLibrary, folder: Path) -> Path:
    """Copy a catalogue without its analyses into a folder. Return its data folder."""
    data = folder / f"unanalysed-{library.count}"
    data.mkdir()
    with contextlib.closing(Catalogue.open(data / "catalogue.sqlite")) as catalogue:
        copy_rows(library.catalogue, catalogue, ("files", "tracks", "loved"))
    return data


def _analyse_some(data: Path, ids: list[str]) -> int:
    """Record made-up analyses of some tracks. Return how many."""
    with contextlib.closing(Catalogue.open(data / "catalogue.sqlite")) as catalogue:
        for track_id, analysis in zip(ids, make_analyses(len(ids), np.random.default_rng(6)), strict=True):
            catalogue.record_analysis(track_id, analysis)
    return len(ids)
