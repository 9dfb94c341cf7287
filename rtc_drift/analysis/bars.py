"""The bars of a track as rows that can be compared: how each sounds, in decibels and what is as different as a decibel.

Low bands and drums count most: a bass that enters, or drums that pause, change the music more than a melody.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.key import FRAME_RATE as CHROMA_RATE
from rtc_drift.analysis.onsets import FRAME_RATE, Onsets
from rtc_drift.analysis.spectrum_trace import SPECTRUM_RATE, decibels

_FAINTEST_DECIBELS = -80.0
_LOW_BANDS, _LOW_COUNTS = 5, 4.0
"""Bands below 700 Hz, and how much they count."""
_CHROMA_COUNTS, _DRUMS_COUNT = 2.0, 6.0
"""Decibels that are as different as other pitch classes, and as no drums and the usual ones."""
_USUAL = 0.75
"""Share of the bars with less onset strength than the usual."""
_Array = NDArray[np.float64]


def describe_bars(downbeats: _Array, levels: NDArray[np.uint8], chroma: NDArray[np.float32], onsets: Onsets) -> _Array:
    """Return a row for each bar, `(bars, 34)`; the last bar is as long as the one before.

    `downbeats` in seconds, at least two; `levels` are those of the spectrum trace.
    """
    edges = np.append(downbeats, 2 * downbeats[-1] - downbeats[-2])
    counts = np.ones(levels.shape[1])
    counts[:_LOW_BANDS] = _LOW_COUNTS
    spectra = np.maximum(decibels(_means(levels, edges * SPECTRUM_RATE)), _FAINTEST_DECIBELS)
    pitches = _means(chroma, edges * CHROMA_RATE)
    pitches /= np.maximum(np.linalg.norm(pitches, axis=1, keepdims=True), 1e-9)
    strengths = np.concatenate([_means(it[:, None], edges * FRAME_RATE) for it in (onsets.full, onsets.kick)], axis=1)
    usual = np.maximum(np.quantile(strengths, _USUAL, axis=0), 1e-9)
    return np.concatenate(
        (
            spectra * counts / np.linalg.norm(counts),
            _CHROMA_COUNTS * pitches,
            _DRUMS_COUNT * np.minimum(strengths / usual, 2),
        ),
        axis=1,
    )


def _means(values: NDArray[np.generic], edges: _Array) -> _Array:
    """Return the mean of the rows from each edge to the next, `(edges - 1, columns)`; the nearest row for none."""
    rows = np.clip(np.round(edges).astype(int), 0, len(values) - 1).tolist()
    return np.array([values[first : max(last, first + 1)].mean(axis=0) for first, last in pairwise(rows)])
