"""Keys on the Camelot wheel, where keys that mix well are neighbours."""

import numpy as np
from numpy.typing import NDArray


def camelot(tonic: int, mode: str) -> str:
    """Return the Camelot code of a key: 8B for C major, 8A for A minor.

    `tonic` is a pitch class, 0 (C) to 11 (B); `mode` is "major" or "minor".
    """
    relative_major = tonic if mode == "major" else tonic + 3
    return f"{(relative_major * 7 + 7) % 12 + 1}{'B' if mode == 'major' else 'A'}"


UNKNOWN_KEY = -1
FIFTHS = 12
"""Positions on the wheel; neighbours are a fifth apart."""


def key_number(camelot: str | None) -> int:
    """Return the number of a Camelot code: `1A`–`12A` (minor) are 0–11, `1B`–`12B` (major) are 12–23; −1 for None."""
    if camelot is None:
        return UNKNOWN_KEY
    return int(camelot[:-1]) - 1 + (FIFTHS if camelot[-1] == "B" else 0)


def key_distance(keys: NDArray[np.int8], reference: int) -> NDArray[np.int8]:
    """Return the steps from each key to the reference on the wheel; −1 if either is unknown.

    A change between minor and major is one step.
    """
    hours = np.abs(keys % FIFTHS - reference % FIFTHS)
    steps = np.minimum(hours, FIFTHS - hours) + (keys // FIFTHS != reference // FIFTHS)
    known = (keys != UNKNOWN_KEY) & (reference != UNKNOWN_KEY)
    return np.where(known, steps, UNKNOWN_KEY).astype(np.int8)


def key_steps(first: int, second: int) -> int:
    """Return `key_distance` of two keys."""
    return int(key_distance(np.array([first], np.int8), second)[0])
