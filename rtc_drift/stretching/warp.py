"""Which sample of a file is heard when its tempo is bent: a time map of straight pieces.

All lengths and positions are samples at 48 kHz; a speed is file samples per output sample (1.03 = 3 % faster).
Plain dataclasses, because worker processes import them too and must start quickly.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from typing import Self

REACH = 0.06
"""Tempi this far apart (a ratio) can be matched by stretching."""
SLOWEST, FASTEST = 1 - REACH, round(1 / (1 - REACH), 4)
"""How far a track's tempo is bent to match another's."""
SPEED_RANGE = (0.9, 1.12)
"""What a single piece may have: bars played by people are of different lengths."""
PLAIN = 4_800
"""The last 100 ms go at speed 1, so that the original can take over."""
GLIDE_STEPS = 32
SHORTEST_GLIDE = 9_600
"""200 ms."""

Knot = tuple[float, float]
"""`(output_sample, file_sample)`"""


@dataclass(frozen=True, slots=True)
class Warp:
    """A time map: straight between its knots, and going on straight before the first and after the last.

    The output starts at 0. Both samples rise from knot to knot. The last piece has speed 1, lasts at least 100 ms and
    ends in whole samples: there the original file goes on. Raises ValueError for anything else.
    """

    knots: tuple[Knot, ...]

    def __post_init__(self) -> None:
        if len(self.knots) < 2 or self.knots[0][0] != 0:
            raise ValueError("A warp has at least two knots, and its output starts at 0.")
        for (output, file), (next_output, next_file) in pairwise(self.knots):
            if not (output < next_output and file < next_file):
                raise ValueError("A warp goes forward only.")
            if not SPEED_RANGE[0] <= (next_file - file) / (next_output - output) <= SPEED_RANGE[1]:
                raise ValueError(f"A warp's speed lies between {SPEED_RANGE[0]} and {SPEED_RANGE[1]}.")
        (output, file), (last_output, last_file) = self.knots[-2:]
        if last_output != int(last_output) or last_file != int(last_file):
            raise ValueError("A warp ends in whole samples.")
        if last_output - output != last_file - file or last_output - output < PLAIN:
            raise ValueError("The last 100 ms of a warp have speed 1.")

    @classmethod
    def matched(cls, enter_at: int, ratio: float, overlap: int, glide: int) -> Self:
        """From the file's `enter_at` at speed `ratio` for `overlap` output samples; over `glide` more back to speed 1.

        Raises ValueError when the ratio is out of 0.94–1.0638, or the glide shorter than 0.2 s.
        """
        if not SLOWEST <= ratio <= FASTEST:
            raise ValueError(f"A tempo is bent by a ratio from {SLOWEST} to {FASTEST}, not {ratio:.4f}.")
        if overlap < 0:
            raise ValueError("An overlap is not negative.")
        start = [(0.0, float(enter_at))]
        if overlap > 0:
            start.append((float(overlap), enter_at + ratio * overlap))
        return cls((*start, *_glide(start[-1], ratio, glide)))

    @classmethod
    def from_beats(
        cls, outputs: Sequence[float], files: Sequence[float], glide: int, *, beats_per_bar: int = 4
    ) -> Self:
        """Each bar's first beat of the file (`files`) comes where the other track's does (`outputs`); then the glide.

        Both list the same beats in samples, the first of a bar first; the last one is met, too. The output starts at 0,
        at the first bar's speed. Raises ValueError when they don't fit.
        """
        if len(outputs) != len(files) or len(outputs) < 2:
            raise ValueError("Beats are matched in pairs, at least two.")
        if outputs[0] < 0:
            raise ValueError("The first matched beat comes in the output.")
        last = len(outputs) - 1
        chosen = [*range(0, last, beats_per_bar), last]
        beats = [(float(outputs[index]), float(files[index])) for index in chosen]
        if any(earlier[0] >= later[0] for earlier, later in pairwise(beats)):
            raise ValueError("A warp goes forward only.")
        if beats[0][0] > 0:
            beats.insert(0, (0.0, beats[0][1] - beats[0][0] * _speed(*beats[:2])))
        return cls((*beats, *_glide(beats[-1], _speed(*beats[-2:]), glide)))

    @property
    def length(self) -> int:
        """Of the output, in samples."""
        return int(self.knots[-1][0])

    @property
    def enters_at(self) -> float:
        """The file's sample that is heard first."""
        return self.knots[0][1]

    @property
    def resumes_at(self) -> int:
        """The file's sample with which the original goes on, at output sample `length`."""
        return int(self.knots[-1][1])

    def position_at(self, output_sample: float) -> float:
        """The file's sample heard at `output_sample`."""
        return _along(self.knots, output_sample, 0, 1)

    def output_at(self, file_sample: float) -> float:
        """When the file's `file_sample` is heard: the inverse of `position_at`."""
        return _along(self.knots, file_sample, 1, 0)


def _along(knots: tuple[Knot, ...], value: float, given: int, wanted: int) -> float:
    index = bisect_right(knots, value, 1, len(knots) - 1, key=itemgetter(given)) - 1
    start, end = knots[index], knots[index + 1]
    # From the nearer knot, so that both knots of a piece are met exactly.
    near = start if value - start[given] <= end[given] - value else end
    return near[wanted] + (value - near[given]) * (end[wanted] - start[wanted]) / (end[given] - start[given])


def _speed(start: Knot, end: Knot) -> float:
    return (end[1] - start[1]) / (end[0] - start[0])


def _glide(start: Knot, speed: float, glide: int) -> list[Knot]:
    """The knots after `start`: evenly from `speed` to 1 in `glide`, bent by under a sample to end on a whole one."""
    if glide < SHORTEST_GLIDE:
        raise ValueError(f"A glide takes at least {SHORTEST_GLIDE} samples, not {glide}.")
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
    knots.append((float(end + PLAIN), float(round(whole) + PLAIN)))
    return knots
