"""How well one track follows another at the joint: tempo and key."""

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.camelot import UNKNOWN_KEY, key_distance
from rtc_drift.stretching.warp import REACH


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


def key_strain(keys: NDArray[np.int8], reference: int) -> NDArray[np.float32]:
    """0 for the same key or a neighbour on the wheel, up to 1; a little for keys that are not known."""
    distance = key_distance(keys, reference)
    strain = np.clip((distance - 1) / 4, 0, 1)
    return np.where(distance == UNKNOWN_KEY, 0.25, strain).astype(np.float32)
