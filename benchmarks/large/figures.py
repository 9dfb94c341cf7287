"""The figures of a library of some size. Only the largest has bounds: the others tell how a cost grows."""

from benchmarks.figures import Figure

BENCH = "large"
BOUNDED_COUNT = 100_000
"""Number of tracks from which on the bounds hold."""


class FiguresOf:
    """Collects the figures of a library of `count` tracks."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._found: list[Figure] = []

    def add(
        self, name: str, value: float, unit: str, *, at_most: float | None = None, at_least: float | None = None
    ) -> None:
        """Add a figure."""
        if self.count < BOUNDED_COUNT:
            at_most = at_least = None
        self._found.append(Figure(BENCH, f"{self.count:,} tracks: {name}", value, unit, at_most, at_least))

    def take(self) -> list[Figure]:
        """Return the figures that were added since the last call."""
        found, self._found = self._found, []
        return found
