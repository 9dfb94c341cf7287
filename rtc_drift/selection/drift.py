"""The heading of the music when nobody steers: straight on for a few tracks, then a gentle turn, towards new tracks.

Everything follows from the seed, the number of the step and the tracks played, so a journey can be repeated.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rtc_drift.selection.feature_space import FeatureSpace
from rtc_drift.selection.features import NAMES

HOLD = (2, 5)
"""Least and greatest number of tracks for which a heading is held."""
_TURN = 0.7
"""Weight of the new part when a heading turns: it turns by 35° on average."""
_NOVELTY_WEIGHT = 0.8
"""Weight of the direction to tracks unlike those played lately, against the held heading."""
_SEGMENT = 64
"""Steps that share one seed, so that no heading must be generated from the first step on."""
_SAMPLE = 128
"""Number of tracks drawn to find one unlike those played lately."""


def heading(
    space: FeatureSpace, current: int, excluded: NDArray[np.bool_], recent: Sequence[int], seed: int, step: int
) -> NDArray[np.float32]:
    """Return the heading of a step as a unit vector of the feature space.

    Args:
        space: the feature space.
        current: row of the current track.
        excluded: mask of the rows that must not be chosen.
        recent: rows of the tracks played lately.
        seed: seed of the journey.
        step: number of the step.
    """
    held = _held_heading(seed, step)
    novel = _direction_to_novelty(space, current, excluded, recent, np.random.default_rng((seed, step, 1)))
    vector = held + _NOVELTY_WEIGHT * novel
    norm = float(np.linalg.norm(vector))
    return (vector / norm if norm > 0 else held).astype(np.float32)


def _held_heading(seed: int, step: int) -> NDArray[np.float64]:
    """Return the heading that is held at a step; it turns a little every few tracks."""
    segment, at = divmod(step, _SEGMENT)
    rng = np.random.default_rng((seed, segment))
    vector = _random_unit_vector(rng)
    position = int(rng.integers(*HOLD, endpoint=True))
    while position <= at:
        vector = vector + _TURN * _random_unit_vector(rng)
        vector /= np.linalg.norm(vector)
        position += int(rng.integers(*HOLD, endpoint=True))
    return vector


def _random_unit_vector(rng: np.random.Generator) -> NDArray[np.float64]:
    vector: NDArray[np.float64] = rng.standard_normal(len(NAMES))
    vector /= np.linalg.norm(vector)
    return vector


def _direction_to_novelty(
    space: FeatureSpace,
    current: int,
    excluded: NDArray[np.bool_],
    recent: Sequence[int],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the unit vector towards the one of some random tracks that is farthest from all `recent` ones."""
    left = np.flatnonzero(~excluded & space.is_analysed)
    if not len(left) or not recent:
        return np.zeros(len(NAMES))
    drawn = rng.choice(left, min(_SAMPLE, len(left)), replace=False)
    played = space.matrix[np.array(recent)]
    apart = np.linalg.norm(space.matrix[drawn][:, None] - played[None], axis=2).min(axis=1)
    goal: NDArray[np.float64] = (space.matrix[drawn[int(np.argmax(apart))]] - space.matrix[current]).astype(np.float64)
    goal /= max(float(np.linalg.norm(goal)), 1e-9)
    return goal
