"""Computes by how much to turn the bins of each frame, so that partials go on smoothly between frames. Pure numpy."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rtc_drift.stretching.frames import HOP, NO_ATTACK, WINDOW, Frames, Indexes

BINS = WINDOW // 2 + 1

_LOOK_BACK = 8
"""Frames of history: that many frames ago, an attack in the window was not in it yet."""
_FRESH = 4.0
"""Ratio of a peak's power to that before the attack, above which the peak counts as part of the attack."""
_TURN = 2 * np.pi
_BIN_RADIANS = np.arange(BINS, dtype=np.float64) * (_TURN / WINDOW)
"""Turn of each bin's middle frequency per sample."""

Floats = NDArray[np.float64]
Powers = NDArray[np.float32]
Spectra = NDArray[np.complex64]
"""`(frames, 2, BINS)`"""
Phasors = NDArray[np.complex64]
"""`(frames, BINS)`"""


@dataclass(frozen=True, slots=True)
class _Peaks:
    """The spectral peaks of some frames, in one list; the first of each frame is DC."""

    rows: Indexes
    """Frame of each peak, `(p,)`."""
    bins: Indexes
    """Bin of each peak, `(p,)`."""
    begins: Indexes
    """Index in the list of each frame's first peak, and the length of the list, `(frames + 1,)`."""
    nearest: Indexes
    """Index in the list of the peak that a bin belongs to, `(frames, BINS)`."""


@dataclass(slots=True)
class _Last:
    """State after the last frame of the previous batch."""

    spectra: Spectra
    powers: Powers
    """Powers of the last `_LOOK_BACK` frames."""
    nearest: Indexes
    turns: Floats
    is_fresh: NDArray[np.bool_]


class Phases:
    """Phases of the frames of one stretch, computed in order, some frames at a time."""

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._last = _Last(
            spectra=np.zeros((1, 2, BINS), np.complex64),
            powers=np.zeros((_LOOK_BACK, BINS), np.float32),
            nearest=np.zeros((1, BINS), np.int64),
            turns=np.zeros(1),
            is_fresh=np.zeros(1, bool),
        )

    def factors(self, start: int, spectra: Spectra) -> Phasors:
        """Return the factors for the file's spectra from frame `start` on: `(frames, BINS)`. They turn phases only."""
        last, frames = self._last, self._frames
        rows = slice(start, start + len(spectra))
        powers = np.concatenate((last.powers, (spectra.real**2 + spectra.imag**2).sum(axis=1)))
        peaks = _find_peaks(powers[_LOOK_BACK:])
        references = frames.references[rows]
        in_powers = np.where(references == NO_ATTACK, NO_ATTACK, references - start + _LOOK_BACK)
        is_fresh = _find_fresh(peaks, powers, in_powers)
        is_fresh &= peaks.rows < frames.return_ends - start
        radians = _radians(peaks, np.concatenate((last.spectra, spectra)), frames.hops[rows])
        turns = self._turns(start, peaks, radians, is_fresh)
        phasors = _exp(turns)[peaks.nearest]
        for number in np.unique(peaks.rows[is_fresh]).tolist():
            # What came with an attack is only moved, a little, within the frame.
            shifted = is_fresh[peaks.nearest[number]]
            phasors[number, shifted] = _shift(int(frames.shifts[start + number]))[shifted]
        begin = peaks.begins[-2]
        self._last = _Last(
            spectra=spectra[-1:].copy(),
            powers=powers[-_LOOK_BACK:],
            nearest=peaks.nearest[-1:] - begin,
            turns=turns[begin:],
            is_fresh=is_fresh[begin:],
        )
        return phasors

    def _turns(self, start: int, peaks: _Peaks, radians: Floats, is_fresh: NDArray[np.bool_]) -> Floats:
        """Return the turn of each peak: that of the same place in the frame before, plus that of the other hop."""
        last, frames = self._last, self._frames
        known = len(last.turns)
        turns = np.concatenate((last.turns, np.zeros(len(radians))))
        freshness = np.concatenate((last.is_fresh, is_fresh))
        parents = np.concatenate((last.nearest, peaks.nearest[:-1] + known))[peaks.rows, peaks.bins]
        more = radians * (HOP - frames.hops[start + peaks.rows])
        for index, begin, end in zip(range(start, frames.return_ends), peaks.begins, peaks.begins[1:], strict=False):
            if index == 0:
                continue
            these = slice(begin, end)
            turn = turns[parents[these]]
            is_shifted = freshness[parents[these]]
            if is_shifted.any():
                turn[is_shifted] = _BIN_RADIANS[peaks.bins[these][is_shifted]] * frames.shifts[index - 1]
            turn += more[these]
            if index >= frames.return_begins:
                remaining = frames.outputs[frames.return_ends] - frames.outputs[index]
                remaining -= frames.centres[frames.return_ends] - frames.centres[index]
                turn -= _wrapped(turn + radians[these] * remaining) / (frames.return_ends - index + 1)
            turn[0] = 0
            turns[known + begin : known + end] = _wrapped(turn)
        return turns[known:]


