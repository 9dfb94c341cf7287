"""The quality of every transition of a long programme, and the cost of mixing.

`python -m benchmarks.mixing --music DIR --minutes 60` measures the transitions of an hour of your own music.
"""

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from benchmarks.figures import Figure
from benchmarks.mixing_choice import choices
from benchmarks.mixing_cost import RenderedProgramme, mixing_ms, render_to_flac
from benchmarks.mixing_pairs import pairs
from benchmarks.planned_programme import (
    PlannedProgramme,
    RenderableLead,
    TransitionExcerpt,
    plan_programme,
    transitions_of,
)
from benchmarks.runner import run_benches
from benchmarks.scanned_library import scanned_library
from benchmarks.transition_measures import (
    MEDIAN_MS,
    MOST_BASS_DB,
    MOST_DBTP,
    MOST_LU,
    P95_MS,
    TransitionMeasures,
    measure,
)
from rtc_drift.engine.protocol.plays import Lead, LeadOut, Play
from rtc_drift.media import samples, seconds
from rtc_drift.rendering import MemoryLibrary
from rtc_drift.workers.pool import ENVIRONMENT

_BENCH = "mixing"
TRANSITIONS = 1_000
COST_MINUTES = 10
_SEED = 1
_PROCESSES = 2
_Part = TypeVar("_Part", Lead, LeadOut)


@dataclass(frozen=True, slots=True)
class MeasuredTransition:
    """A distinct transition of a programme, with its measures."""

    excerpt: TransitionExcerpt
    times: int
    """Number of its occurrences."""
    measures: TransitionMeasures
    lead_seconds: float
    """CPU seconds that rendering its stretched intro took."""


async def mixing() -> list[Figure]:
    """Measure 1,000 transitions of the demo library, and the rendering of ten minutes."""
    async with scanned_library() as library:
        return await _planned(library, TRANSITIONS, _SEED)


async def _planned(library: MemoryLibrary, transitions: int, seed: int) -> list[Figure]:
    """Measure as many transitions of a programme that is planned only, and the rendering of ten minutes."""
    with tempfile.TemporaryDirectory(prefix="rtc-drift-bench-") as folder:
        planned = plan_programme(library, seed, Path(folder), transitions=transitions)
        programme = await render_to_flac(library, seed, samples(COST_MINUTES * 60), Path(folder))
        figures = await asyncio.to_thread(_figures, planned, programme, samples(COST_MINUTES * 60))
        return [*pairs(library), *choices(library), *figures]


async def own_music(
    music: Path, minutes: float, transitions: int | None, seed: int, data_dir: Path | None
) -> list[Figure]:
    """Render a programme of some minutes, or plan one of some transitions, and measure each of its transitions."""
    async with scanned_library(music, data_dir) as library:
        if transitions is not None:
            return await _planned(library, transitions, seed)
        with tempfile.TemporaryDirectory(prefix="rtc-drift-bench-") as folder:
            length = samples(minutes * 60)
            programme = await render_to_flac(library, seed, length, Path(folder))
            planned = PlannedProgramme(transitions_of(programme.entries, library), programme.leads, length)
            return [*pairs(library), *choices(library), *await asyncio.to_thread(_figures, planned, programme, length)]


def _figures(planned: PlannedProgramme, programme: RenderedProgramme, length: int) -> list[Figure]:
    measured = _measure_all(planned)
    for it in measured:
        if it.measures.faults:
            _print_faults(it)
    return [*quality(measured), *cost(measured, planned.length, programme, length)]


