"""How loud a track is along the way, and what that makes of an overlap."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_SILENCE = -70.0
_FADED_LU = 14.0
"""Below its own loudness a track is not music to wait for."""


_WINDOW = 3
"""Seconds of short-term loudness (EBU R128)."""


@dataclass(frozen=True)
class Level:
    """Short-term loudness at the end of each whole second, LUFS; where that is unknown, the loudness of all."""

    curve: Sequence[float]
    integrated: float

    def __post_init__(self) -> None:
        # The first window is full after three seconds: before that nothing is known but what it says then.
        if len(self.curve) >= _WINDOW:
            first = self.curve[_WINDOW - 1]
            object.__setattr__(self, "curve", (*((first,) * (_WINDOW - 1)), *self.curve[_WINDOW - 1 :]))

    def at(self, position: float) -> float:
        """LUFS around a position in seconds, relative to the whole track's loudness: LU."""
        if not self.curve:
            return 0.0
        # The value of second s is that of a window centred on s - 0.5.
        place = min(max(position + 0.5, 0.0), len(self.curve) - 1.0)
        whole = int(place)
        after = self.curve[min(whole + 1, len(self.curve) - 1)]
        lufs = self.curve[whole] + (after - self.curve[whole]) * (place - whole)
        return max(lufs, _SILENCE) - self.integrated

    def fades_at(self, last_sound: float) -> float:
        """From where on it stays far below its own loudness, in seconds; the last sound if it doesn't."""
        if not self.curve or self.integrated <= _SILENCE:
            return last_sound
        loud = [second for second, lufs in enumerate(self.curve) if lufs > self.integrated - _FADED_LU]
        # A window that is loud enough holds sound up to its end.
        return min(last_sound, loud[-1] + 1.0) if loud else last_sound

    def rises_at(self, first_sound: float) -> float:
        """From where on it is not far below its own loudness, in seconds."""
        if not self.curve or self.integrated <= _SILENCE:
            return first_sound
        loud = next((second for second, lufs in enumerate(self.curve) if lufs > self.integrated - _FADED_LU), 0)
        return max(first_sound, loud + 1.0 - _WINDOW)


def excursion(outgoing: Level, incoming: Level, leave: float, enter: float, length: float, ratio: float = 1.0) -> float:
    """By how many LU the sum of an equal-power overlap leaves the band between what is before and what comes after."""
    before, after = outgoing.at(leave - _WINDOW / 2), incoming.at(enter + length * ratio + _WINDOW / 2)
    lowest, highest = min(before, after), max(before, after)
    worst = 0.0
    steps = max(int(length), 4)
    for step in range(1, steps):
        share = step / steps
        fading, rising = math.cos(math.pi / 2 * share) ** 2, math.sin(math.pi / 2 * share) ** 2
        power = fading * 10 ** (outgoing.at(leave + share * length) / 10)
        power += rising * 10 ** (incoming.at(enter + share * length * ratio) / 10)
        level = 10 * math.log10(power + 1e-12)
        worst = max(worst, lowest - level, level - highest)
    return worst
