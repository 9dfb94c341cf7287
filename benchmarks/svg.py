"""A small part of SVG, enough for a picture of a transition. Lengths are in pixels."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear scale: values from `low` to `high` lie between the pixels `start` and `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return the pixel of a value."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


class Drawing:
    """Shapes, each drawn over those before. CSS classes give them their style."""

    def __init__(self, width: int, height: int, title: str, style: str) -> None:
        self._shapes: list[str] = []
        size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        self._head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label={quoteattr(title)}>'
        self._style = f"<title>{escape(title)}</title><style>{style}</style>"

    def add(self, name: str, classes: str, **attributes: float | str) -> None:
        """Add an element without content."""
        text = "".join(f" {key}={quoteattr(_text(value))}" for key, value in attributes.items())
        self._shapes.append(f'<{name} class="{classes}"{text}/>')

    def text(self, classes: str, x: float, y: float, text: str, *, first: str = "") -> None:
        """Add text; `y` is its baseline. The words of `first` come before it, in bold."""
        strong = f'<tspan class="strong">{escape(first)}</tspan> ' if first else ""
        position = f'x="{_text(x)}" y="{_text(y)}"'
        self._shapes.append(f'<text class="{classes}" {position}>{strong}{escape(text)}</text>')

    def line(self, classes: str, points: Iterable[tuple[float, float]]) -> None:
        """Add a line through points."""
        self.add("path", classes, d=_path(list(points)))

    def area(self, classes: str, points: Iterable[tuple[float, float]]) -> None:
        """Add the area that a line through points encloses."""
        self.add("path", classes, d=f"{_path(list(points))}z")

    def strokes(self, classes: str, xs: Iterable[float], top: float, bottom: float) -> None:
        """Add vertical lines, in one path."""
        self.add("path", classes, d="".join(f"M{_text(x)} {_text(top)}v{_text(bottom - top)}" for x in xs))

    def __str__(self) -> str:
        return "\n".join((self._head, self._style, *self._shapes, "</svg>\n"))


def themed(light: Mapping[str, str], dark: Mapping[str, str]) -> str:
    """Return CSS variables for the light and the dark colour scheme, as the reader's browser prefers."""
    rules = [":root{" + "".join(f"--{name}:{value};" for name, value in some.items()) + "}" for some in (light, dark)]
    return f"{rules[0]}@media(prefers-color-scheme:dark){{{rules[1]}}}"


def _path(points: Sequence[tuple[float, float]]) -> str:
    """Return relative path data in tenths of a pixel, in which rounding errors don't add up."""
    tenths = [(round(x * 10), round(y * 10)) for x, y in points]
    if not tenths:
        return ""
    (x, y), parts = tenths[0], [f"M{_text(tenths[0][0] / 10)} {_text(tenths[0][1] / 10)}l"]
    steps = []
    for next_x, next_y in tenths[1:]:
        steps.append(f"{_text((next_x - x) / 10)} {_text((next_y - y) / 10)}")
        x, y = next_x, next_y
    return parts[0] + " ".join(steps)


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0").replace("-0.", "-.")
