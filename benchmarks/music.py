"""A test signal that is the same each time, and as hard to encode as music."""

import numpy as np

from rtc_drift.media import SAMPLE_RATE, Audio

SECONDS = 5


def chords() -> Audio:
    """Return five seconds of a chord in noise, `(n, 2) float32`, full scale ±1."""
    rng, seconds = np.random.default_rng(0), np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE
    chord = np.sum([np.sin(2 * np.pi * note * seconds) for note in (220.0, 277.2, 329.6, 1760.0)], axis=0)
    noise = rng.standard_normal((len(seconds), 2))
    music: Audio = (chord[:, None] * 0.12 + noise * 0.03).astype(np.float32)
    return music
