"""Straight ramps, sample by sample."""

import numpy as np
from numpy.typing import NDArray

DECLICK = 240
"""Samples (5 ms) over which sound starts or stops where nothing was planned: no click, and no fade to be heard."""


def ramp(first: int, count: int, length: int, step: int = 1) -> NDArray[np.float32]:
    """`x / length` for `count` values of x from `first` on, held at 0 and 1: `(count, 1) float32`."""
    return np.clip((first + step * np.arange(count)) / max(length, 1), 0, 1).astype(np.float32)[:, None]
