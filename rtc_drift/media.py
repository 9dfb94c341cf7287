"""The one clock and the one audio format of the product, and the two figures of sound that rooms share.

Time on a programme is its *media time*: samples at 48 kHz since the session's mixer started. Audio is
`(n, 2) float32`, full scale ±1, left then right, unless a name or docstring says otherwise.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 48_000
"""Samples per second of everything that is mixed, encoded and timed."""

BLOCK_SAMPLES = 960
"""Samples of one block, one Opus packet and one tick: 20 ms."""

BLOCK_SECONDS = BLOCK_SAMPLES / SAMPLE_RATE

Audio: TypeAlias = NDArray[np.float32]
"""`(n, 2) float32`, full scale ±1."""


TARGET_LUFS = -16.0
"""Integrated loudness (EBU R128) to which tracks are levelled, unless the settings say otherwise."""

BASS_CROSSOVER_HZ = 180
"""Below this is the bass that changes hands in a mix: Linkwitz-Riley, fourth order, 24 dB per octave."""


def samples(seconds: float) -> int:
    """Seconds → samples at 48 kHz, rounded to the nearest."""
    return round(seconds * SAMPLE_RATE)


def seconds(sample_count: int) -> float:
    """Samples at 48 kHz → seconds."""
    return sample_count / SAMPLE_RATE


def amplitude(decibels: float) -> float:
    """Decibels → linear amplitude factor."""
    return float(10.0 ** (decibels / 20.0))
