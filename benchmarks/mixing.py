"""How tracks are mixed: each transition of a long journey as a listener hears it, and what all of it costs.

`python -m benchmarks.mixing --music DIR --minutes 60`: the transitions of an hour of one's own music.
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

import numpy as np

from benchmarks.scanned_library import collected
from benchmarks.figures import Figure
from benchmarks.transition_measures import MEDIAN_MS, MOST_BASS_DB, MOST_DBTP, MOST_LU, P95_MS, Heard, hear
from benchmarks.planned_programme import Bend, Joint, Journey, joints_of, journey
from benchmarks.mixing_cost import Rendered, mixing_ms, rendered
from benchmarks.runner import run_benches
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.media import samples, seconds
from rtc_drift.workers.pool import ENVIRONMENT

_BENCH = "mixing"
TRANSITIONS = 1_000
COST_MINUTES = 10
_SEED = 1
_PROCESSES = 2


@dataclass(frozen=True, slots=True)
class Listened:
    """A transition, how often it came, what it sounds like, and what its lead cost in CPU seconds."""

    joint: Joint
    times: int
    heard: Heard
    lead_seconds: float


async def mixing() -> list[Figure]:
    """A journey of a thousand transitions through the demo library, and ten minutes of it rendered."""
    async with collected() as collection:
        with tempfile.TemporaryDirectory(prefix="rtc-drift-bench-") as folder:
            planned = journey(collection, _SEED, Path(folder), transitions=TRANSITIONS)
            programme = await rendered(collection, _SEED, samples(COST_MINUTES * 60), Path(folder))
            return await asyncio.to_thread(_figures, planned, programme, samples(COST_MINUTES * 60))


async def own_music(music: Path, minutes: float, seed: int, data_dir: Path | None) -> list[Figure]:
    """Every transition of a programme of so many minutes, as it was rendered."""
    async with collected(music, data_dir) as collection:
        with tempfile.TemporaryDirectory(prefix="rtc-drift-bench-") as folder:
            length = samples(minutes * 60)
            programme = await rendered(collection, seed, length, Path(folder))
            planned = Journey(joints_of(programme.entries, collection), programme.bends, length)
            return await asyncio.to_thread(_figures, planned, programme, length)


def _figures(planned: Journey, programme: Rendered, length: int) -> list[Figure]:
    listened = _listen(planned)
    for it in listened:
        if it.heard.faults:
            _tell(it)
    return [*quality(listened), *cost(listened, planned.length, programme, length)]


def quality(listened: Sequence[Listened]) -> list[Figure]:
    """What is heard, each transition counted as often as it came."""
    total = sum(it.times for it in listened)

    def count(is_so: Callable[[Heard], bool]) -> int:
        return sum(it.times for it in listened if is_so(it.heard))

    def number(name: str, is_so: Callable[[Heard], bool], at_most: float | None = 0) -> Figure:
        return Figure(_BENCH, f"transitions {name}", count(is_so), "", at_most=at_most)

    clean = count(lambda it: it.is_clean) / max(1, total)
    figures = [
        Figure(_BENCH, "transitions", total, ""),
        Figure(_BENCH, "distinct transitions", len(listened), ""),
        Figure(_BENCH, "without gap, click or a level out of bounds", clean, "share", at_least=1.0),
        number("with gaps", lambda it: bool(it.gaps)),
        number("with clicks", lambda it: bool(it.clicks)),
        number(f"beyond ±{MOST_LU} LU", lambda it: not it.is_loud_enough),
        number(f"above {MOST_DBTP:.0f} dBTP", lambda it: not it.is_within_peak),
        Figure(_BENCH, "largest true peak", max(it.heard.peak_dbtp for it in listened), "dBTP"),
        *_beats(listened),
    ]
    styles = Counter[str]()
    for it in listened:
        styles[it.heard.style] += it.times
    return figures + [Figure(_BENCH, f"style: {name}", times, "") for name, times in styles.most_common()]


def _beats(listened: Sequence[Listened]) -> Iterator[Figure]:
    matched = [it for it in listened if it.heard.style == "beat-matched"]
    if not matched:
        return
    told = [it for it in matched if it.heard.can_be_told]
    yield Figure(_BENCH, "beat-matched, too few beats to tell", sum(it.times for it in matched if it not in told), "")
    if told:
        together = sum(it.times for it in told if it.heard.is_together) / sum(it.times for it in told)
        name = f"beat-matched within {MEDIAN_MS:.0f} ms (median) and {P95_MS:.0f} ms (p95)"
        yield Figure(_BENCH, name, together, "share", at_least=0.95)
        apart = np.abs(np.concatenate([it.heard.apart_ms * it.times for it in told]))
        yield Figure(_BENCH, "beats apart, median", float(np.median(apart)), "ms", at_most=MEDIAN_MS)
        yield Figure(_BENCH, "beats apart, p95", float(np.quantile(apart, 0.95)), "ms", at_most=P95_MS)
    excess = [it.heard.bass_excess_db for it in matched if it.heard.bass_excess_db is not None]
    both = [it.heard.bass_both_seconds for it in matched if it.heard.bass_both_seconds is not None]
    yield Figure(_BENCH, "bass of both, largest excess", max(excess), "dB", at_most=MOST_BASS_DB)
    yield Figure(_BENCH, "bass of both, longest", max(both), "s")


def cost(listened: Sequence[Listened], journey_length: int, programme: Rendered, length: int) -> Iterator[Figure]:
    """Of the leads of the whole journey; and of a programme of `length` samples, with and without decoding."""
    leads = sum(it.lead_seconds * it.times for it in listened)
    per_second = leads / seconds(journey_length) * 1e3
    yield Figure(_BENCH, "stretching, CPU per second of the journey", per_second, "ms/s", at_most=20)
    plays: list[Play] = [entry.play for entry in programme.entries]
    measured = min(length, samples(COST_MINUTES * 60))
    mixed = mixing_ms(plays, measured, decoded=True)
    yield Figure(_BENCH, "mixing and limiting, CPU per second", mixed, "ms/s")
    mixed = mixing_ms(plays, measured, decoded=False)
    yield Figure(_BENCH, "mixing, limiting and decoding, CPU per second", mixed, "ms/s", at_most=20)
    speed = seconds(length) / programme.cpu_seconds
    yield Figure(_BENCH, "rendering to FLAC on one core", speed, "× real time", at_least=25)


def _listen(planned: Journey) -> list[Listened]:
    """MixTrack by side where there are cores."""
    tasks = [(joint, dict(_bends(planned, joint))) for joint in planned.joints]
    processes = min(_PROCESSES, len(os.sched_getaffinity(0)))
    with _environment(), ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        results = list(pool.map(_heard, tasks, chunksize=4))
    return [
        Listened(joint, planned.joints[joint], heard, spent)
        for (joint, _), (heard, spent) in zip(tasks, results, strict=True)
    ]


def _bends(planned: Journey, joint: Joint) -> Iterator[tuple[str, Bend]]:
    return ((str(path), bend) for path, bend in planned.leads(joint))


def _heard(task: tuple[Joint, dict[str, Bend]]) -> tuple[Heard, float]:
    """In a process of its own: what it sounds like, and what the lead of the incoming track cost."""
    joint, bends = task
    with tempfile.TemporaryDirectory(prefix="rtc-drift-bench-") as folder:
        spent = 0.0

        def with_lead(play: Play) -> Play:
            nonlocal spent
            if play.lead is None:
                return play
            path, began = Path(folder) / f"{play.id}.wav", time.process_time()
            bends[play.lead.path].render(path)
            spent = time.process_time() - began
            return replace(play, lead=replace(play.lead, path=str(path)))

        first = with_lead(joint.outgoing)
        spent = 0.0
        second = with_lead(joint.incoming)
        return hear(replace(joint, outgoing=first, incoming=second)), spent


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """One thread each, which numpy decides when it is imported."""
    before = dict(os.environ)
    os.environ.update(ENVIRONMENT)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _tell(it: Listened) -> None:
    faults = "; ".join(it.heard.faults)
    print(f"{it.joint.names} ({it.heard.style}, {it.times} times): {faults}", file=sys.stderr, flush=True)


def main() -> None:
    """Exits with 0 when every bound was reached, else with 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mixing", description=__doc__)
    parser.add_argument("--music", type=Path, required=True, metavar="DIR")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=_SEED)
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="where to keep what was listened to")
    given = parser.parse_args()

    def bench() -> Awaitable[list[Figure]]:
        return own_music(given.music, given.minutes, given.seed, given.data_dir)

    sys.exit(0 if asyncio.run(run_benches({_BENCH: bench}, [_BENCH])) else 1)


if __name__ == "__main__":
    main()
