"""Where the music heads when nobody steers: straight on for a few tracks, then a gentle turn, towards new country.

Everything follows from the seed, the number of the step and what was played, so that a journey can be made again.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rtc_drift.selection.feature_space import FeatureSpace
from rtc_drift.selection.features import NAMES

HOLD = (2, 5)
"""A heading is held for this many tracks."""
_TURN = 0.7
"""How much of a new heading is new: the angle between two is 35° in the mean."""
_NEW_COUNTRY = 0.8
_LEG = 64
"""Headings are drawn in legs of so many steps, each with a seed of its own: none has to be drawn from the start."""
_SAMPLE = 128


def heading(
    space: FeatureSpace, here: int, out: NDArray[np.bool_], recent: Sequence[int], seed: int, step: int
) -> NDArray[np.float32]:
    """A unit vector in the space of features."""
    own = _held(seed, step)
    new = _new_country(space, here, out, recent, np.random.default_rng((seed, step, 1)))
    vector = own + _NEW_COUNTRY * new
    norm = float(np.linalg.norm(vector))
    return (vector / norm if norm > 0 else own).astype(np.float32)


def _held(seed: int, step: int) -> NDArray[np.float64]:
    """The heading that is held at a step: it turns a little every few tracks."""
    leg, at = divmod(step, _LEG)
    rng = np.random.default_rng((seed, leg))
    vector = _unit(rng)
    position = int(rng.integers(*HOLD, endpoint=True))
    while position <= at:
        vector = vector + _TURN * _unit(rng)
        vector /= np.linalg.norm(vector)
        position += int(rng.integers(*HOLD, endpoint=True))
    return vector


def _unit(rng: np.random.Generator) -> NDArray[np.float64]:
    vector: NDArray[np.float64] = rng.standard_normal(len(NAMES))
    vector /= np.linalg.norm(vector)
    return vector


def _new_country(
    space: FeatureSpace, here: int, out: NDArray[np.bool_], recent: Sequence[int], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Towards that of some tracks drawn by lot that is farthest from everything played lately."""
    left = np.flatnonzero(~out & space.is_analysed)
    if not len(left) or not recent:
        return np.zeros(len(NAMES))
    drawn = rng.choice(left, min(_SAMPLE, len(left)), replace=False)
    played = space.matrix[np.array(recent)]
    apart = np.linalg.norm(space.matrix[drawn][:, None] - played[None], axis=2).min(axis=1)
    goal: NDArray[np.float64] = (space.matrix[drawn[int(np.argmax(apart))]] - space.matrix[here]).astype(np.float64)
    goal /= max(float(np.linalg.norm(goal)), 1e-9)
    return goal
