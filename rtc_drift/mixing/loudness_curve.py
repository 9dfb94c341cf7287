"""The loudness of a track over time, and the loudness to expect in an overlap of two tracks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOMENT = 0.4
"""Window of momentary loudness in seconds (EBU R128)."""
_WINDOW = 3.0
"""Window of short-term loudness in seconds (EBU R128)."""
_CONTEXT_SECONDS = 10.0
"""Time before and after a transition with which its loudness is compared."""
_STEP = 0.2
"""Resolution in seconds."""
UNNOTICED_LU = 0.4
"""Excursion of loudness that nobody notices."""
_FADED_LU = 14.0
"""So far below a track's own loudness its music counts as over, or not begun."""
_MOMENTS_BEFORE_END = 10
"""Number of moments before an ending with which it is compared."""
_SILENCE = 1e-7
_AUDIBLE = 10**-3.3
"""Least audible power, relative to that of the whole track's loudness: 33 LU below it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of an overlap. All times in seconds of the programme, from where the outgoing track is left."""

    length: float
    """End of the outgoing track."""
    delay: float = 0.0
    """Start of the incoming track."""
    hold: float = 0.0
    """Start of the outgoing track's fade-out."""
    fade_in: float = 0.0
    """Length of the incoming track's fade-in."""
    bass_at: float | None = None
    """Time at which the bass is swapped; None = never: both tracks keep theirs."""


SHAPES = ((0.0, 1.0), (0.0, 0.5), (0.25, 0.75), (0.5, 0.5))
"""Shares of an overlap: before the outgoing track's fade-out, and for the incoming track's fade-in."""


