"""Cues, the points where a mix may enter or leave: first and last sound, end of the intro, start of the outro."""

import math

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.envelope import WINDOW_SAMPLES, WINDOW_SECONDS, Envelope
from rtc_drift.analysis.model import Cues
from rtc_drift.media import amplitude, seconds

SOUND_ABOVE = amplitude(-60)
_SMOOTHING_SECONDS = 3.0
_USUAL_DECIBELS = -4.0
"""Usual level, relative to the mean power of the louder half. What exceeds it is the body of the track."""
_LONGEST_SHARE = 0.4
"""Greatest share of the track for an intro or an outro."""


def sounding_seconds(envelope: Envelope) -> tuple[float, float]:
    """Return first and last sound above -60 dBFS in seconds, to 10 ms; the whole length for silence."""
    end = seconds(envelope.samples)
    loud = np.flatnonzero(envelope.peaks > SOUND_ABOVE)
    if not len(loud):
        return 0.0, end
    return seconds(int(loud[0]) * WINDOW_SAMPLES), min(seconds((int(loud[-1]) + 1) * WINDOW_SAMPLES), end)


def find_cues(envelope: Envelope, downbeats: NDArray[np.float64]) -> Cues:
    """Return the cues, in order and within the track; `downbeats` in seconds."""
    first, last = sounding_seconds(envelope)
    powers = envelope.powers[round(first / WINDOW_SECONDS) : math.ceil(last / WINDOW_SECONDS - 1e-6)]
    intro_end, outro_start = first, last
    if powers.any():
        rises, falls = _body(powers)
        intro_end = min(first + rises, first + _LONGEST_SHARE * (last - first))
        outro_start = min(max(first + falls, last - _LONGEST_SHARE * (last - first)), last)
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
    """Return the seconds at which the smoothed power first reaches the usual level, and last leaves it."""
    width = min(round(_SMOOTHING_SECONDS / WINDOW_SECONDS), len(powers))
    sums = np.concatenate(((0.0,), np.cumsum(powers, dtype=np.float64)))
    means = (sums[width:] - sums[:-width]) / width
    usual = np.sort(means)[len(means) // 2 :].mean() * amplitude(2 * _USUAL_DECIBELS)
    strong = np.flatnonzero(means >= usual)
    # Half of the first and of the last strong window still belongs to intro and outro.
    rises = strong[0] + width / 2 if strong[0] > 0 else 0.0
    falls = strong[-1] + width / 2 if strong[-1] < len(means) - 1 else len(powers)
    return float(rises) * WINDOW_SECONDS, float(falls) * WINDOW_SECONDS
