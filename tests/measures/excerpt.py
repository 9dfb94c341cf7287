"""A stretch of audio that may reach beyond its ends."""

import numpy as np

from rtc_drift.media import Audio


def excerpt(audio: Audio, first: int, count: int) -> Audio:
    """`(count, 2)` from sample `first` on, zeros where there is none: before 0 and behind the end."""
    start, end = max(first, 0), min(first + count, len(audio))
    if start == first and end == first + count:
        return audio[start:end]
    wider = np.zeros((count, 2), np.float32)
    if end > start:
        wider[start - first : end - first] = audio[start:end]
    return wider
