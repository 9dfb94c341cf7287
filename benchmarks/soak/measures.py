"""Pure functions over what a soak has recorded: gaps, lateness, slopes, and what a run is long enough to tell."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

LATE_EDGES_MS = np.concatenate([np.arange(0.1, 5.0, 0.1), np.arange(5.0, 101.0, 1.0)])
"""Upper edges of the bins in which late packets are counted; the last bin has no upper edge."""
BLOCKS = 12
"""Number of blocks whose means make a slope: neighbouring samples of memory say nearly the same."""


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time in seconds since the epoch, both ends included."""

    start: float
    end: float

    def touches(self, second: int) -> bool:
        """Return True if any part of a second lies in the window."""
        return self.start < second + 1 and second <= self.end


@dataclass(frozen=True, slots=True)
class Gap:
    """The longest gap of a span of time, in ms: by arrivals and by missing media."""

    arrival_ms: float
    media_ms: float

    @property
    def worst_ms(self) -> float:
        """The longer of the two."""
        return max(self.arrival_ms, self.media_ms)


@dataclass(frozen=True, slots=True)
class Slope:
    """A least-squares slope per hour and its standard error."""

    per_hour: float
    standard_error: float

    @property
    def surely_at_least(self) -> float:
        """The lower end of the interval of two standard errors: growth below it is no more than chance."""
        return self.per_hour - 2 * self.standard_error


def outside(seconds: Iterable[Mapping[str, Any]], windows: Sequence[Window]) -> list[Mapping[str, Any]]:
    """Return the records of seconds that no window touches."""
    return [it for it in seconds if not any(window.touches(it["second"]) for window in windows)]


def inside(seconds: Iterable[Mapping[str, Any]], window: Window) -> list[Mapping[str, Any]]:
    """Return the records of seconds that a window touches."""
    return [it for it in seconds if window.touches(it["second"])]


def happened_outside(events: Iterable[Mapping[str, Any]], windows: Sequence[Window]) -> list[Mapping[str, Any]]:
    """Return the events, each with its time `at`, that happened in no window."""
    return [it for it in events if not any(window.start <= it["at"] <= window.end for window in windows)]


def longest_gap(seconds: Iterable[Mapping[str, Any]], prefix: str = "") -> Gap:
    """Return the longest gap in records; `prefix` is `visitors_` for those who don't stay.

    A gap belongs to the second in which it ended. Somebody who waits still is as good as a gap that ends now.
    """
    gaps, missing = [0.0], [0.0]
    for it in seconds:
        gaps.append(it[f"{prefix}gap_ms"])
        missing.append(it[f"{prefix}missing_ms"])
        if not prefix:
            gaps.append(it["quiet_ms"])
    return Gap(max(gaps), max(missing))


def late_counts(seconds: Iterable[Mapping[str, Any]]) -> list[int]:
    """Return the number of packets in each bin of lateness, over all records."""
    counts = [0] * (len(LATE_EDGES_MS) + 1)
    for it in seconds:
        for number, count in it["late"].items():
            counts[int(number)] += count
    return counts


def late_percentile_ms(counts: Sequence[int], percent: float) -> float:
    """Return the lateness that `percent` of packets don't exceed, rounded up to the edge of a bin."""
    total = sum(counts)
    if not total:
        return 0.0
    reached = 0
    for number, count in enumerate(counts):
        reached += count
        if reached >= total * percent / 100:
            return float(LATE_EDGES_MS[min(number, len(LATE_EDGES_MS) - 1)])
    raise AssertionError("all bins together have all packets")


def later_than(counts: Sequence[int], ms: float) -> int:
    """Return the number of packets later than an edge of the bins."""
    return sum(counts[int(np.searchsorted(LATE_EDGES_MS, ms - 1e-6)) + 1 :])


def slope(times: Sequence[float], values: Sequence[float], lives: Sequence[object] | None = None) -> Slope | None:
    """Fit one slope per hour through samples; None if they are too few.

    Each of the `lives` (of a process that was replaced by another of its kind) has a level of its own. The means of up
    to `BLOCKS` blocks are fitted, so that the standard error is not that of samples which depend on each other.
    """
    lives = lives or [None] * len(times)
    points = _block_means(times, values, lives)
    levels = len({life for _, _, life in points})
    freedom = len(points) - levels - 1
    if freedom < 1:
        return None
    x, y = _without_levels(points)
    spread = float(np.dot(x, x))
    if not spread:
        return None
    per_second = float(np.dot(x, y)) / spread
    residual = float(np.sum((y - per_second * x) ** 2))
    return Slope(per_second * 3600, math.sqrt(residual / freedom / spread) * 3600)


def _block_means(
    times: Sequence[float], values: Sequence[float], lives: Sequence[object]
) -> list[tuple[float, float, object]]:
    size = max(1, -(-len(times) // BLOCKS))
    means = []
    for life in dict.fromkeys(lives):
        own = [(time, value) for time, value, of in zip(times, values, lives, strict=True) if of == life]
        for start in range(0, len(own), size):
            block = own[start : start + size]
            means.append((statistics.fmean(it[0] for it in block), statistics.fmean(it[1] for it in block), life))
    return means


def _without_levels(points: Sequence[tuple[float, float, object]]) -> tuple[Any, Any]:
    x, y = np.array([it[0] for it in points]), np.array([it[1] for it in points])
    for life in {it[2] for it in points}:
        own = np.array([it[2] == life for it in points])
        x[own] -= x[own].mean()
        y[own] -= y[own].mean()
    return x, y


def most_in_a_minute(times: Iterable[float]) -> int:
    """Return the largest number of times within any 60 s."""
    ordered, first, most = sorted(times), 0, 0
    for index, time in enumerate(ordered):
        while ordered[first] <= time - 60:
            first += 1
        most = max(most, index - first + 1)
    return most
