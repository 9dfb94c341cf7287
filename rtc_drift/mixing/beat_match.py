"""Beat on beat, bar on bar: the incoming track at the tempo of the outgoing one while both are heard."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product

from rtc_drift.media import samples
from rtc_drift.mixing.beat_grid import BeatGrid, Passage
from rtc_drift.mixing.loudness_curve import SHAPES, UNHEARD_LU, Shape, excursion
from rtc_drift.mixing.mix_track import MixTrack
from rtc_drift.mixing.model import BassSwap, Transition
from rtc_drift.stretching.warp import REACH

EXACT_SECONDS = 0.004
"""By which beats may come apart over an overlap that is not stretched."""
_BARS = (16, 8, 4)
_USUAL_BARS = 8
_LONGEST_SECONDS = 34.0
_LARGEST_SHARE = 1 / 3
"""Of what either track has to give."""
_GLIDE_BARS = 8
_BARS_TO_CHOOSE_FROM = 2
"""The last at the end of the one, the first at the beginning of the other."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    leave: Passage
    enter: Passage
    bars: int
    number: int
    """Of bars that are given away, and of the shape: the fewer the better."""
    shape: Shape
    excursion: float

    @property
    def ratio(self) -> float:
        """Seconds of the incoming file by seconds of the programme."""
        return self.enter.length / self.leave.length

    @property
    def cost(self) -> float:
        """The less the loudness sways the better, then the nearer to the usual length."""
        return 2 * max(self.excursion - UNHEARD_LU, 0.0) + abs(self.bars - _USUAL_BARS) / 16 + 0.05 * self.number


def matched(outgoing: MixTrack, incoming: MixTrack, earliest: float, *, may_stretch: bool) -> Transition | None:
    """The best way of mixing on the beat; None where there is none. `earliest`: where the outgoing may be left.

    Without stretching only tempi that are the same anyway will do.
    """
    if outgoing.grid is None or incoming.grid is None:
        return None
    if outgoing.grid.beats_per_bar != incoming.grid.beats_per_bar:
        return None
    candidates = list(_candidates(outgoing, incoming, outgoing.grid, incoming.grid, earliest, may_stretch))
    return _plan(min(candidates, key=lambda it: it.cost), outgoing.grid, incoming.grid) if candidates else None


def _candidates(
    outgoing: MixTrack, incoming: MixTrack, leaving: BeatGrid, entering: BeatGrid, earliest: float, may_stretch: bool
) -> Iterator[_Candidate]:
    for bars, first, second, (leave, enter) in _passages(outgoing, incoming, leaving, entering, earliest):
        ratio = enter.length / leave.length
        if abs(ratio - 1) > REACH or not (may_stretch or abs(ratio - 1) * leave.length <= EXACT_SECONDS):
            continue
        for number, (hold, fade_in) in enumerate(SHAPES):
            length = leave.length
            shape = Shape(
                length, 0.0, hold * length, fade_in * length, bars // 2 * leaving.beats_per_bar * leave.period
            )
            sways = excursion(outgoing.level, incoming.level, leave.start, enter.start, shape, ratio)
            yield _Candidate(leave, enter, bars, first + second + number, shape, sways)


def _passages(
    outgoing: MixTrack, incoming: MixTrack, leaving: BeatGrid, entering: BeatGrid, earliest: float
) -> Iterator[tuple[int, int, int, tuple[Passage, Passage]]]:
    """Bars of the overlap, how many bars the passages are from the end and the beginning, and the passages."""
    fold = folding(leaving.bpm, entering.bpm)
    ends = outgoing.level.fades_at()
    room = min(ends - earliest, incoming.last_sound - incoming.first_sound) * _LARGEST_SHARE
    for bars in _BARS:
        beats = bars * leaving.beats_per_bar
        if (beats * fold) % 1 or beats * 60 / leaving.bpm > min(room, _LONGEST_SECONDS):
            continue
        leaves = enumerate(_last_passages(leaving, beats, earliest, ends))
        enters = enumerate(_first_passages(entering, round(beats * fold), incoming))
        for (first, leave), (second, enter) in product(leaves, enters):
            yield bars, first, second, (leave, enter)


def folding(leaving_bpm: float, entering_bpm: float) -> float:
    """Beats of the incoming track for each of the outgoing one: ½, 1 or 2."""
    return min((0.5, 1.0, 2.0), key=lambda fold: abs(entering_bpm / (leaving_bpm * fold) - 1))


def _last_passages(grid: BeatGrid, beats: int, earliest: float, ends: float) -> Iterator[Passage]:
    """The latest bars that are over when the music is, and those a bar before."""
    fitting = (
        first
        for first in reversed(grid.downbeats)
        if grid.beats[first] >= earliest
        and first + beats < len(grid.beats)
        and grid.beats[first + beats] <= ends + 0.05
    )
    for first in islice(fitting, _BARS_TO_CHOOSE_FROM):
        passage = grid.passage(first, beats)
        if passage is not None:
            yield passage


def _first_passages(grid: BeatGrid, beats: int, side: MixTrack) -> Iterator[Passage]:
    """The first bars of the music, and those a bar behind."""
    starts = side.level.rises_at() - 0.1
    firsts = (first for first in grid.downbeats if grid.beats[first] >= starts)
    for first in islice(firsts, _BARS_TO_CHOOSE_FROM):
        passage = grid.passage(first, beats)
        if passage is not None and passage.start >= 0:
            yield passage


def _plan(best: _Candidate, leaving: BeatGrid, entering: BeatGrid) -> Transition:
    ratio = best.ratio if abs(best.ratio - 1) * best.leave.length > EXACT_SECONDS else 1.0
    change = f"{abs(ratio - 1):.1%} {'faster' if ratio > 1 else 'slower'}" if ratio != 1 else "at its own tempo"
    return Transition(
        "crossfade",
        leave_at=samples(best.leave.start),
        enter_at=samples(best.enter.start),
        duration=samples(best.leave.length),
        style="beat-matched",
        hold=samples(best.shape.hold),
        fade_in=samples(best.shape.fade_in),
        bars=best.bars,
        ratio=ratio,
        glide=samples(_GLIDE_BARS * entering.beats_per_bar * best.enter.period) if ratio != 1 else 0,
        # One bass at a time: it changes hands within a beat, on the downbeat in the middle.
        bass=BassSwap(samples(best.shape.bass_at or 0.0), samples(best.leave.period)),
        sways=best.excursion,
        reasons=(
            f"Both beats are sure: {leaving.bpm:.1f} and {entering.bpm:.1f} BPM.",
            f"It comes in over {best.bars} bars, {change}.",
        ),
    )