def quality(measured: Sequence[MeasuredTransition]) -> list[Figure]:
    """Return the figures of quality. Each transition counts as often as it occurred."""
    total = sum(it.times for it in measured)

    def count(is_so: Callable[[TransitionMeasures], bool]) -> int:
        return sum(it.times for it in measured if is_so(it.measures))

    def number(name: str, is_so: Callable[[TransitionMeasures], bool], at_most: float | None = 0) -> Figure:
        return Figure(_BENCH, f"transitions {name}", count(is_so), "", at_most=at_most)

    clean = count(lambda it: it.is_clean) / max(1, total)
    figures = [
        Figure(_BENCH, "transitions", total, ""),
        Figure(_BENCH, "distinct transitions", len(measured), ""),
        Figure(_BENCH, "without gap, click or a level out of bounds", clean, "share", at_least=1.0),
        number("with gaps", lambda it: bool(it.gaps)),
        number("with clicks", lambda it: bool(it.clicks)),
        number(f"beyond ±{MOST_LU} LU", lambda it: not it.has_even_loudness),
        number(f"above {MOST_DBTP:.0f} dBTP", lambda it: not it.is_within_peak),
        Figure(_BENCH, "largest true peak", max(it.measures.peak_dbtp for it in measured), "dBTP"),
        *_beats(measured),
    ]
    figures += [*_sure(measured), *_phrases(measured), *_clashes(measured)]
    styles = Counter[str]()
    for it in measured:
        styles[it.measures.style] += it.times
    return figures + [Figure(_BENCH, f"style: {name}", times, "") for name, times in styles.most_common()]


def _sure(measured: Sequence[MeasuredTransition]) -> Iterator[Figure]:
    """Yield how many of the transitions between sure beats are beat-matched."""
    sure = [it for it in measured if it.excerpt.are_sure]
    if total := sum(it.times for it in sure):
        matched = sum(it.times for it in sure if it.measures.style == "beat-matched") / total
        yield Figure(_BENCH, "transitions between two sure beats", total, "")
        yield Figure(_BENCH, "of these, beat-matched", matched, "share", at_least=0.6)


def _phrases(measured: Sequence[MeasuredTransition]) -> Iterator[Figure]:
    """Yield how many of the beat-matched transitions, where phrases are known, begin on one."""
    known = [it for it in measured if it.excerpt.beats and None not in it.excerpt.phrases]
    total = sum(it.times for it in known)
    if not total:
        return
    one, both = (sum(it.times for it in known if is_so(it.excerpt.phrases)) / total for is_so in (any, all))
    yield Figure(_BENCH, "beat-matched, phrases of both known", total, "")
    yield Figure(_BENCH, "of these, begins a phrase of at least one", one, "share", at_least=0.85)
    yield Figure(_BENCH, "of these, begins a phrase of both", both, "share", at_least=0.5)


def _clashes(measured: Sequence[MeasuredTransition]) -> Iterator[Figure]:
    """Yield how often a transition is less rough than a plain crossfade of the same tracks."""
    better = sum(it.times for it in measured if it.measures.clash <= it.measures.crossfade_clash)
    share = better / max(1, sum(it.times for it in measured))
    yield Figure(_BENCH, "harmonic clash not above a plain crossfade's", share, "share", at_least=0.8)


def _beats(measured: Sequence[MeasuredTransition]) -> Iterator[Figure]:
    """Yield the figures of beat-matched transitions, if there are any."""
    matched = [it for it in measured if it.measures.style == "beat-matched"]
    if not matched:
        return
    judged = [it for it in matched if it.measures.has_enough_beats]
    too_few = sum(it.times for it in matched if it not in judged)
    yield Figure(_BENCH, "beat-matched, too few beats to tell", too_few, "")
    if judged:
        together = sum(it.times for it in judged if it.measures.is_together) / sum(it.times for it in judged)
        name = f"beat-matched within {MEDIAN_MS:.0f} ms (median) and {P95_MS:.0f} ms (p95)"
        yield Figure(_BENCH, name, together, "share", at_least=0.95)
        apart = np.abs(np.concatenate([it.measures.beat_differences_ms * it.times for it in judged]))
        yield Figure(_BENCH, "beats apart, median", float(np.median(apart)), "ms", at_most=MEDIAN_MS)
        yield Figure(_BENCH, "beats apart, p95", float(np.quantile(apart, 0.95)), "ms", at_most=P95_MS)
    measures = [it.measures for it in matched]
    excess = [it.bass_excess_db for it in measures if it.bass_excess_db is not None]
    both = [it.bass_both_seconds for it in measures if it.bass_both_seconds is not None]
    yield Figure(_BENCH, "bass of both, largest excess", max(excess), "dB", at_most=MOST_BASS_DB)
    yield Figure(_BENCH, "bass of both, longest", max(both), "s")


