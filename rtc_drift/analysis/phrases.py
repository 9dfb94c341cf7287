"""Phrases: bars in groups of 8, sometimes 4, 12 or 16, that begin where the music changes.

How new a bar is: the distance of the means of the bars before and after it (Foote 2000), where it peaks. Phrases are
the way through the track with the most new first bars and the most usual lengths, by dynamic programming.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEWEST_BARS = 8
_LENGTH_COSTS = {8: 0.0, 16: 0.3, 12: 0.7, 4: 1.0}
_ODD_COSTS = 2.5
"""Cost of a phrase of any other length, in the unit of `novelty`."""
_LONGEST = 16
_SHORT_COUNTS, _LONG_COUNTS = 1.0, 0.5
"""Weights of the novelty over two bars, and over four."""
_LEAST_UNREST, _UNREST_COUNTS = 2.0, 0.4
"""Decibels that are always needed for a change, and how much the usual distance of a bar from the next adds to them."""
_CLIPPED = (-1.0, 2.0)
"""Novelty that counts for the confidence, so that no single bar decides."""
_ENDING_BARS = 4
"""Bars at the end that don't count for it: a track that fades out or stops is new in each of them."""
_Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Phrases:
    """The phrases of a track."""

    starts: tuple[int, ...]
    """Number of the first bar of each phrase, the first bar of all included."""
    confidence: float
    """Mean lead in novelty of the first bars over those up to three bars beside them, 0–1."""
    unrest: float
    """Unit of the novelty, in the unit of the rows: what is clearly a change in this track."""


def find_phrases(bars: _Array) -> Phrases:
    """Return the phrases of bars, given as rows `(n, columns)`; n is at least 2."""
    unrest = _LEAST_UNREST + _UNREST_COUNTS * float(np.median(np.linalg.norm(np.diff(bars, axis=0), axis=1)))
    novelty = (_SHORT_COUNTS * _peaks(_changes(bars, 2), 1) + _LONG_COUNTS * _peaks(_changes(bars, 4), 2)) / unrest
    starts = _best_way(novelty)
    return Phrases(starts, _lead(novelty, starts), unrest)


def _changes(bars: _Array, reach: int) -> _Array:
    """Return the distance of the means of `reach` bars before and after each bar's start; 0 for the first."""
    count = np.arange(1, len(bars))
    sums = np.concatenate((np.zeros((1, bars.shape[1])), np.cumsum(bars, axis=0)))
    first, last = np.maximum(count - reach, 0), np.minimum(count + reach, len(bars))
    before = (sums[count] - sums[first]) / (count - first)[:, None]
    after = (sums[last] - sums[count]) / (last - count)[:, None]
    return np.concatenate(((0.0,), np.linalg.norm(after - before, axis=1)))


def _peaks(changes: _Array, reach: int) -> _Array:
    """Return how far each value is above those `reach` places before and after it."""
    padded = np.pad(changes, (reach, reach), mode="edge")
    return np.asarray(changes - (padded[: len(changes)] + padded[2 * reach :]) / 2)


def _best_way(novelty: _Array) -> tuple[int, ...]:
    """Return the first bars of the phrases with the greatest sum of novelty less costs. The last may be cut short."""
    costs = np.array([_LENGTH_COSTS.get(length, _ODD_COSTS) for length in range(_LONGEST, 0, -1)])
    count = len(novelty)
    total = np.full(_LONGEST + count + 1, -np.inf)
    total[_LONGEST] = 0.0
    lengths = np.zeros(count + 1, int)
    for bar in range(1, count + 1):
        is_end = bar == count
        ways = total[bar : bar + _LONGEST] - (np.minimum(costs, _LENGTH_COSTS[4]) if is_end else costs)
        best = int(np.argmax(ways))
        lengths[bar] = _LONGEST - best
        total[_LONGEST + bar] = ways[best] + (0.0 if is_end else novelty[bar])
    starts, bar = list[int](), count
    while bar > 0:
        bar -= int(lengths[bar])
        starts.append(bar)
    return tuple(starts[::-1])


def _lead(novelty: _Array, starts: tuple[int, ...]) -> float:
    inner = np.array([bar for bar in starts[1:] if bar < len(novelty) - _ENDING_BARS], int)
    if not len(inner):
        return 0.0
    clipped = np.clip(novelty, *_CLIPPED)
    others = [float(clipped[np.clip(inner + shift, 0, len(novelty) - 1)].mean()) for shift in (-3, -2, -1, 1, 2, 3)]
    return min(max(float(clipped[inner].mean()) - max(others), 0.0), 1.0)
