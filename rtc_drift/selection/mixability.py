"""Penalties for tracks that mix badly with the current one: tempo and key."""

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.camelot import UNKNOWN_KEY, key_distance
from rtc_drift.stretching.warp import MAX_STRETCH


def folded_ratio(bpm: NDArray[np.float32], reference: float) -> NDArray[np.float32]:
    """Return the ratio of each tempo to `reference`, doubled or halved into √½ to √2; 1 where either is unknown (0)."""
    if reference <= 0:
        return np.ones_like(bpm)
    octaves = np.log2(np.maximum(bpm, 1e-6) / reference)
    folded = np.exp2(octaves - np.rint(octaves))
    ratio: NDArray[np.float32] = np.where(bpm > 0, folded, 1.0).astype(np.float32)
    return ratio


def tempo_penalty(bpm: NDArray[np.float32], reference: float) -> NDArray[np.float32]:
    """Return 0 where a beat-matched mix is possible, rising to 1 for the tempo that is farthest from it."""
    away = np.abs(np.log2(folded_ratio(bpm, reference)))
    reach = np.log2(1 + MAX_STRETCH)
    penalty: NDArray[np.float32] = np.clip((away - reach) / (0.5 - reach), 0, 1).astype(np.float32)
    return penalty


def key_penalty(keys: NDArray[np.int8], reference: int) -> NDArray[np.float32]:
    """Return 0 for the same key or a neighbour on the Camelot wheel, rising to 1; 0.25 where a key is unknown."""
    distance = key_distance(keys, reference)
    penalty = np.clip((distance - 1) / 4, 0, 1)
    return np.where(distance == UNKNOWN_KEY, 0.25, penalty).astype(np.float32)
