"""Directions in which people can steer: the named ones, and those discovered in a library."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtc_drift.selection.features import COLUMN, LOUDNESS, NAMES, SCALARS, Matrix

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
"""Ids of the named directions, in pairs."""
DIRECTIONS = tuple(direction for pair in OPPOSITES for direction in pair)
"""Ids of the named directions, which every library has."""
DISCOVERED = (("discovered_1", "discovered_1_back"), ("discovered_2", "discovered_2_back"))
"""Ids of the directions that may be discovered in a library, in pairs. Their labels depend on the library."""
STEERABLE = (*DIRECTIONS, *(direction for pair in DISCOVERED for direction in pair))
"""Ids of all directions in which people can steer."""

LABELS: Mapping[str, str] = {
    "faster": "faster",
    "slower": "slower",
    "brighter": "brighter",
    "darker": "darker",
    "more_energetic": "more energetic",
    "calmer": "calmer",
    "more_danceable": "more danceable",
    "less_danceable": "less danceable",
    "busier": "busier",
    "sparser": "sparser",
    "punchier": "punchier",
    "smoother": "smoother",
    "bassier": "more bass",
    "lighter": "less bass",
    "more_tonal": "more melodic",
    "noisier": "rougher",
    "simpler": "simpler",
    "more_complex": "more complex",
}
"""Labels of the named directions, by id."""
_NOUN_LABELS = frozenset({"bassier", "lighter"})
"""Ids of the directions whose label is a noun, such as "more bass", and not a comparative."""
_WEIGHTS: Mapping[str, Mapping[str, float]] = {
    "faster": {"tempo": 1.0, "onset_density": 0.3},
    "brighter": {"brightness": 1.0, "air": 0.5},
    # Loudness alone separates energetic from calm tracks no better than chance.
    "more_energetic": {"energy": 0.8, "onset_density": 0.6, "brightness": 0.5, LOUDNESS: 0.4, "beat_strength": 0.3},
    "more_danceable": {"danceability": 1.0, "beat_strength": 0.4},
    "busier": {"onset_density": 1.0, "harmonic_change": 0.3},
    "punchier": {"beat_strength": 0.8, "dynamics": 0.7},
    "bassier": {"bass": 1.0},
    "more_tonal": {"tonal_clarity": 1.0, "noisiness": -0.7},
    "simpler": {"complexity": -1.0, "harmonic_change": -0.5},
}
"""Weights of the features in the first direction of each pair."""
_COMPARATIVES = {
    "tempo": ("faster", "slower"),
    "onset_density": ("busier", "sparser"),
    "beat_strength": ("punchier", "smoother"),
    "danceability": ("more danceable", "less danceable"),
    "energy": ("more energetic", "calmer"),
    "brightness": ("brighter", "darker"),
    "bass": ("more bass-heavy", "less bass-heavy"),
    "air": ("airier", "more muffled"),
    "noisiness": ("rougher", "cleaner"),
    "spread": ("wider", "narrower"),
    "dynamics": ("more dynamic", "denser"),
    "tonal_clarity": ("more melodic", "less melodic"),
    "harmonic_change": ("more restless", "steadier"),
    "complexity": ("more complex", "simpler"),
    LOUDNESS: ("louder", "quieter"),
}
"""Words for more and for less of each feature, for the labels of discovered directions."""
_MIN_SHARE = 0.05
"""Least share of the variance outside the named directions that a discovered direction must explain."""
_MIN_TRACKS = 24
"""Least number of analysed tracks for directions to be discovered."""


@dataclass(frozen=True, slots=True)
class Direction:
    """A direction to steer in."""

    id: str
    label: str
    """The name for people, such as `brighter`."""
    opposite: str
    """Id of the opposite direction."""
    axis: int
    """Index into `Axes.vectors`."""
    sign: int
    """1 if it points along the axis, −1 if against it."""
    is_discovered: bool = False

    @property
    def tracks_label(self) -> str:
        """The tracks in this direction, for people: `brighter tracks`, `tracks with more bass`."""
        return f"tracks with {self.label}" if self.id in _NOUN_LABELS else f"{self.label} tracks"


@dataclass(frozen=True, slots=True)
class Axes:
    """Unit vectors in the space of standardised features, and the directions along them."""

    vectors: Matrix
    """`(axes, features)`."""
    directions: Mapping[str, Direction]
    """By id."""


def axes_of(matrix: Matrix) -> Axes:
    """Return the named axes and those discovered in a library's standardised features `(tracks, features)`."""
    named = np.zeros((len(OPPOSITES), len(NAMES)), np.float32)
    directions: dict[str, Direction] = {}
    for axis, (one, other) in enumerate(OPPOSITES):
        for name, weight in _WEIGHTS[one].items():
            named[axis, COLUMN[name]] = weight
        directions[one] = Direction(one, LABELS[one], other, axis, 1)
        directions[other] = Direction(other, LABELS[other], one, axis, -1)
    named /= np.linalg.norm(named, axis=1, keepdims=True)
    found = _discovered(matrix, named)
    for number, vector in enumerate(found):
        axis, (label, opposite_label) = len(OPPOSITES) + number, _labels(vector)
        one, other = DISCOVERED[number]
        directions[one] = Direction(one, label, other, axis, 1, is_discovered=True)
        directions[other] = Direction(other, opposite_label, one, axis, -1, is_discovered=True)
    return Axes(np.concatenate([named, found]), directions)


def _discovered(matrix: Matrix, named: Matrix) -> Matrix:
    """Return the main axes of what remains when the named axes are projected out (PCA): `(axes, features)`."""
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
    """Make the largest load positive, so that the same library always gives the same sign."""
    return vector if _main_loads(vector)[0][1] > 0 else -vector


def _main_loads(vector: NDArray[np.float64] | Matrix) -> list[tuple[str, float]]:
    """Return the two features with a name that load most on an axis, with their loads."""
    loads = [(name, float(vector[COLUMN[name]])) for name in (*SCALARS, LOUDNESS)]
    return sorted(loads, key=lambda load: (-abs(load[1]), load[0]))[:2]


def _labels(vector: Matrix) -> tuple[str, str]:
    """Return the labels of an axis and of its opposite, such as `wider, steadier` and `narrower, more restless`."""
    words = [_COMPARATIVES[name] if load > 0 else _COMPARATIVES[name][::-1] for name, load in _main_loads(vector)]
    label, opposite_label = (", ".join(pair) for pair in zip(*words, strict=True))
    return label, opposite_label