def _find_peaks(powers: Powers) -> _Peaks:
    middle = powers[:, 2:-2]
    is_peak = np.zeros(powers.shape, bool)
    is_peak[:, 2:-2] = middle > np.maximum(powers[:, 1:-3], powers[:, :-4])
    is_peak[:, 2:-2] &= middle >= np.maximum(powers[:, 3:-1], powers[:, 4:])
    is_peak[:, 0] = True
    places = np.flatnonzero(is_peak)
    rows, bins = np.divmod(places, BINS)
    is_dc = bins == 0
    borders = np.empty(len(places) + 1, np.int64)
    borders[1:-1] = (places[:-1] + places[1:] + 1) // 2
    borders[1:][is_dc] = places[is_dc] + 1  # DC has no neighbours
    borders[:-1][is_dc] = places[is_dc]
    borders[-1] = powers.size
    nearest = np.repeat(np.arange(len(places)), np.diff(borders)).reshape(powers.shape)
    return _Peaks(rows, bins, np.append(np.flatnonzero(is_dc), len(places)), nearest)


def _radians(peaks: _Peaks, spectra: Spectra, hops: Indexes) -> Floats:
    """Return how far each peak turns per sample, `(p,)`; `spectra` has one more frame, before the others."""
    flat = spectra.ravel()
    left = peaks.rows * (2 * BINS) + peaks.bins
    right = left + BINS
    advances = np.angle(
        flat[left + 2 * BINS] * flat[left].conj() + flat[right + 2 * BINS] * flat[right].conj()
    )  # of both channels together
    middles, hops_there = _BIN_RADIANS[peaks.bins], hops[peaks.rows]
    return middles + _wrapped(advances - middles * hops_there) / hops_there


def _find_fresh(peaks: _Peaks, powers: Powers, references: Indexes) -> NDArray[np.bool_]:
    """Return which peaks came with the attack in their frame, `(p,)`. `references` are rows of `powers`."""
    result = np.zeros(len(peaks.bins), bool)
    is_known = (references >= 0) & (references < np.arange(len(references)) + _LOOK_BACK)
    chosen = np.flatnonzero(is_known[peaks.rows])
    rows, bins = peaks.rows[chosen], peaks.bins[chosen]
    earlier = references[rows]
    before = np.maximum(powers[earlier, np.maximum(bins - 1, 0)], powers[earlier, bins])
    before = np.maximum(before, powers[earlier, bins + 1])
    result[chosen] = powers[rows + _LOOK_BACK, bins] > _FRESH * before
    return result


@lru_cache(maxsize=256)
def _shift(samples: int) -> Phasors:
    """Return the factors, `(BINS,)`, that move a frame's content ahead by `samples`."""
    return _exp(_BIN_RADIANS * samples)


def _exp(radians: Floats) -> Phasors:
    result = np.empty(radians.shape, np.complex64)
    result.real, result.imag = np.cos(radians), np.sin(radians)
    return result


def _wrapped(radians: Floats) -> Floats:
    """Return angles within ±π."""
    return radians - _TURN * np.rint(radians / _TURN)
