"""Downbeats: every fourth or third beat, where the bass is accented and the harmony changes."""

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.onsets import FRAME_RATE, Onsets

_THREE_MUST_WIN_BY = 0.15
"""Margin in autocorrelation by which three must win: most music is in four."""
_FEWEST_BEATS = 8


def find_downbeats(beats: NDArray[np.float64], onsets: Onsets, changes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return every fourth or third of the `beats`, `(n,)` in seconds; none if there are fewer than 8.

    `changes` is the change of harmony at each beat, `(n,)`.
    """
    if len(beats) < _FEWEST_BEATS:
        return beats[:0]
    accents = _standard(_at_beats(onsets.bass, beats) + 0.5 * _at_beats(onsets.low, beats))
    harmony = _standard(changes)
    salience = accents + 1.5 * harmony
    meter = _meter(_standard(accents + harmony), _standard(_at_beats(onsets.full, beats)))
    means = [float(salience[phase::meter].mean()) for phase in range(meter)]
    return beats[int(np.argmax(means)) :: meter]


def _at_beats(strength: NDArray[np.float32], beats: NDArray[np.float64]) -> NDArray[np.float64]:
    frames = np.clip(np.round(beats * FRAME_RATE).astype(int), 0, len(strength) - 1)
    padded = np.pad(strength, 3)
    return np.asarray(np.max([padded[frames + shift] for shift in range(7)], axis=0), np.float64)


def _meter(*sequences: NDArray[np.float64]) -> int:
    three = sum(_correlation(values, 3) + _correlation(values, 6) for values in sequences)
    four = sum(_correlation(values, 4) + _correlation(values, 8) for values in sequences)
    return 3 if three > four + 2 * len(sequences) * _THREE_MUST_WIN_BY else 4


def _correlation(values: NDArray[np.float64], lag: int) -> float:
    return float(np.mean(values[lag:] * values[:-lag])) if len(values) > lag else 0.0


def _standard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((values - values.mean()) / (values.std() + 1e-9))
