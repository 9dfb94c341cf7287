"""Keys on the Camelot wheel, by which DJs tell what goes together."""

import numpy as np
from numpy.typing import NDArray


def camelot(tonic: int, mode: str) -> str:
    """Where a key lies: C major is 8B, A minor 8A. `tonic` is a pitch class, 0 (C) to 11; `mode` major or minor."""
    relative_major = tonic if mode == "major" else tonic + 3
    return f"{(relative_major * 7 + 7) % 12 + 1}{'B' if mode == 'major' else 'A'}"


UNKNOWN_KEY = -1


FIFTHS = 12


def key_number(camelot: str | None) -> int:
    """`1A` to `12A` (minor) are 0 to 11, `1B` to `12B` (major) 12 to 23; −1 for none."""
    if camelot is None:
        return UNKNOWN_KEY
    return int(camelot[:-1]) - 1 + (FIFTHS if camelot[-1] == "B" else 0)


def key_distance(keys: NDArray[np.int8], reference: int) -> NDArray[np.int8]:
    """Steps on the Camelot wheel, a change between minor and major being one; −1 where either is unknown."""
    hours = np.abs(keys % FIFTHS - reference % FIFTHS)
    steps = np.minimum(hours, FIFTHS - hours) + (keys // FIFTHS != reference // FIFTHS)
    known = (keys != UNKNOWN_KEY) & (reference != UNKNOWN_KEY)
    return np.where(known, steps, UNKNOWN_KEY).astype(np.int8)


def key_steps(first: int, second: int) -> int:
    """The same of two keys."""
    return int(key_distance(np.array([first], np.int8), second)[0])
