"""Finds where two tracks can be played together, bar on bar: the last bars of one, the first bars of the other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtc_drift.mixing.beat_grid import BeatGrid
from rtc_drift.mixing.mix_track import MixTrack
from rtc_drift.stretching.warp import FASTEST, SLOWEST

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

BARS = (16, 8, 4)
"""Lengths of an overlap, in bars."""
SKIP_BARS = (4,)
"""Lengths of an overlap when somebody asks for another track, in bars."""
SEARCHED_BARS = 32
"""Bars at the end of the outgoing track, and at the beginning of the incoming one, on which an overlap may start."""
MAX_STEP = 0.015
"""Greatest difference in speed of a bar from the one before."""
MAX_SECONDS = 34.0
"""Greatest length of an overlap."""
MAX_SHARE = 1 / 3
"""Greatest share of either track's music that may not be heard alone: the overlap, and what is given away."""
_TOLERANCE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Overlaps of the same number of bars; every array has a row for each."""

    bars: int
    out_times: Floats
    """Bar lines of the outgoing track in seconds of its file, `(n, bars + 1)`."""
    in_times: Floats
    """Bar lines of the incoming track that fall on them, in seconds of its file, `(n, bars + 1)`."""
    given_out: Floats
    """Seconds of the outgoing track's music after the overlap, which nobody hears, `(n,)`."""
    given_in: Floats
    """Seconds of the incoming track's music before the overlap, `(n,)`."""
    phrases: Floats
    """Number of tracks that begin a phrase with the overlap, `(n,)`: 0, 1 or 2."""
    lands: NDArray[np.bool_]
    """True where the overlap ends with a phrase of the outgoing track, `(n,)`."""
    unsteady: Floats
    """Deviation of both tracks' attacks and counted beats from smooth ones, in seconds (root mean square), added up."""
    soft: Floats
    """Share of both tracks' beats without an attack, added up, `(n,)`: 0 to 1."""
    rises: NDArray[np.bool_]
    """True where the incoming track's drums come in as the overlap ends, `(n,)`."""

    def __len__(self) -> int:
        return len(self.out_times)

    @property
    def ratios(self) -> Floats:
        """Seconds of the incoming file per second of the outgoing one, `(n,)`."""
        spans = (self.in_times[:, -1] - self.in_times[:, 0]) / (self.out_times[:, -1] - self.out_times[:, 0])
        return np.asarray(spans)

    def of(self, rows: Indices) -> "Overlaps":
        """Return some of the rows."""
        return Overlaps(
            self.bars,
            self.out_times[rows],
            self.in_times[rows],
            self.given_out[rows],
            self.given_in[rows],
            self.phrases[rows],
            self.lands[rows],
            self.unsteady[rows],
            self.soft[rows],
            self.rises[rows],
        )


@dataclass(frozen=True, slots=True)
class _Side:
    """The passages of one track: indices of their first beats, and their bar lines in seconds."""

    grid: BeatGrid
    beats_per_bar: int
    """Beats in a bar of the outgoing track: of an incoming track at half the tempo, twice its own."""
    firsts: Indices
    lines: Floats
    """`(n, bars + 1)`"""

    def of(self, rows: Indices) -> "_Side":
        """Return some of the passages."""
        return _Side(self.grid, self.beats_per_bar, self.firsts[rows], self.lines[rows])


def find_overlaps(outgoing: MixTrack, incoming: MixTrack, earliest: float) -> Iterator[Overlaps]:
    """Yield the possible overlaps at the end of a track, for each number of bars.

    The outgoing file is not left before second `earliest`.
    """
    ends = outgoing.level.fades_at()
    room, most = ((ends - since) * MAX_SHARE for since in (earliest, outgoing.first_sound))
    rises, stops = incoming.level.rises_at(), outgoing.level.stops()
    for bars, leaving, entering in _sides(outgoing, incoming, rises, BARS):
        first, last = leaving.lines[:, 0], leaving.lines[:, -1]
        fits = (first >= earliest) & (last <= ends + _TOLERANCE_SECONDS) & (last - first <= min(MAX_SECONDS, room))
        fits &= (ends - last <= room) & (ends - first <= most)
        if stops:  # its last chord is part of the music
            fits &= ends - last < _bar_seconds(leaving.grid)
        fitting = leaving.of(np.flatnonzero(fits)[-SEARCHED_BARS:])
        yield _pairs(bars, fitting, entering, ends, rises)


