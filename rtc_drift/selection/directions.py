"""Directions: the named ones, and those that a library itself turns out to have."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtc_drift.selection.features import COLUMN, LOUDNESS, NAMES, SCALARS, Matrix

_NAMED: Mapping[str, Mapping[str, float]] = {
    "faster": {"tempo": 1.0, "onset_density": 0.3},
    "brighter": {"brightness": 1.0, "air": 0.5},
    # Loudness alone tells energetic tracks from calm ones no better than chance.
    "more_energetic": {"energy": 0.8, "onset_density": 0.6, "brightness": 0.5, LOUDNESS: 0.4, "beat_strength": 0.3},
    "more_danceable": {"danceability": 1.0, "beat_strength": 0.4},
    "busier": {"onset_density": 1.0, "harmonic_change": 0.3},
    "punchier": {"beat_strength": 0.8, "dynamics": 0.7},
    "bassier": {"bass": 1.0},
    "more_tonal": {"tonal_clarity": 1.0, "noisiness": -0.7},
    "simpler": {"complexity": -1.0, "harmonic_change": -0.5},
}
_WORDS = {
    "tempo": ("fast", "slow"),
    "onset_density": ("busy", "sparse"),
    "beat_strength": ("punchy", "smooth"),
    "danceability": ("steady", "free"),
    "energy": ("energetic", "calm"),
    "brightness": ("bright", "dark"),
    "bass": ("bassy", "light"),
    "air": ("airy", "muffled"),
    "noisiness": ("noisy", "pure"),
    "spread": ("wide", "narrow"),
    "dynamics": ("dynamic", "dense"),
    "tonal_clarity": ("tonal", "atonal"),
    "harmonic_change": ("restless", "static"),
    "complexity": ("complex", "simple"),
    LOUDNESS: ("loud", "quiet"),
}
_MIN_SHARE = 0.05
"""Of what the named directions leave unexplained: a discovered one that explains less says nothing."""
_MIN_TRACKS = 24


@dataclass(frozen=True, slots=True)
class Direction:
    """A way to go, and the way back."""

    id: str
    label: str
    """As in `brighter`."""
    opposite: str
    axis: int
    sign: int
    """1 or −1: which way along the axis."""
    is_discovered: bool = False


@dataclass(frozen=True, slots=True)
class Axes:
    """Unit vectors in the space of standardised features, and the directions along them."""

    vectors: Matrix
    """`(axes, features)`."""
    directions: Mapping[str, Direction]


def axes_of(matrix: Matrix) -> Axes:
    """The named axes, and what a library's standardised features have beside them."""
    named = np.zeros((len(OPPOSITES), len(NAMES)), np.float32)
    directions: dict[str, Direction] = {}
    for axis, (one, other) in enumerate(OPPOSITES):
        for name, weight in _NAMED[one].items():
            named[axis, COLUMN[name]] = weight
        directions[one] = Direction(one, one.replace("_", " "), other, axis, 1)
        directions[other] = Direction(other, other.replace("_", " "), one, axis, -1)
    named /= np.linalg.norm(named, axis=1, keepdims=True)
    found = _discovered(matrix, named)
    for number, vector in enumerate(found):
        axis, (more, less) = len(OPPOSITES) + number, _labels(vector)
        one, other = DISCOVERED[number]
        directions[one] = Direction(one, more, other, axis, 1, is_discovered=True)
        directions[other] = Direction(other, less, one, axis, -1, is_discovered=True)
    return Axes(np.concatenate([named, found]), directions)


def _discovered(matrix: Matrix, named: Matrix) -> Matrix:
    """The main axes of what is left when all that the named ones say is taken out (PCA)."""
    if len(matrix) < _MIN_TRACKS:
        return np.empty((0, len(NAMES)), np.float32)
    basis = np.linalg.qr(named.T.astype(np.float64))[0]
    rest = matrix - matrix.mean(axis=0)
    rest = rest - rest @ basis @ basis.T
    variances, vectors = np.linalg.eigh(rest.T @ rest / len(rest))
    order = np.argsort(variances)[::-1][: len(DISCOVERED)]
    total = max(float(variances.sum()), 1e-12)
    kept = [_signed(vectors[:, at]) for at in order if variances[at] > _MIN_SHARE * total]
    return np.array(kept, np.float32).reshape(-1, len(NAMES))


def _signed(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sign is that of the feature that counts most: the same library always calls the same way forward."""
    return vector if _main(vector)[0][1] > 0 else -vector


def _main(vector: NDArray[np.float64] | Matrix) -> list[tuple[str, float]]:
    """The two named features that load most on an axis."""
    loads = [(name, float(vector[COLUMN[name]])) for name in (*SCALARS, LOUDNESS)]
    return sorted(loads, key=lambda load: (-abs(load[1]), load[0]))[:2]


def _labels(vector: Matrix) -> tuple[str, str]:
    """`more wide, less tonal` and the reverse."""
    words = [_WORDS[name] if load > 0 else _WORDS[name][::-1] for name, load in _main(vector)]
    one, other = (f"more {' and '.join(pair)}" for pair in zip(*words, strict=True))
    return one, other


OPPOSITES = (
    ("faster", "slower"),
    ("brighter", "darker"),
    ("more_energetic", "calmer"),
    ("more_danceable", "less_danceable"),
    ("busier", "sparser"),
    ("punchier", "smoother"),
    ("bassier", "lighter"),
    ("more_tonal", "noisier"),
    ("simpler", "more_complex"),
)


DIRECTIONS = tuple(direction for pair in OPPOSITES for direction in pair)


DISCOVERED = (("discovered_1", "discovered_1_back"), ("discovered_2", "discovered_2_back"))
"""Those that a library has beside the named ones: what they are called depends on it."""


STEERABLE = (*DIRECTIONS, *(direction for pair in DISCOVERED for direction in pair))