def cost(
    measured: Sequence[MeasuredTransition], planned_length: int, programme: RenderedProgramme, length: int
) -> Iterator[Figure]:
    """Yield the figures of cost.

    Stretching counts for all transitions, which were planned for `planned_length` samples. Mixing, with and without
    decoding, and rendering count for the `programme` of `length` samples.
    """
    leads = sum(it.lead_seconds * it.times for it in measured)
    per_second = leads / seconds(planned_length) * 1e3
    yield Figure(_BENCH, "stretching, CPU per second of the journey", per_second, "ms/s", at_most=15)
    plays: list[Play] = [entry.play for entry in programme.entries]
    mixed_length = min(length, samples(COST_MINUTES * 60))
    mixed = mixing_ms(plays, mixed_length, decoded=True)
    yield Figure(_BENCH, "mixing and limiting, CPU per second", mixed, "ms/s")
    mixed = mixing_ms(plays, mixed_length, decoded=False)
    yield Figure(_BENCH, "mixing, limiting and decoding, CPU per second", mixed, "ms/s", at_most=12)
    speed = seconds(length) / programme.cpu_seconds
    yield Figure(_BENCH, "rendering to FLAC on one core", speed, "× real time", at_least=25)


def _measure_all(planned: PlannedProgramme) -> list[MeasuredTransition]:
    """Measure all distinct transitions, in two processes if there are two cores."""
    tasks = [(excerpt, dict(_leads(planned, excerpt))) for excerpt in planned.transitions]
    processes = min(_PROCESSES, len(os.sched_getaffinity(0)))
    with _one_thread_each(), ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        results = list(pool.map(_measured, tasks, chunksize=4))
    return [
        MeasuredTransition(excerpt, planned.transitions[excerpt], measures, spent)
        for (excerpt, _), (measures, spent) in zip(tasks, results, strict=True)
    ]


def _leads(planned: PlannedProgramme, excerpt: TransitionExcerpt) -> Iterator[tuple[str, RenderableLead]]:
    return ((str(path), lead) for path, lead in planned.leads_of(excerpt))


def _measured(task: tuple[TransitionExcerpt, dict[str, RenderableLead]]) -> tuple[TransitionMeasures, float]:
    """Measure a transition, in a worker process. Return the CPU seconds of the incoming track's stretched intro too."""
    excerpt, leads = task
    with tempfile.TemporaryDirectory(prefix="rtc-drift-bench-") as folder:
        spent = 0.0

        def rendered(part: _Part | None) -> _Part | None:
            nonlocal spent
            if part is None:
                return None
            path, began = Path(folder) / Path(part.path).name, time.process_time()
            leads[part.path].render(path)
            spent += time.process_time() - began
            return replace(part, path=str(path))

        first, second = excerpt.outgoing, excerpt.incoming
        first = replace(first, lead=rendered(first.lead))
        spent = 0.0  # that intro belongs to the transition before
        first = replace(first, lead_out=rendered(first.lead_out))
        second = replace(second, lead=rendered(second.lead))
        return measure(replace(excerpt, outgoing=first, incoming=second)), spent


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """Set the environment of processes so that numpy has one thread in each. It reads that when it is imported."""
    before = dict(os.environ)
    os.environ.update(ENVIRONMENT)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _print_faults(it: MeasuredTransition) -> None:
    faults = "; ".join(it.measures.faults)
    print(f"{it.excerpt.titles} ({it.measures.style}, {it.times} times): {faults}", file=sys.stderr, flush=True)


def main() -> None:
    """Measure your own music, and exit with 0 if every bound was reached, else with 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mixing", description=__doc__)
    parser.add_argument("--music", type=Path, required=True, metavar="DIR")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--transitions", type=int, help="plan so many transitions instead, without rendering all")
    parser.add_argument("--seed", type=int, default=_SEED)
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="where to keep the analyses for the next time")
    options = parser.parse_args()

    def bench() -> Awaitable[list[Figure]]:
        return own_music(options.music, options.minutes, options.transitions, options.seed, options.data_dir)

    sys.exit(0 if asyncio.run(run_benches({_BENCH: bench}, [_BENCH])) else 1)


if __name__ == "__main__":
    main()
