"""The beat-matched mix: beat on beat, bar on bar and, where possible, phrase on phrase.

Of all overlaps that can be bent onto each other the cheapest is taken. First every overlap gets a cost: for phrases,
music given away, length, tempo, and for how chords and mids clash. Then the loudness of the best ones is predicted, in
each shape that the three bands can have.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtc_drift.media import samples
from rtc_drift.mixing import bending, clash
from rtc_drift.mixing.mix_track import MixTrack
from rtc_drift.mixing.model import Transition
from rtc_drift.mixing.overlaps import Overlaps, find_overlaps, find_overlaps_at
from rtc_drift.mixing.predicted_loudness import excursions, loudness_cost
from rtc_drift.mixing.shapes import USUAL_MID, Shape, banded

Floats = NDArray[np.float64]

USUAL_BARS = 8
# Costs are in the unit of `loudness_cost`.
_PHRASE_COST = 0.7
"""Cost of each track that does not begin a phrase with the overlap."""
_LANDING_COST = 0.15
"""Cost if the overlap does not end with a phrase of the outgoing track."""
_RISE_COST = 0.25
"""Cost if the drums of the incoming track don't come in as the overlap ends."""
_GIVEN_AWAY_COST = 0.03
"""Cost of each second of music that nobody hears."""
_LENGTH_COST = 1 / 16
"""Cost of each bar more or less than usual."""
_TEMPO_COST = 6.0
"""Cost of a tempo that differs by all of it: 0.06 for each percent."""
_UNSTEADY_COST = 100.0
"""Cost of each second of deviation of attacks and counted beats: 0.1 for each millisecond."""
_SOFT_COST = 1.0
"""Cost of a beat of either track on which nothing is struck, as a share of all."""
_HARMONY_WEIGHT, _ACTIVITY_WEIGHT = 8.0, 2.0
_SHAPE_COST = 0.05
"""Cost of each shape after the preferred one."""
_MOST_CANDIDATES = 12
"""Overlaps whose loudness is predicted."""
_SHARES = (np.arange(clash.POINTS) + 0.5) / clash.POINTS
_SOUND = clash.together(_SHARES, *USUAL_MID) / clash.POINTS
_CROSSING_SHARES, _TOGETHER = _SHARES[_SOUND > 1e-9], _SOUND[_SOUND > 1e-9]
"""The moments of an overlap at which both mids are heard, and how much of them."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An overlap, the shape that suits it, and what it costs."""

    overlap: Overlaps
    """One row."""
    shape: Shape
    excursion: float
    """In LU."""
    cost: float


def beat_match(outgoing: MixTrack, incoming: MixTrack, earliest: float, *, may_stretch: bool) -> Transition | None:
    """Return the best beat-matched transition; None if there is none.

    Args:
        outgoing: the outgoing track.
        incoming: the incoming track.
        earliest: the outgoing file is not left before this time, in seconds.
        may_stretch: False allows only equal tempi.
    """
    return _best(outgoing, incoming, find_overlaps(outgoing, incoming, earliest), may_stretch=may_stretch)


def beat_match_at(
    outgoing: MixTrack, incoming: MixTrack, since: float, until: float, *, may_stretch: bool
) -> Transition | None:
    """Return the best beat-matched transition of a few bars that begins between two seconds of the outgoing file.

    None if there is none. Without `may_stretch` only equal tempi are matched.
    """
    return _best(outgoing, incoming, find_overlaps_at(outgoing, incoming, since, until), may_stretch=may_stretch)


def _best(
    outgoing: MixTrack, incoming: MixTrack, possible: Iterable[Overlaps], *, may_stretch: bool
) -> Transition | None:
    """Return the transition of the cheapest of the possible overlaps; None without one."""
    found = list[tuple[Floats, Overlaps]]()
    for overlaps in possible:
        if not may_stretch:
            overlaps = overlaps.of(np.flatnonzero(bending.are_equal(overlaps.out_times, overlaps.in_times)))
        if len(overlaps):
            found.append((_costs(outgoing, incoming, overlaps), overlaps))
    candidates = list(_shaped(outgoing, incoming, found))
    return _plan(min(candidates, key=lambda it: it.cost), outgoing, incoming) if candidates else None


