"""The clock and the audio format of the whole project, and two audio constants that several rooms use.

Time in a programme is *media time*: samples at 48 kHz since the station's mixer started. Audio is `(n, 2) float32`,
full scale ±1, left then right, unless a name or docstring states otherwise.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 48_000
"""Sample rate in Hz of all mixing, encoding and timing."""

BLOCK_SAMPLES = 960
"""Number of samples in one block, one Opus packet and one tick (20 ms)."""

BLOCK_SECONDS = BLOCK_SAMPLES / SAMPLE_RATE
"""Duration of one block: 0.02 s."""

Audio: TypeAlias = NDArray[np.float32]
"""`(n, 2) float32`, full scale ±1."""

TARGET_LUFS = -16.0
"""Default target loudness of tracks: integrated loudness (EBU R 128) in LUFS."""

BASS_CROSSOVER_HZ = 180
"""Crossover frequency between the low and the mid band of a mix: Linkwitz-Riley, fourth order, 24 dB/octave."""

HIGH_CROSSOVER_HZ = 2_500
"""Crossover frequency between the mid and the high band, likewise."""

BANDS = 3
"""Number of bands of a mix: low, mid and high."""


def samples(seconds: float) -> int:
    """Convert seconds to samples at 48 kHz, rounded to the nearest."""
    return round(seconds * SAMPLE_RATE)


def seconds(sample_count: int) -> float:
    """Convert samples at 48 kHz to seconds."""
    return sample_count / SAMPLE_RATE


def amplitude(decibels: float) -> float:
    """Convert decibels to a linear amplitude factor."""
    return float(10.0 ** (decibels / 20.0))
