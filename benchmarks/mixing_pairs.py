"""How many pairs of a library's tracks can be beat-matched, and what a plan costs."""

import itertools
import time
from collections.abc import Iterator

import numpy as np

from benchmarks.figures import Figure
from rtc_drift.mixing import MixTrack, plan_transition
from rtc_drift.mixing.overlaps import beat_multiple
from rtc_drift.rendering import MemoryLibrary
from rtc_drift.stretching.warp import MAX_STRETCH

_BENCH = "mixing"
_MOST_PAIRS = 1_000
"""Pairs that are planned; of more, some are drawn."""


def pairs(library: MemoryLibrary) -> Iterator[Figure]:
    """Yield the figures of all pairs with sure beats whose tempi, folded by octaves, lie within 6 %."""
    tracks = [MixTrack(track, library.analysis(track.id)) for track in library.playable().values()]
    sure = [track for track in tracks if track.grid is not None]
    found = [pair for pair in itertools.permutations(sure, 2) if _is_near(*pair)]
    yield Figure(_BENCH, "tracks with a sure beat", len(sure), f"of {len(tracks)}")
    yield Figure(_BENCH, "pairs of these within ±6 % of tempo", len(found), "")
    if not found:
        return
    drawn = np.random.default_rng(0).permutation(len(found))[:_MOST_PAIRS]
    costs, matched = list[float](), 0
    for number in drawn.tolist():
        outgoing, incoming = found[number]
        began = time.process_time()
        plan = plan_transition(outgoing, incoming, 0)
        costs.append((time.process_time() - began) * 1e3)
        matched += plan.style == "beat-matched"
    yield Figure(_BENCH, "pairs beat-matched", matched / len(drawn), "share", at_least=0.75)
    yield Figure(_BENCH, "planning a transition, median", float(np.median(costs)), "ms", at_most=15)
    yield Figure(_BENCH, f"planning a transition, worst of {len(drawn):,}", max(costs), "ms", at_most=60)


def _is_near(outgoing: MixTrack, incoming: MixTrack) -> bool:
    assert outgoing.grid is not None and incoming.grid is not None
    here, there = outgoing.grid.bpm, incoming.grid.bpm
    return abs(there / (here * beat_multiple(here, there)) - 1) <= MAX_STRETCH
