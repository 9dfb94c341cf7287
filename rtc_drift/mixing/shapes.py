"""The shape of an overlap: which track gives way when, as a whole or in each of three bands."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rtc_drift.media import BANDS, samples
from rtc_drift.mixing.model import BandPlan, Crossing


class Window(NamedTuple):
    """The time in which a band changes hands, in seconds after the outgoing track is left."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of an overlap. All times in seconds of the programme, from where the outgoing track is left."""

    length: float
    """End of the outgoing track."""
    delay: float = 0.0
    """Start of the incoming track."""
    hold: float = 0.0
    """Start of the outgoing track's fade-out."""
    fade_in: float = 0.0
    """Length of the incoming track's fade-in."""
    bands: tuple[Window, Window, Window] | None = None
    """The windows of the three bands in place of both fades; None: each track fades as a whole."""

    @property
    def ends(self) -> float:
        """The time at which the incoming track plays alone and in full."""
        return max(self.length, self.delay + self.fade_in)

    def falls(self) -> NDArray[np.float64]:
        """Return the start and the end of each band's fall, `(3, 2)`."""
        return np.array(self.bands or [(self.hold, self.length)] * BANDS)

    def rises(self) -> NDArray[np.float64]:
        """Return the start and the end of each band's rise, `(3, 2)`."""
        return np.array(self.bands or [(self.delay, self.delay + self.fade_in)] * BANDS)

    def band_plan(self) -> BandPlan | None:
        """Return the bands as a transition has them."""
        if self.bands is None:
            return None
        return BandPlan(*(Crossing(samples(it.start), samples(it.end) - samples(it.start)) for it in self.bands))


class _Crossings(NamedTuple):
    """The windows of mids and highs, as shares of an overlap."""

    mid: Window
    high: Window


_CROSSINGS = (
    _Crossings(Window(0.375, 0.625), Window(0.0, 0.5)),
    _Crossings(Window(0.5, 0.75), Window(0.25, 0.75)),
    _Crossings(Window(0.25, 0.5), Window(0.0, 0.35)),
    _Crossings(Window(0.25, 0.75), Window(0.0, 0.5)),
)
"""Ways for mids and highs to cross, the preferred one first. The incoming track's highs lead in."""
USUAL_MID = _CROSSINGS[0].mid
"""The window of the mids in the preferred shape."""


def banded(length: float, swap: float, swap_length: float) -> Sequence[Shape]:
    """Return the shapes of an overlap in three bands, the preferred one first.

    The bass changes hands from `swap` on, in `swap_length` seconds.
    """
    low = Window(swap, min(swap + swap_length, length))
    return [
        Shape(length, hold=length, bands=(low, _scaled(it.mid, length), _scaled(it.high, length))) for it in _CROSSINGS
    ]


def whole(length: float, hold: float, fade_in: float, delay: float = 0.0) -> Shape:
    """Return the shape of an overlap in which each track fades as a whole."""
    return Shape(length, delay, hold, fade_in)


def _scaled(share: Window, length: float) -> Window:
    return Window(share.start * length, share.end * length)
