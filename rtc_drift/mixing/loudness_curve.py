"""How loud a track is along the way, and what that makes of an overlap."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOMENT = 0.4
"""Seconds of momentary loudness (EBU R128)."""
_WINDOW = 3.0
"""Seconds of short-term loudness (EBU R128)."""
_AROUND = 10.0
"""Seconds before and after a transition to whose loudness it is held."""
_STEP = 0.2
UNHEARD_LU = 0.4
"""A swaying of loudness that nobody minds."""
_FADED_LU = 14.0
"""Below its own loudness a track is not music to wait for."""
_BEFORE = 10
"""Moments before an ending that tell how loud it was."""
_SILENCE = 1e-7
_AUDIBLE = 10**-3.3
"""Power by that of the whole track's loudness: 33 LU below it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How two tracks overlap, in seconds of the programme from where the outgoing one is left."""

    length: float
    """Until the outgoing track is gone."""
    delay: float = 0.0
    """Until the incoming track begins."""
    hold: float = 0.0
    """Until the outgoing track begins to fade."""
    fade_in: float = 0.0
    """How long the incoming track takes to be there."""
    bass_at: float | None = None
    """When the bass changes hands; None = never: both have theirs."""


SHAPES = ((0.0, 1.0), (0.0, 0.5), (0.25, 0.75), (0.5, 0.5))
"""Shares of an overlap: before the outgoing track begins to fade, and until the incoming one is there."""


class LoudnessCurve:
    """Power of each moment of a track by that of its whole loudness; 1 where it is not known."""

    def __init__(
        self, momentary: Sequence[float], integrated: float, bass: Sequence[float], sounds: tuple[float, float]
    ) -> None:
        """`momentary` in LUFS each 0.4 s, `bass` its share in that, maybe empty; `sounds` from and to, in seconds."""
        self._sounds = sounds
        self._powers = np.power(10, (np.array(momentary) - integrated) / 10) if len(momentary) else None
        self._bass = np.array(bass)

    @property
    def is_known(self) -> bool:
        """Whether it was listened to."""
        return self._powers is not None

    def at(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Power around each position in seconds, 0 outside of the track."""
        if self._powers is None:
            first, last = self._sounds
            return np.asarray((positions >= first) & (positions < last), np.float64)
        centres = (np.arange(len(self._powers)) + 0.5) * MOMENT
        return np.asarray(np.interp(positions, centres, self._powers, left=self._powers[0], right=0.0))

    def without_bass(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """What is left of that power without the bass."""
        if not len(self._bass):
            return self.at(positions)
        centres = (np.arange(len(self._bass)) + 0.5) * MOMENT
        return np.asarray(self.at(positions) * (1 - np.interp(positions, centres, self._bass)))

    def fades_at(self) -> float:
        """From where on it stays far below its own loudness, in seconds; the last sound if it doesn't."""
        loud = self._loud_moments()
        return min(self._sounds[1], (int(loud[-1]) + 1) * MOMENT) if len(loud) else self._sounds[1]

    def rises_at(self) -> float:
        """From where on it is not far below its own loudness, in seconds; the first sound if nothing is known."""
        loud = self._loud_moments()
        return max(self._sounds[0], int(loud[0]) * MOMENT) if len(loud) else self._sounds[0]

    def ends_cold(self) -> bool:
        """Whether it is about as loud as ever until a second before its end."""
        end = self._sounds[1]
        return float(self.at(np.arange(end - 3.0, end - 1.0, _STEP)).mean()) > 0.25

    def stops(self) -> bool:
        """Whether its music is over within a moment, and something is to be heard of it afterwards.

        What takes longer is a fade; what is silent at once has been cut off.
        """
        loud = self._loud_moments()
        if self._powers is None or not len(loud) or not 2 <= loud[-1] < len(self._powers) - 1:
            return False
        end = int(loud[-1]) + 1
        before = float(self._powers[max(end - 2 - _BEFORE, 0) : end - 2].mean())
        is_sudden = float(self._powers[end - 2 : end].max()) > before / 2
        return is_sudden and float(self._powers[end]) > _AUDIBLE

    def is_audible(self, until: float) -> bool:
        """Whether there is still something to be heard right before a position, in seconds."""
        return bool(self.at(np.array([until - MOMENT / 2]))[0] > _AUDIBLE)

    def _loud_moments(self) -> NDArray[np.int64]:
        if self._powers is None:
            return np.zeros(0, np.int64)
        return np.flatnonzero(self._powers > 10 ** (-_FADED_LU / 10))


def excursion(
    outgoing: LoudnessCurve, incoming: LoudnessCurve, leave: float, enter: float, shape: Shape, ratio: float = 1.0
) -> float:
    """By how many LU short-term loudness leaves, in an overlap, the band that it spans before and after.

    What `tests/measures/loudness.py` measures, foreseen by the tracks' momentary loudness; 0 where neither is known.
    """
    if not (outgoing.is_known or incoming.is_known):
        return 0.0
    ends = max(shape.length, shape.delay + shape.fade_in)
    time = np.arange(-_AROUND, ends + _AROUND, _STEP) + _STEP / 2
    since = time - shape.delay
    entered = np.where(since < 0, -1.0, enter + np.clip(since, 0, ends) * ratio + np.maximum(since - ends, 0))
    fading = _falling(time - shape.hold, shape.length - shape.hold)
    rising = 1 - _falling(since, shape.fade_in)
    leaving, entering = outgoing.at(leave + time), incoming.at(entered)
    if shape.bass_at is not None:
        leaving = np.where(time < shape.bass_at, leaving, outgoing.without_bass(leave + time))
        entering = np.where(time < shape.bass_at, incoming.without_bass(entered), entering)
    power = leaving * fading + np.where(since < 0, 0.0, entering) * rising
    return _outside_the_band(power, ends)


def _falling(since: NDArray[np.float64], length: float) -> NDArray[np.float64]:
    """Power of a quarter-sine fade-out: from 1 to 0."""
    if length <= 0:
        return np.asarray(since < 0, np.float64)
    return np.asarray(np.cos(np.pi / 2 * np.clip(since / length, 0, 1)) ** 2)


def _outside_the_band(power: NDArray[np.float64], ends: float) -> float:
    width = round(_WINDOW / _STEP)
    sums = np.concatenate(((0.0,), np.cumsum(power)))
    loudness = 10 * np.log10((sums[width:] - sums[:-width]) / width + _SILENCE)
    begins = np.arange(len(loudness)) * _STEP - _AROUND
    outside = (begins + _WINDOW <= 1e-6) | (begins >= ends - 1e-6)
    within = loudness[(begins + _WINDOW > 1e-6) & (begins < ends)]
    band = loudness[outside & (loudness > -40)]
    if not len(band) or not len(within):
        return 0.0
    return float(max(within.max() - band.max(), band.min() - within.min(), 0.0))