class LoudnessCurve:
    """The power of each moment of a track, relative to that of its integrated loudness; 1 if the curve is unknown."""

    def __init__(
        self, momentary: Sequence[float], integrated: float, bass: Sequence[float], sounds: tuple[float, float]
    ) -> None:
        """Make the curve of a track.

        Args:
            momentary: LUFS of each 0.4 s; empty if unknown.
            integrated: LUFS of the whole track.
            bass: share of the bass in the power of each 0.4 s; empty if unknown.
            sounds: first and last sound in seconds.
        """
        self._sounds = sounds
        self._powers = np.power(10, (np.array(momentary) - integrated) / 10) if len(momentary) else None
        self._bass = np.array(bass)

    @property
    def is_known(self) -> bool:
        """True if the track is analysed."""
        return self._powers is not None

    def at(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the power at each position (in seconds); 0 after the end of the track."""
        if self._powers is None:
            first, last = self._sounds
            return np.asarray((positions >= first) & (positions < last), np.float64)
        centres = (np.arange(len(self._powers)) + 0.5) * MOMENT
        return np.asarray(np.interp(positions, centres, self._powers, left=self._powers[0], right=0.0))

    def without_bass(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the power at each position (in seconds) without the bass."""
        if not len(self._bass):
            return self.at(positions)
        centres = (np.arange(len(self._bass)) + 0.5) * MOMENT
        return np.asarray(self.at(positions) * (1 - np.interp(positions, centres, self._bass)))

    def fades_at(self) -> float:
        """Return the second after which the track stays far below its own loudness; the last sound if it never does."""
        loud = self._loud_moments()
        return min(self._sounds[1], (int(loud[-1]) + 1) * MOMENT) if len(loud) else self._sounds[1]

    def rises_at(self) -> float:
        """Return the first second that is not far below the track's own loudness; the first sound if unknown."""
        loud = self._loud_moments()
        return max(self._sounds[0], int(loud[0]) * MOMENT) if len(loud) else self._sounds[0]

    def ends_cold(self) -> bool:
        """Return True if the track keeps its loudness until a second before its end."""
        end = self._sounds[1]
        return float(self.at(np.arange(end - 3.0, end - 1.0, _STEP)).mean()) > 0.25

    def stops(self) -> bool:
        """Return True if the music stops within a moment (0.4 s) and then rings on audibly.

        A longer ending is a fade; one that is silent at once was cut off.
        """
        loud = self._loud_moments()
        if self._powers is None or not len(loud) or not 2 <= loud[-1] < len(self._powers) - 1:
            return False
        end = int(loud[-1]) + 1
        before = float(self._powers[max(end - 2 - _MOMENTS_BEFORE_END, 0) : end - 2].mean())
        is_sudden = float(self._powers[end - 2 : end].max()) > before / 2
        return is_sudden and float(self._powers[end]) > _AUDIBLE

    def is_audible(self, until: float) -> bool:
        """Return True if the track is audible right before the second `until`."""
        return bool(self.at(np.array([until - MOMENT / 2]))[0] > _AUDIBLE)

    def _loud_moments(self) -> NDArray[np.int64]:
        """Return the indices of the moments that are not far below the track's own loudness."""
        if self._powers is None:
            return np.zeros(0, np.int64)
        return np.flatnonzero(self._powers > 10 ** (-_FADED_LU / 10))


def excursion(
    outgoing: LoudnessCurve, incoming: LoudnessCurve, leave: float, enter: float, shape: Shape, ratio: float = 1.0
) -> float:
    """Return how far (in LU) short-term loudness leaves, in an overlap, the range that it has before and after.

    Predicts the measure of `tests/support/measures/loudness.py` from momentary loudness; 0 if neither is known.

    Args:
        outgoing: loudness of the outgoing track.
        incoming: loudness of the incoming track.
        leave: second of the outgoing file at which the overlap starts.
        enter: second of the incoming file at which it enters.
        shape: the shape of the overlap.
        ratio: speed of the incoming track during the overlap.
    """
    if not (outgoing.is_known or incoming.is_known):
        return 0.0
    ends = max(shape.length, shape.delay + shape.fade_in)
    time = np.arange(-_CONTEXT_SECONDS, ends + _CONTEXT_SECONDS, _STEP) + _STEP / 2
    since = time - shape.delay
    entered = np.where(since < 0, -1.0, enter + np.clip(since, 0, ends) * ratio + np.maximum(since - ends, 0))
    fading = _falling(time - shape.hold, shape.length - shape.hold)
    rising = 1 - _falling(since, shape.fade_in)
    leaving, entering = outgoing.at(leave + time), incoming.at(entered)
    if shape.bass_at is not None:
        leaving = np.where(time < shape.bass_at, leaving, outgoing.without_bass(leave + time))
        entering = np.where(time < shape.bass_at, incoming.without_bass(entered), entering)
    power = leaving * fading + np.where(since < 0, 0.0, entering) * rising
    return _outside_the_range(power, ends)


def _falling(since: NDArray[np.float64], length: float) -> NDArray[np.float64]:
    """Return the power of a quarter-sine fade-out of `length` seconds, `since` seconds after its start: from 1 to 0."""
    if length <= 0:
        return np.asarray(since < 0, np.float64)
    return np.asarray(np.cos(np.pi / 2 * np.clip(since / length, 0, 1)) ** 2)


def _outside_the_range(power: NDArray[np.float64], ends: float) -> float:
    """Return how far (in LU) loudness from second 0 to `ends` leaves its range outside of it; `power` is the mix's."""
    width = round(_WINDOW / _STEP)
    sums = np.concatenate(((0.0,), np.cumsum(power)))
    loudness = 10 * np.log10((sums[width:] - sums[:-width]) / width + _SILENCE)
    begins = np.arange(len(loudness)) * _STEP - _CONTEXT_SECONDS
    outside = (begins + _WINDOW <= 1e-6) | (begins >= ends - 1e-6)
    within = loudness[(begins + _WINDOW > 1e-6) & (begins < ends)]
    usual = loudness[outside & (loudness > -40)]
    if not len(usual) or not len(within):
        return 0.0
    return float(max(within.max() - usual.max(), usual.min() - within.min(), 0.0))