def _costs(outgoing: MixTrack, incoming: MixTrack, overlaps: Overlaps) -> Floats:
    """Return the cost of each overlap before its shape and loudness are known."""
    cost = _PHRASE_COST * (2 - overlaps.phrases) + _LANDING_COST * ~overlaps.lands + _RISE_COST * ~overlaps.rises
    cost = cost + _GIVEN_AWAY_COST * (overlaps.given_out + overlaps.given_in)
    cost += _LENGTH_COST * abs(overlaps.bars - USUAL_BARS) + _TEMPO_COST * np.abs(overlaps.ratios - 1)
    cost += _UNSTEADY_COST * overlaps.unsteady + _SOFT_COST * overlaps.soft
    here, there = (_at_shares(lines, _CROSSING_SHARES) for lines in (overlaps.out_times, overlaps.in_times))
    cost += _HARMONY_WEIGHT * outgoing.harmony.dissonance(incoming.harmony, here, there) @ _TOGETHER
    cost += _ACTIVITY_WEIGHT * clash.activity(outgoing.level, incoming.level, here, there) @ _TOGETHER
    return np.asarray(cost)


def _at_shares(lines: Floats, shares: Floats) -> Floats:
    """Return the seconds at some shares of overlaps, `(n, shares)`. Between their ends they count as straight."""
    return np.asarray(lines[:, :1] + (lines[:, -1:] - lines[:, :1]) * shares)


def _shaped(outgoing: MixTrack, incoming: MixTrack, found: list[tuple[Floats, Overlaps]]) -> Iterator[_Candidate]:
    """Yield the cheapest overlaps in every shape."""
    if not found:
        return
    every = np.sort(np.concatenate([costs for costs, _ in found]))
    limit = every[min(_MOST_CANDIDATES, len(every)) - 1]
    for costs, overlaps in found:
        rows = np.flatnonzero(costs <= limit)[:_MOST_CANDIDATES]
        if len(rows):
            yield from _with_loudness(outgoing, incoming, costs[rows], overlaps.of(rows))


def _with_loudness(outgoing: MixTrack, incoming: MixTrack, costs: Floats, overlaps: Overlaps) -> Iterator[_Candidate]:
    """Yield each of some overlaps, with their costs so far, in every shape."""
    rows = range(len(costs))
    each = [(row, number, shape) for row in rows for number, shape in enumerate(_shapes(outgoing, overlaps, row))]
    of = np.array([row for row, _, _ in each])
    changes = excursions(
        outgoing.level,
        incoming.level,
        overlaps.out_times[of, 0],
        overlaps.in_times[of, 0],
        [shape for _, _, shape in each],
        overlaps.ratios[of],
    )
    for (row, number, shape), change in zip(each, changes.tolist(), strict=True):
        cost = float(costs[row]) + _SHAPE_COST * number + loudness_cost(change)
        yield _Candidate(overlaps.of(np.array([row])), shape, change, cost)


def _shapes(outgoing: MixTrack, overlaps: Overlaps, row: int) -> Iterator[Shape]:
    assert outgoing.grid is not None
    lines = bending.bar_lines(overlaps.out_times[row], overlaps.in_times[row])
    middle = overlaps.bars // 2
    beat = (lines[middle + 1] - lines[middle]) / outgoing.grid.beats_per_bar
    yield from banded(float(lines[-1]), float(lines[middle]), float(beat))


def _plan(best: _Candidate, outgoing: MixTrack, incoming: MixTrack) -> Transition:
    overlap, shape = best.overlap, best.shape
    leaving, entering = outgoing.grid, incoming.grid
    assert leaving is not None and entering is not None
    bent = bending.bend(overlap.out_times[0], overlap.in_times[0])
    change = float(overlap.ratios[0]) if bent.lead is not None else 1.0
    length = bent.lead_out.length if bent.lead_out is not None else samples(bent.length)
    return Transition(
        "crossfade",
        leave_at=samples(float(overlap.out_times[0, 0])),
        enter_at=samples(float(overlap.in_times[0, 0])),
        duration=length,
        style="beat-matched",
        hold=length,
        fade_in=0,
        bands=shape.band_plan(),
        bars=overlap.bars,
        ratio=bent.ratio,
        outgoing_ratio=bent.outgoing_ratio,
        lead_warp=bent.lead,
        lead_out_warp=bent.lead_out,
        sways=best.excursion,
        cost=best.cost,
        reasons=(
            f"{overlap.bars}-bar beat mix{_tempo_change(change)}{_phrases(overlap)}.",
            f"Both tracks have a clear beat: {leaving.bpm:.1f} and {entering.bpm:.1f} BPM.",
        ),
    )


def _tempo_change(ratio: float) -> str:
    """Return the change of tempo for people, such as ` at +1.2 %`; an empty string if it rounds to zero."""
    percent = (ratio - 1) * 100
    return f" at {percent:+.1f} %".replace("-", "−") if abs(percent) >= 0.05 else ""


def _phrases(overlap: Overlaps) -> str:
    return ", phrase on phrase" if overlap.phrases[0] == 2 else ""
