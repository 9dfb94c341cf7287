"""How well one track follows another at the joint: tempo and key."""

import numpy as np
from numpy.typing import NDArray

UNKNOWN_KEY = -1
REACH = 0.06
"""Tempi this far apart can be matched by stretching."""
FIFTHS = 12


def key_number(camelot: str | None) -> int:
    """`1A` to `12A` (minor) are 0 to 11, `1B` to `12B` (major) 12 to 23; −1 for none."""
    if camelot is None:
        return UNKNOWN_KEY
    return int(camelot[:-1]) - 1 + (FIFTHS if camelot[-1] == "B" else 0)


def folded_ratio(bpm: NDArray[np.float32], reference: float) -> NDArray[np.float32]:
    """Each tempo by another, doubled or halved to lie within √½ and √2; 1 where either is unknown (0)."""
    if reference <= 0:
        return np.ones_like(bpm)
    octaves = np.log2(np.maximum(bpm, 1e-6) / reference)
    folded = np.exp2(octaves - np.rint(octaves))
    ratio: NDArray[np.float32] = np.where(bpm > 0, folded, 1.0).astype(np.float32)
    return ratio


def tempo_strain(bpm: NDArray[np.float32], reference: float) -> NDArray[np.float32]:
    """0 where a beat-matched mix is possible, growing to 1 for the tempo that is farthest from it."""
    away = np.abs(np.log2(folded_ratio(bpm, reference)))
    reach = np.log2(1 + REACH)
    strain: NDArray[np.float32] = np.clip((away - reach) / (0.5 - reach), 0, 1).astype(np.float32)
    return strain


def key_distance(keys: NDArray[np.int8], reference: int) -> NDArray[np.int8]:
    """Steps on the Camelot wheel, a change between minor and major being one; −1 where either is unknown."""
    hours = np.abs(keys % FIFTHS - reference % FIFTHS)
    steps = np.minimum(hours, FIFTHS - hours) + (keys // FIFTHS != reference // FIFTHS)
    known = (keys != UNKNOWN_KEY) & (reference != UNKNOWN_KEY)
    return np.where(known, steps, UNKNOWN_KEY).astype(np.int8)


def key_steps(first: int, second: int) -> int:
    """The same of two keys."""
    return int(key_distance(np.array([first], np.int8), second)[0])


def key_strain(keys: NDArray[np.int8], reference: int) -> NDArray[np.float32]:
    """0 for the same key or a neighbour on the wheel, up to 1; a little for keys that are not known."""
    distance = key_distance(keys, reference)
    strain = np.clip((distance - 1) / 4, 0, 1)
    return np.where(distance == UNKNOWN_KEY, 0.25, strain).astype(np.float32)
