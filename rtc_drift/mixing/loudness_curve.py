"""The loudness of a track over time, as a whole and in three bands."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOMENT = 0.4
"""Window of momentary loudness in seconds (EBU R128)."""
_STEP = 0.2
"""Resolution in seconds."""
_FADED_LU = 14.0
"""So far below a track's own loudness its music counts as over, or not begun."""
_MOMENTS_BEFORE_END = 10
"""Number of moments before an ending with which it is compared."""
_AUDIBLE = 10**-3.3
"""Least audible power, relative to that of the whole track's loudness: 33 LU below it."""


class LoudnessCurve:
    """The power of each moment of a track, relative to that of its integrated loudness; 1 if the curve is unknown."""

    def __init__(
        self,
        momentary: Sequence[float],
        integrated: float,
        bass: Sequence[float],
        highs: Sequence[float],
        sounds: tuple[float, float],
    ) -> None:
        """Make the curve of a track.

        Args:
            momentary: LUFS of each 0.4 s; empty if unknown.
            integrated: LUFS of the whole track.
            bass: share of the bass in the power of each 0.4 s; empty if unknown.
            highs: share of the high band in the power of each 0.4 s; empty if unknown.
            sounds: first and last sound in seconds.
        """
        self._sounds = sounds
        self._powers = np.power(10, (np.array(momentary) - integrated) / 10) if len(momentary) else None
        self._bands = None if self._powers is None else _bands(self._powers, bass, highs)

    @property
    def is_known(self) -> bool:
        """True if the track is analysed."""
        return self._powers is not None

    def at(self, positions: Floats) -> Floats:
        """Return the power at each position (in seconds); 0 after the end of the track."""
        return np.asarray(self.bands_at(positions).sum(axis=-1))

    def bands_at(self, positions: Floats) -> Floats:
        """Return the power of each band at each position (in seconds), `(…, 3)`; 0 after the end of the track."""
        if self._bands is None:
            first, last = self._sounds
            sounds = (positions >= first) & (positions < last)
            return np.asarray(sounds[..., None] * np.array((0.0, 1.0, 0.0)))
        place = np.clip(positions / MOMENT - 0.5, 0, len(self._bands) - 1)
        before = place.astype(np.int64)
        share = (place - before)[..., None]
        after = np.minimum(before + 1, len(self._bands) - 1)
        levels = self._bands[before] * (1 - share) + self._bands[after] * share
        return np.asarray(levels * (positions <= (len(self._bands) - 0.5) * MOMENT)[..., None])

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


def _bands(powers: Floats, bass: Sequence[float], highs: Sequence[float]) -> Floats:
    """Return the power of each band at each moment, `(n, 3)`. All of an unknown share counts as mids."""
    low, high = (_as_long_as(powers, shares) for shares in (bass, highs))
    high = np.minimum(high, 1 - low)
    return np.asarray(powers[:, None] * np.stack((low, 1 - low - high, high), axis=1))


def _as_long_as(powers: Floats, shares: Sequence[float]) -> Floats:
    return np.resize(np.array(shares), len(powers)) if len(shares) else np.zeros(len(powers))
