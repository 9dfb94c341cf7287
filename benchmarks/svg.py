"""As much of SVG as a picture of a transition needs; lengths in pixels."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from `low` to `high` lie between the pixels `start` and `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


class Drawing:
    """Shapes in the order in which they lie on each other; classes tell their looks."""

    def __init__(self, width: int, height: int, title: str, style: str) -> None:
        self._shapes: list[str] = []
        size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        self._head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label={quoteattr(title)}>'
        self._style = f"<title>{escape(title)}</title><style>{style}</style>"

    def add(self, name: str, looks: str, **attributes: float | str) -> None:
        """An element without content."""
        told = "".join(f" {key}={quoteattr(_told(value))}" for key, value in attributes.items())
        self._shapes.append(f'<{name} class="{looks}"{told}/>')

    def text(self, looks: str, x: float, y: float, text: str, *, first: str = "") -> None:
        """`y` is the line that letters stand on; what comes `first` stands out."""
        strong = f'<tspan class="strong">{escape(first)}</tspan> ' if first else ""
        place = f'x="{_told(x)}" y="{_told(y)}"'
        self._shapes.append(f'<text class="{looks}" {place}>{strong}{escape(text)}</text>')

    def line(self, looks: str, points: Iterable[tuple[float, float]]) -> None:
        self.add("path", looks, d=_path(list(points)))

    def area(self, looks: str, points: Iterable[tuple[float, float]]) -> None:
        self.add("path", looks, d=f"{_path(list(points))}z")

    def strokes(self, looks: str, xs: Iterable[float], top: float, bottom: float) -> None:
        """Upright lines, in one path."""
        self.add("path", looks, d="".join(f"M{_told(x)} {_told(top)}v{_told(bottom - top)}" for x in xs))

    def __str__(self) -> str:
        return "\n".join((self._head, self._style, *self._shapes, "</svg>\n"))


def themed(light: Mapping[str, str], dark: Mapping[str, str]) -> str:
    """CSS variables for whichever the reader prefers."""
    rules = [":root{" + "".join(f"--{name}:{value};" for name, value in some.items()) + "}" for some in (light, dark)]
    return f"{rules[0]}@media(prefers-color-scheme:dark){{{rules[1]}}}"


def _path(points: Sequence[tuple[float, float]]) -> str:
    """Relative, in tenths of a pixel without adding up what is rounded off."""
    tenths = [(round(x * 10), round(y * 10)) for x, y in points]
    if not tenths:
        return ""
    (x, y), parts = tenths[0], [f"M{_told(tenths[0][0] / 10)} {_told(tenths[0][1] / 10)}l"]
    steps = []
    for next_x, next_y in tenths[1:]:
        steps.append(f"{_told((next_x - x) / 10)} {_told((next_y - y) / 10)}")
        x, y = next_x, next_y
    return parts[0] + " ".join(steps)


def _told(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0").replace("-0.", "-.")
