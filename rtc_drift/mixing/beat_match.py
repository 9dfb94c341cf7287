"""The beat-matched mix: beat on beat and bar on bar, the incoming track at the tempo of the outgoing one."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product

from rtc_drift.media import samples
from rtc_drift.mixing.beat_grid import BeatGrid, Passage
from rtc_drift.mixing.loudness_curve import SHAPES, UNNOTICED_LU, Shape, excursion
from rtc_drift.mixing.mix_track import MixTrack
from rtc_drift.mixing.model import BassSwap, Transition
from rtc_drift.stretching.warp import MAX_STRETCH

EXACT_SECONDS = 0.004
"""Greatest distance between beats at the end of an overlap that is not stretched."""
_BARS = (16, 8, 4)
"""Lengths of an overlap, in bars."""
_USUAL_BARS = 8
_MAX_SECONDS = 34.0
_MAX_SHARE = 1 / 3
"""Greatest share of either track's music that an overlap may take."""
_GLIDE_BARS = 8
"""Bars in which the incoming track returns to its own tempo."""
_PASSAGES = 2
"""Number of passages to try at the end of the outgoing track, and at the beginning of the incoming one."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    leave: Passage
    enter: Passage
    bars: int
    rank: int
    """Sum of the ranks of the two passages and of the shape: less is better."""
    shape: Shape
    excursion: float
    """In LU."""

    @property
    def ratio(self) -> float:
        """Seconds of the incoming file per second of the programme."""
        return self.enter.length / self.leave.length

    @property
    def cost(self) -> float:
        """Changes of loudness count most, then the difference from the usual length, then the rank."""
        return 2 * max(self.excursion - UNNOTICED_LU, 0.0) + abs(self.bars - _USUAL_BARS) / 16 + 0.05 * self.rank


def beat_match(outgoing: MixTrack, incoming: MixTrack, earliest: float, *, may_stretch: bool) -> Transition | None:
    """Return the best beat-matched transition; None if there is none.

    Args:
        outgoing: the outgoing track.
        incoming: the incoming track.
        earliest: the outgoing file is not left before this time, in seconds.
        may_stretch: False allows only equal tempi.
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
        if abs(ratio - 1) > MAX_STRETCH or not (may_stretch or abs(ratio - 1) * leave.length <= EXACT_SECONDS):
            continue
        for index, (hold, fade_in) in enumerate(SHAPES):
            length = leave.length
            shape = Shape(
                length, 0.0, hold * length, fade_in * length, bars // 2 * leaving.beats_per_bar * leave.period
            )
            change = excursion(outgoing.level, incoming.level, leave.start, enter.start, shape, ratio)
            yield _Candidate(leave, enter, bars, first + second + index, shape, change)


def _passages(
    outgoing: MixTrack, incoming: MixTrack, leaving: BeatGrid, entering: BeatGrid, earliest: float
) -> Iterator[tuple[int, int, int, tuple[Passage, Passage]]]:
    """Yield pairs of passages: bars of the overlap, the ranks of both passages (0 = preferred), and the passages."""
    multiple = _beat_multiple(leaving.bpm, entering.bpm)
    ends = outgoing.level.fades_at()
    room = min(ends - earliest, incoming.last_sound - incoming.first_sound) * _MAX_SHARE
    for bars in _BARS:
        beats = bars * leaving.beats_per_bar
        if (beats * multiple) % 1 or beats * 60 / leaving.bpm > min(room, _MAX_SECONDS):
            continue
        leaves = enumerate(_last_passages(leaving, beats, earliest, ends))
        enters = enumerate(_first_passages(entering, round(beats * multiple), incoming))
        for (first, leave), (second, enter) in product(leaves, enters):
            yield bars, first, second, (leave, enter)


def _beat_multiple(leaving_bpm: float, entering_bpm: float) -> float:
    """Return the number of beats of the incoming track per beat of the outgoing one: ½, 1 or 2."""
    return min((0.5, 1.0, 2.0), key=lambda multiple: abs(entering_bpm / (leaving_bpm * multiple) - 1))


def _last_passages(grid: BeatGrid, beats: int, earliest: float, ends: float) -> Iterator[Passage]:
    """Yield the last passage that ends with the music, and the one a bar earlier, if they are steady."""
    fitting = (
        first
        for first in reversed(grid.downbeats)
        if grid.beats[first] >= earliest
        and first + beats < len(grid.beats)
        and grid.beats[first + beats] <= ends + 0.05
    )
    for first in islice(fitting, _PASSAGES):
        passage = grid.passage(first, beats)
        if passage is not None:
            yield passage


def _first_passages(grid: BeatGrid, beats: int, incoming: MixTrack) -> Iterator[Passage]:
    """Yield the first passage of the music, and the one a bar later, if they are steady."""
    starts = incoming.level.rises_at() - 0.1
    firsts = (first for first in grid.downbeats if grid.beats[first] >= starts)
    for first in islice(firsts, _PASSAGES):
        passage = grid.passage(first, beats)
        if passage is not None and passage.start >= 0:
            yield passage


def _plan(best: _Candidate, leaving: BeatGrid, entering: BeatGrid) -> Transition:
    ratio = best.ratio if abs(best.ratio - 1) * best.leave.length > EXACT_SECONDS else 1.0
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
        # Only one bass at a time: the tracks swap it within a beat, on the downbeat in the middle.
        bass=BassSwap(samples(best.shape.bass_at or 0.0), samples(best.leave.period)),
        sways=best.excursion,
        reasons=(
            f"{best.bars}-bar beat mix{_tempo_change(ratio)}.",
            f"Both tracks have a clear beat: {leaving.bpm:.1f} and {entering.bpm:.1f} BPM.",
        ),
    )


def _tempo_change(ratio: float) -> str:
    """Return the change of tempo for people, such as ` at +1.2 %`; an empty string if it rounds to zero."""
    percent = (ratio - 1) * 100
    return f" at {percent:+.1f} %".replace("-", "−") if abs(percent) >= 0.05 else ""
