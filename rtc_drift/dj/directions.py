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
