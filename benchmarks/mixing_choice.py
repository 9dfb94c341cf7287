"""Benefit and cost of choosing, among tracks about as good, the one that mixes best."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from benchmarks.figures import Figure
from rtc_drift.library.track import Track
from rtc_drift.mixing import MixTrack
from rtc_drift.rendering import MemoryLibrary
from rtc_drift.selection.choice import Choice
from rtc_drift.selection.directions import DIRECTIONS
from rtc_drift.selection.journey import Journey, with_played
from rtc_drift.selection.next_track import choose_by_sound
from rtc_drift.station.mix_tracks import MixTracks
from rtc_drift.station.plan_requests import FollowRequest

_BENCH = "mixing"
_STARTS, _STEPS = 50, 200
_HELD = 5
"""Steps for which a direction is held."""


@dataclass
class _Journeys:
    """Measures taken on the way."""

    progress: list[float] = field(default_factory=list)
    """Progress of each step in the direction that was asked for, in spreads."""
    between_sure: int = 0
    """Steps between two tracks with a sure beat."""
    matched: int = 0
    """Those of them that are beat-matched."""
    milliseconds: list[float] = field(default_factory=list)
    """CPU time of each choice's plans."""
    plans: list[int] = field(default_factory=list)
    """Number of each choice's plans."""


def choices(library: MemoryLibrary) -> Iterator[Figure]:
    """Yield the figures of journeys in directions that change, and of the drift, with and without runners-up."""
    ids = sorted(library.playable())
    starts = [ids[row] for row in np.random.default_rng(0).permutation(len(ids))[:_STARTS]]
    plain, chosen = (_journeys(library, starts, DIRECTIONS, with_runners_up=it) for it in (False, True))
    drifts = [_journeys(library, starts[:_HELD], (), with_runners_up=it) for it in (False, True)]
    progress = float(np.mean(chosen.progress) / np.mean(plain.progress))
    name = f"{_STEPS} steps in directions from each of {len(starts)} tracks"
    yield Figure(_BENCH, f"{name}: progress, against choosing without looking at joins", progress, "×", at_least=0.95)
    for what, pair in (("in directions", (plain, chosen)), ("of the drift", drifts)):
        for how, it in zip(("without looking at joins", "by joins"), pair, strict=True):
            share = it.matched / max(1, it.between_sure)
            yield Figure(_BENCH, f"steps {what} between sure beats that are beat-matched, chosen {how}", share, "share")
    yield Figure(_BENCH, "plans for a choice, most", max(chosen.plans), "", at_most=40)
    yield Figure(_BENCH, "planning a choice, median", float(np.median(chosen.milliseconds)), "ms")
    slow = float(np.quantile(chosen.milliseconds, 0.99))
    yield Figure(_BENCH, "planning a choice, 99 in 100 within", slow, "ms", at_most=50)


def _journeys(
    library: MemoryLibrary, starts: Sequence[str], directions: Sequence[str], *, with_runners_up: bool
) -> _Journeys:
    found, mix_tracks, looked_at = _Journeys(), MixTracks(), 0

    def mix_track(track: Track) -> MixTrack:
        nonlocal looked_at
        looked_at += 1
        return mix_tracks.of(track, library.analysis(track.id))

    for number, start in enumerate(starts):
        rng, journey, current = np.random.default_rng(number), with_played(Journey(number), start), library.get(start)
        for step in range(_STEPS):
            if directions and step % _HELD == 0:
                journey = replace(journey, direction=directions[int(rng.integers(len(directions)))])
            choice = choose_by_sound(library, library.space, replace(journey, draws=step), ())
            if choice is None or current is None:
                break
            if not with_runners_up:
                choice = replace(choice, runners_up=())
            looked_at, began = 0, time.process_time()
            plan = FollowRequest(current, 0, choice).plan(mix_track)
            found.milliseconds.append((time.process_time() - began) * 1e3)
            found.plans.append(looked_at - 2)
            better, taken = plan.better or plan.transition, plan.choice
            if mix_track(current).grid is not None and mix_track(taken.track).grid is not None:
                found.between_sure += 1
                found.matched += better.style == "beat-matched"
            found.progress += _progress(taken, journey)
            journey, current = with_played(journey, taken.track.id), taken.track
    return found


def _progress(choice: Choice, journey: Journey) -> list[float]:
    """Return the progress of a step, if it went in the direction that was asked for."""
    why = choice.why
    return [why.progress] if why is not None and why.direction == journey.direction else []
