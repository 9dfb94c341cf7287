"""A measured figure with its bound, as one JSON line."""

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value. It should be at most `at_most` and at least `at_least`; None = no bound."""

    bench: str
    name: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def reached(self) -> bool:
        """True if the value is within its bounds."""
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )

    def line(self) -> str:
        """Return the figure as one line of JSON."""
        fields = {"bench": self.bench, "figure": self.name, "value": round(self.value, 4), "unit": self.unit}
        bounds = {"atMost": self.at_most, "atLeast": self.at_least}
        fields |= {name: bound for name, bound in bounds.items() if bound is not None}
        if self.at_most is not None or self.at_least is not None:
            fields["reached"] = self.reached
        return json.dumps(fields)
