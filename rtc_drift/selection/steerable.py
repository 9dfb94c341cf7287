"""The directions in which people can steer, each with its opposite."""

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
