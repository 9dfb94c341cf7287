"""The warp: a map, in straight pieces, from samples of a stretched output to samples of the file.

All lengths and positions are samples at 48 kHz; a speed is file samples per output sample (1.03 = 3 % faster).
Plain dataclasses, because worker processes import them too and must start quickly.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from typing import Self

MAX_STRETCH = 0.06
"""Largest difference of two tempi (as a ratio) that stretching can match."""
SLOWEST, FASTEST = 1 - MAX_STRETCH, round(1 / (1 - MAX_STRETCH), 4)
"""Range of speeds at which a track is played to match another one's tempo."""
SPEED_RANGE = (0.9, 1.12)
"""Speeds that a single piece may have: the bars of human players differ in length."""
TAIL = 4_800
"""Samples (100 ms) at the end that have speed 1, so that the original can take over."""
GLIDE_STEPS = 32
"""Number of straight pieces of a glide."""
SHORTEST_GLIDE = 9_600
"""Shortest glide, in samples (200 ms)."""

Knot = tuple[float, float]
"""An output sample and a file sample."""


@dataclass(frozen=True, slots=True)
class Warp:
    """A map that is straight between its knots, and goes on straight before the first and after the last.

    The output starts at 0. Both samples rise from knot to knot. If it `returns`, the last piece has speed 1, lasts at
    least 100 ms and ends at whole samples: there the original file takes over. Raises ValueError for anything else.
    """

    knots: tuple[Knot, ...]
    returns: bool = True
    """True for a stretched intro; False for a stretched ending, which follows on the original file."""

    def __post_init__(self) -> None:
        if len(self.knots) < 2 or self.knots[0][0] != 0:
            raise ValueError("A warp needs at least two knots, and its output must start at 0.")
        for (output, file), (next_output, next_file) in pairwise(self.knots):
            if not (output < next_output and file < next_file):
                raise ValueError("A warp must go forward.")
            if not SPEED_RANGE[0] <= (next_file - file) / (next_output - output) <= SPEED_RANGE[1]:
                raise ValueError(f"A warp's speed must lie between {SPEED_RANGE[0]} and {SPEED_RANGE[1]}.")
        if not self.returns:
            return
        (output, file), (last_output, last_file) = self.knots[-2:]
        if last_output != int(last_output) or last_file != int(last_file):
            raise ValueError("A warp must end at whole samples.")
        if last_output - output != last_file - file or last_output - output < TAIL:
            raise ValueError("The last 100 ms of a warp must have speed 1.")

    @classmethod
    def matched(cls, enter_at: int, ratio: float, overlap: int, glide: int) -> Self:
        """Return a warp of speed `ratio` from the file's `enter_at` on.

        That lasts for `overlap` output samples; over `glide` more the speed returns to 1. Raises ValueError if the
        ratio is outside 0.94–1.0638, or the glide is shorter than 0.2 s.
        """
        if not SLOWEST <= ratio <= FASTEST:
            raise ValueError(f"The tempo ratio must lie between {SLOWEST} and {FASTEST}; it is {ratio:.4f}.")
        if overlap < 0:
            raise ValueError("The overlap must not be negative.")
        start = [(0.0, float(enter_at))]
        if overlap > 0:
            start.append((float(overlap), enter_at + ratio * overlap))
        return cls((*start, *_glide(start[-1], ratio, glide)))

    @classmethod
    def from_beats(
        cls, outputs: Sequence[float], files: Sequence[float], glide: int, *, beats_per_bar: int = 4
    ) -> Self:
        """Return a warp that moves the first beat of each bar in the file (`files`) to the other track's (`outputs`).

        Both list the same beats in samples, beginning with the first of a bar; the last one is matched too. The glide
        follows. The output starts at 0, at the first bar's speed. Raises ValueError if the beats don't fit.
        """
        if len(outputs) != len(files) or len(outputs) < 2:
            raise ValueError("The matched beats must be pairs, at least two.")
        if outputs[0] < 0:
            raise ValueError("The first matched beat must not lie before the output.")
        last = len(outputs) - 1
        chosen = [*range(0, last, beats_per_bar), last]
        beats = [(float(outputs[index]), float(files[index])) for index in chosen]
        if any(earlier[0] >= later[0] for earlier, later in pairwise(beats)):
            raise ValueError("A warp must go forward.")
        if beats[0][0] > 0:
            beats.insert(0, (0.0, beats[0][1] - beats[0][0] * _speed(*beats[:2])))
        return cls((*beats, *_glide(beats[-1], _speed(*beats[-2:]), glide)))

    @classmethod
    def leaving(cls, outputs: Sequence[float], files: Sequence[float]) -> Self:
        """Return the warp of a stretched ending that plays the file's samples `files` at `outputs`, the first at 0.

        Raises ValueError if they don't fit.
        """
        return cls(tuple((float(a), float(b)) for a, b in zip(outputs, files, strict=True)), returns=False)

    @property
    def length(self) -> int:
        """Length of the output, in samples."""
        return int(self.knots[-1][0])

    @property
    def enters_at(self) -> float:
        """First sample of the file that is played."""
        return self.knots[0][1]

    @property
    def resumes_at(self) -> int:
        """Sample of the file with which the original goes on, at output sample `length`; the last one if none does."""
        return int(self.knots[-1][1])

    def position_at(self, output_sample: float) -> float:
        """Return the file's sample at `output_sample`."""
        return _interpolate(self.knots, output_sample, 0, 1)

    def output_at(self, file_sample: float) -> float:
        """Return the output sample at `file_sample`: the inverse of `position_at`."""
        return _interpolate(self.knots, file_sample, 1, 0)


def _interpolate(knots: tuple[Knot, ...], value: float, given: int, sought: int) -> float:
    index = bisect_right(knots, value, 1, len(knots) - 1, key=itemgetter(given)) - 1
    start, end = knots[index], knots[index + 1]
    # Computed from the nearer knot, so that the result is exact at both knots of a piece.
    near = start if value - start[given] <= end[given] - value else end
    return near[sought] + (value - near[given]) * (end[sought] - start[sought]) / (end[given] - start[given])


def _speed(start: Knot, end: Knot) -> float:
    return (end[1] - start[1]) / (end[0] - start[0])


def _glide(start: Knot, speed: float, glide: int) -> list[Knot]:
    """Return the knots after `start`: evenly from `speed` to 1 in `glide` samples, then the tail.

    The speeds are changed by less than a sample in all, so that the glide ends at a whole one.
    """
    if glide < SHORTEST_GLIDE:
        raise ValueError(f"The glide must have at least {SHORTEST_GLIDE} samples; it has {glide}.")
    end = round(start[0] + glide)
    span = end - start[0]
    whole = start[1] + span * (1 + speed) / 2
    rest = round(whole) - whole
    knots: list[Knot] = []
    for step in range(1, GLIDE_STEPS):
        share = step / GLIDE_STEPS
        file = start[1] + span * share * (speed + (1 - speed) * share / 2) + rest * share
        knots.append((start[0] + span * share, file))
    knots.append((float(end), float(round(whole))))
    knots.append((float(end + TAIL), float(round(whole) + TAIL)))
    return knots
