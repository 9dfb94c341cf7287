"""Beat on beat, bar on bar: the incoming track at the tempo of the outgoing one while both are heard."""

from collections.abc import Iterator
from dataclasses import dataclass

from rtc_drift.dj.mixing.grid import Grid, Passage
from rtc_drift.dj.mixing.level import excursion
from rtc_drift.dj.mixing.side import Side
from rtc_drift.dj.navigator.mixable import REACH
from rtc_drift.dj.plan import BassSwap, Transition
from rtc_drift.media import samples

EXACT_SECONDS = 0.004
"""By which beats may come apart over an overlap that is not stretched."""
_BARS = (16, 8, 4)
_USUAL_BARS = 8
_LONGEST_SECONDS = 34.0
_LARGEST_SHARE = 1 / 3
"""Of what either track has to give."""
_GLIDE_BARS = 8
_DECISIVE_LU = 0.5
_ENTRIES = 3
"""Bars at the beginning that are tried as entries."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    leave: Passage
    enter: Passage
    bars: int
    excursion: float

    @property
    def ratio(self) -> float:
        """Seconds of the incoming file by seconds of the programme."""
        return self.enter.length / self.leave.length

    @property
    def cost(self) -> float:
        """The less the loudness sways the better, then the nearer to the usual length."""
        sways = max(self.excursion - 1.0, 0.0) / _DECISIVE_LU
        return sways + abs(self.bars - _USUAL_BARS) / 16 - self.leave.start / 1e4


def matched(outgoing: Side, incoming: Side, earliest: float, *, may_stretch: bool) -> Transition | None:
    """The best way of mixing on the beat; None where there is none. `earliest`: where the outgoing may be left.

    Without stretching only tempi that are the same anyway will do.
    """
    if outgoing.grid is None or incoming.grid is None:
        return None
    if outgoing.grid.beats_per_bar != incoming.grid.beats_per_bar:
        return None
    candidates = [
        it
        for it in _candidates(outgoing, incoming, outgoing.grid, incoming.grid, earliest)
        if abs(it.ratio - 1) <= REACH and (may_stretch or abs(it.ratio - 1) * it.leave.length <= EXACT_SECONDS)
    ]
    if not candidates:
        return None
    return _transition(min(candidates, key=lambda it: it.cost), outgoing.grid, incoming.grid)


def _candidates(outgoing: Side, incoming: Side, leaving: Grid, entering: Grid, earliest: float) -> Iterator[_Candidate]:
    fold = folding(leaving.bpm, entering.bpm)
    ends = outgoing.level.fades_at(outgoing.last_sound)
    room = min(ends - earliest, incoming.last_sound - incoming.first_sound) * _LARGEST_SHARE
    for bars in _BARS:
        beats = bars * leaving.beats_per_bar
        if (beats * fold) % 1 or beats * 60 / leaving.bpm > min(room, _LONGEST_SECONDS):
            continue
        leave = _last_passage(leaving, beats, earliest, ends)
        if leave is None:
            continue
        for enter in _first_passages(entering, round(beats * fold), incoming):
            sways = excursion(
                outgoing.level, incoming.level, leave.start, enter.start, leave.length, enter.length / leave.length
            )
            yield _Candidate(leave, enter, bars, sways)


def folding(leaving_bpm: float, entering_bpm: float) -> float:
    """Beats of the incoming track for each of the outgoing one: ½, 1 or 2."""
    return min((0.5, 1.0, 2.0), key=lambda fold: abs(entering_bpm / (leaving_bpm * fold) - 1))


def _last_passage(grid: Grid, beats: int, earliest: float, ends: float) -> Passage | None:
    """The latest bars that are over when the music is."""
    for first in reversed(grid.downbeats):
        if grid.beats[first] < earliest:
            return None
        if first + beats >= len(grid.beats) or grid.beats[first + beats] > ends + 0.05:
            continue
        return grid.passage(first, beats)
    return None


def _first_passages(grid: Grid, beats: int, side: Side) -> Iterator[Passage]:
    starts = side.level.rises_at(side.first_sound) - 0.1
    firsts = [first for first in grid.downbeats if grid.beats[first] >= starts]
    for first in firsts[:_ENTRIES]:
        passage = grid.passage(first, beats)
        if passage is not None and passage.start >= 0:
            yield passage


def _transition(best: _Candidate, leaving: Grid, entering: Grid) -> Transition:
    length = samples(best.leave.length)
    beat = best.leave.period
    # One bass at a time: it changes hands within a beat, on the downbeat in the middle.
    middle = best.bars // 2 * leaving.beats_per_bar
    ratio = best.ratio if abs(best.ratio - 1) * best.leave.length > EXACT_SECONDS else 1.0
    change = f"{abs(ratio - 1):.1%} {'faster' if ratio > 1 else 'slower'}" if ratio != 1 else "at its own tempo"
    return Transition(
        "crossfade",
        leave_at=samples(best.leave.start),
        enter_at=samples(best.enter.start),
        duration=length,
        style="beat-matched",
        bars=best.bars,
        ratio=ratio,
        glide=samples(_GLIDE_BARS * entering.beats_per_bar * best.enter.period) if ratio != 1 else 0,
        bass=BassSwap(samples(middle * beat), samples(beat)),
        reasons=(
            f"Both beats are sure: {leaving.bpm:.1f} and {entering.bpm:.1f} BPM.",
            f"It comes in over {best.bars} bars, {change}.",
        ),
    )
