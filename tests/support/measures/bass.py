"""The bass of an overlap: two basses at once make it boom."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from rtc_drift.media import SAMPLE_RATE, Audio

HERTZ = 120.0
"""Upper end of the bass."""
_RATE = 1_000
"""Samples per second to which the bass is reduced."""
_EVERY = SAMPLE_RATE // _RATE
_POOL = 8
"""Samples averaged first. Sound around 6 kHz, which this aliases into the bass, is 33 dB lower."""
_TAPS = 252
"""Length of the low-pass after it: 6 dB down at 120 Hz, 40 dB at 170 Hz."""
_WINDOW, _HOP = 400, 100
"""Milliseconds."""
_HAVING_DB = 6.0
_NOTHING_DB = -100.0
_FULL = 0.95
_BLOCK = 10 * _RATE
_Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DoubleBass:
    """The bass in an overlap."""

    excess_db: float
    """The mix's loudest 400 ms of bass over the louder part's full level outside; negative: bass is missing."""
    both_seconds: float
    """How long both parts had their bass, each within 6 dB of its usual level."""


def double_bass(first: Audio, second: Audio, mix: Audio, start: int, end: int) -> DoubleBass:
    """Measure the bass while `second` takes over from `first`, between the samples `start` and `end` of the mix.

    Both parts must be as they are in the mix, and as long. A part's full level is the 95th percentile of its windows
    outside the overlap, its usual level the median of those less than 20 dB below. So some seconds of each are needed
    outside, and a part with louder bass inside than anywhere outside counts as excess.
    """
    levels = [bass_db(audio) for audio in (first, second, mix)]
    begin = np.arange(len(levels[2])) * _HOP * _EVERY
    inside = (begin >= start) & (begin + _WINDOW * _EVERY <= end)
    outside = [begin + _WINDOW * _EVERY <= start, begin >= end]
    full = [_full(level[where]) for level, where in zip(levels, outside, strict=False)]
    both = inside.copy()
    for level, where, fullest in zip(levels, outside, full, strict=False):
        usual = level[where & (level > max(fullest - 20, _NOTHING_DB))]
        both &= level > (float(np.median(usual)) - _HAVING_DB if len(usual) else math.inf)
    excess = float(levels[2][inside].max(initial=-math.inf)) - max(full)
    return DoubleBass(excess if math.isfinite(excess) else math.nan, float(both.sum()) * _HOP / 1e3)


def bass_db(audio: Audio) -> _Array:
    """Return the power below 120 Hz of each 400 ms (Hann window), both channels, every 100 ms: dBFS, at least -100.

    `(n,)`; value k covers the 400 ms from k · 100 ms on.
    """
    low = _low(audio)
    if len(low) < _WINDOW:
        return np.empty(0)
    shape = np.square(np.hanning(_WINDOW + 1)[:-1])
    power = sliding_window_view(np.square(low).sum(axis=1), _WINDOW)[::_HOP] @ (shape / shape.sum())
    return np.asarray(10 * np.log10(np.maximum(power, 10 ** (_NOTHING_DB / 10))))


def _full(levels: _Array) -> float:
    return float(np.quantile(levels, _FULL)) if len(levels) else -math.inf


def _low(audio: Audio) -> _Array:
    """Return the bass at `_RATE`: `(n // 48, 2)`; sample k is at sample 48 k of the audio."""
    whole = audio[: len(audio) // _EVERY * _EVERY]
    pooled = (whole.reshape(-1, 2 * _POOL) @ np.tile(np.eye(2, dtype=np.float32) / _POOL, (_POOL, 1))).T
    padded = np.pad(pooled, ((0, 0), (_TAPS // 2, _TAPS // 2)))
    step = _EVERY // _POOL
    low = sliding_window_view(padded, _TAPS, axis=1)[:, : pooled.shape[1] : step]
    return np.asarray(
        np.concatenate([low[:, at : at + _BLOCK] @ _LOW_PASS for at in range(0, low.shape[1], _BLOCK)], 1).T
    )


def _low_pass() -> NDArray[np.float32]:
    time = np.arange(_TAPS) - (_TAPS - 1) / 2
    taps = np.sinc(2 * HERTZ * _POOL / SAMPLE_RATE * time) * np.blackman(_TAPS + 2)[1:-1]
    return np.asarray(taps / taps.sum(), np.float32)


_LOW_PASS = _low_pass()
