"""Where a mix may enter and leave: first and last sound, the end of the intro, the start of the outro."""

import numpy as np
from numpy.typing import NDArray

from rtc_drift.library.analysis.envelope import WINDOW_SAMPLES, WINDOW_SECONDS, Envelope
from rtc_drift.library.analysis.model import Cues
from rtc_drift.media import amplitude, seconds

SOUND_ABOVE = amplitude(-60)
_SMOOTHING_SECONDS = 3.0
_USUAL_DECIBELS = -4.0
"""Of the loud half's mean: what is above it belongs to the body of the track."""
_LONGEST_SHARE = 0.4
"""Of the track that an intro or an outro may take."""


def find_cues(envelope: Envelope, downbeats: NDArray[np.float64]) -> Cues:
    """The cues, in order and within the track; `downbeats` in seconds."""
    loud = np.flatnonzero(envelope.peaks > SOUND_ABOVE)
    end = seconds(envelope.samples)
    if not len(loud):
        return Cues(first_sound_seconds=0.0, intro_end_seconds=0.0, outro_start_seconds=end, last_sound_seconds=end)
    first = seconds(int(loud[0]) * WINDOW_SAMPLES)
    last = min(seconds((int(loud[-1]) + 1) * WINDOW_SAMPLES), end)
    rises, falls = _body(envelope.powers[loud[0] : loud[-1] + 1])
    intro_end = min(first + rises, first + _LONGEST_SHARE * (last - first))
    outro_start = max(first + falls, last - _LONGEST_SHARE * (last - first))
    outro_start = min(outro_start, last)
    before = downbeats[(downbeats <= outro_start + WINDOW_SECONDS) & (downbeats >= intro_end)]
    if len(before):
        outro_start = min(float(before[-1]), outro_start)
    return Cues(
        first_sound_seconds=first,
        intro_end_seconds=intro_end,
        outro_start_seconds=max(outro_start, intro_end),
        last_sound_seconds=last,
    )


def _body(powers: NDArray[np.float32]) -> tuple[float, float]:
    """Seconds at which the smoothed power reaches the usual level first, and leaves it last."""
    width = min(round(_SMOOTHING_SECONDS / WINDOW_SECONDS), len(powers))
    sums = np.concatenate(((0.0,), np.cumsum(powers, dtype=np.float64)))
    means = (sums[width:] - sums[:-width]) / width
    usual = np.sort(means)[len(means) // 2 :].mean() * amplitude(2 * _USUAL_DECIBELS)
    strong = np.flatnonzero(means >= usual)
    rises = float(strong[0]) * WINDOW_SECONDS if len(strong) else 0.0
    falls = float(strong[-1] + width if len(strong) else len(powers)) * WINDOW_SECONDS
    # The first window that is strong enough ends in the body: so much of it was still intro.
    return (rises + width * WINDOW_SECONDS / 2 if rises > 0 else 0.0), falls - (
        width * WINDOW_SECONDS / 2 if falls < len(powers) * WINDOW_SECONDS else 0.0
    )
