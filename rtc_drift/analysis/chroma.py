"""Chroma as it is kept: the strength of the pitch classes in each second, in few steps."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.curves import CHROMA_STEPS
from rtc_drift.analysis.key import FRAME_RATE
from rtc_drift.analysis.model import PITCH_CLASSES

_LEAST_CONTRAST = 0.3
"""Least difference of strongest and middle pitch class, as a share of the strongest, of a second with pitch."""


def chroma_by_second(chroma: NDArray[np.float32], seconds: int) -> NDArray[np.uint8]:
    """Return how far each pitch class is above the middle one, in each second: `(seconds, 12)`, all 0 without pitch.

    It is in fifteenths of the strongest, which has 15. About half are 0: noise and drums are in all pitch classes.
    `chroma` are frames `(n, 12)` at `FRAME_RATE`.
    """
    edges = np.round(np.arange(seconds + 1) * FRAME_RATE).astype(int).tolist()
    sums = [chroma[first:last].sum(axis=0) for first, last in pairwise(edges)]
    strengths = np.array(sums, np.float64).reshape(-1, PITCH_CLASSES)
    greatest = strengths.max(axis=1, keepdims=True, initial=0)
    above = np.maximum(strengths - np.median(strengths, axis=1, keepdims=True), 0)
    highest = above.max(axis=1, keepdims=True, initial=0)
    is_pitched = highest > _LEAST_CONTRAST * np.maximum(greatest, 1e-6)
    steps = np.round(above / np.maximum(highest, 1e-9) * CHROMA_STEPS)
    return np.where(is_pitched, steps, 0).astype(np.uint8)
