"""Excerpts of audio that may reach beyond its ends."""

import numpy as np

from rtc_drift.media import Audio


def excerpt(audio: Audio, first: int, count: int) -> Audio:
    """Return `count` samples from sample `first` on, zeros before 0 and after the end: `(count, 2)`."""
    start, end = max(first, 0), min(first + count, len(audio))
    if start == first and end == first + count:
        return audio[start:end]
    wider = np.zeros((count, 2), np.float32)
    if end > start:
        wider[start - first : end - first] = audio[start:end]
    return wider