def find_overlaps_at(outgoing: MixTrack, incoming: MixTrack, since: float, until: float) -> Iterator[Overlaps]:
    """Yield the possible overlaps of `SKIP_BARS` that begin between two seconds of the outgoing file."""
    ends, rises = outgoing.level.fades_at(), incoming.level.rises_at()
    for bars, leaving, entering in _sides(outgoing, incoming, rises, SKIP_BARS):
        first, last = leaving.lines[:, 0], leaving.lines[:, -1]
        fitting = leaving.of(np.flatnonzero((first >= since) & (first <= until) & (last <= ends + _TOLERANCE_SECONDS)))
        # Somebody wants to leave: what is left of the outgoing track is not given away.
        yield _pairs(bars, fitting, entering, since, rises)


def _sides(
    outgoing: MixTrack, incoming: MixTrack, rises: float, lengths: Sequence[int]
) -> Iterator[tuple[int, _Side, _Side]]:
    """Yield for each number of bars the passages of the outgoing track, and the first ones of the incoming track.

    The music of the incoming track rises at second `rises` of its file.
    """
    leaving, entering = outgoing.grid, incoming.grid
    if leaving is None or entering is None or leaving.beats_per_bar != entering.beats_per_bar:
        return
    beats_in = leaving.beats_per_bar * beat_multiple(leaving.bpm, entering.bpm)
    if beats_in % 1:
        return
    room = (incoming.last_sound - rises) * MAX_SHARE
    for bars in lengths:
        ins = _side(entering, bars, round(beats_in))
        fits = (ins.lines[:, 0] >= max(rises - 0.1, 0.0)) & (ins.lines[:, -1] - rises <= room)
        yield bars, _side(leaving, bars, leaving.beats_per_bar), ins.of(np.flatnonzero(fits)[:SEARCHED_BARS])


def beat_multiple(leaving_bpm: float, entering_bpm: float) -> float:
    """Return the number of beats of the incoming track per beat of the outgoing one: ½, 1 or 2."""
    return min((0.5, 1.0, 2.0), key=lambda multiple: abs(entering_bpm / (leaving_bpm * multiple) - 1))


def _side(grid: BeatGrid, bars: int, beats_per_bar: int) -> _Side:
    firsts = grid.downbeats[grid.can_be_matched(grid.downbeats, bars * beats_per_bar)]
    return _Side(grid, beats_per_bar, firsts, grid.smooth.times[firsts[:, None] + np.arange(bars + 1) * beats_per_bar])


def _bar_seconds(grid: BeatGrid) -> float:
    return grid.beats_per_bar * 60 / grid.bpm


def _pairs(bars: int, leaving: _Side, entering: _Side, ends: float, rises: float) -> Overlaps:
    """Return all pairs of passages whose bars can be bent onto each other."""
    speeds = np.diff(entering.lines, axis=1)[None] / np.diff(leaving.lines, axis=1)[:, None]
    possible = (speeds >= SLOWEST).all(axis=2) & (speeds <= FASTEST).all(axis=2)
    possible &= (np.abs(np.diff(speeds, axis=2)) <= MAX_STEP).all(axis=2)
    out_row, in_row = np.nonzero(possible)
    leaves, enters = leaving.firsts[out_row], entering.firsts[in_row]
    out_times, in_times = leaving.lines[out_row], entering.lines[in_row]
    struck_out, deviation_out = leaving.grid.steadiness(leaves, bars * leaving.beats_per_bar)
    struck_in, deviation_in = entering.grid.steadiness(enters, bars * entering.beats_per_bar)
    begins_out, begins_in = leaving.grid.begins_phrase, entering.grid.begins_phrase
    return Overlaps(
        bars,
        out_times,
        in_times,
        given_out=np.maximum(ends - out_times[:, -1], 0),
        given_in=np.maximum(in_times[:, 0] - rises, 0),
        phrases=begins_out[leaves].astype(float) + begins_in[enters],
        lands=begins_out[leaves + bars * leaving.grid.beats_per_bar],
        unsteady=deviation_out + deviation_in,
        soft=2 - struck_out - struck_in,
        rises=entering.grid.begins_body[enters + bars * entering.beats_per_bar],
    )
