"""Transitions without a common beat: a blend in three bands, or a fade-out before a fade-in."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from rtc_drift.media import samples
from rtc_drift.mixing.mix_track import MixTrack
from rtc_drift.mixing.model import Transition
from rtc_drift.mixing.predicted_loudness import excursions, loudness_cost
from rtc_drift.mixing.shapes import Shape, banded, whole

MAX_EXCURSION_LU = 1.2
"""Greatest expected excursion of loudness; above it, another style is used if its excursion is smaller."""
UNMATCHED_COST = 5.5
"""Cost of a transition without a common beat: nine in ten of those on the beat cost less."""
_MAX_SHARE = 0.25
"""Greatest share of either track that an overlap may take, so that short tracks are still heard."""
_LENGTHS, _USUAL_LENGTH = (6.0, 5.0, 7.0, 4.0, 8.0), 6.0
_SWAP_SECONDS = 0.4
"""Time in which the bass is swapped."""
_MIN_LENGTH_FOR_BANDS = 3.0
_EARLIER = (0.0, 1.0, 2.0)
"""Seconds before the end of the music at which an overlap may end: the last sound may only be ringing."""
_FADES = ((2.0, 0.6), (1.5, 0.5), (1.0, 0.4), (3.0, 1.0))
"""Lengths of the fade-out, and of the overlap at its end, in seconds."""
_FADE_IN_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class _Way:
    """A way to cross: a shape, the seconds by which it ends before the music, and its own cost."""

    shape: Shape
    earlier: float
    cost: float


def blend(outgoing: MixTrack, incoming: MixTrack, earliest: float) -> Transition:
    """Return the overlap of 4 to 8 s at the end of the music whose length and shape keep loudness steadiest.

    The outgoing file is not left before its second `earliest`. Where there is less room the overlap is shorter.
    """
    ends = max(outgoing.level.fades_at(), earliest)
    enter = incoming.level.rises_at()
    room = max(min(ends - earliest, incoming.last_sound - enter) * _MAX_SHARE, 0.0)
    ways = [
        _Way(shape, min(earlier, room), abs(length - _USUAL_LENGTH) / 16 + 0.05 * index + 0.1 * earlier)
        for length, earlier in product(_LENGTHS, _EARLIER)
        if earlier <= room
        for index, shape in enumerate(_shapes(min(length, room)))
    ]
    plan, best = _best(outgoing, incoming, ends, enter, ways)
    name = f"{best.length:.1f}-second crossfade" if best.length >= 0.05 else "Cut"
    return replace(plan, reasons=(f"{name} at the end of the music.",))


def fade(outgoing: MixTrack, incoming: MixTrack, earliest: float) -> Transition | None:
    """Return a fade-out with the incoming track after it; None if either track is too short.

    The outgoing file is not left before its second `earliest`.
    """
    ends = outgoing.level.fades_at()
    enter = incoming.level.rises_at()
    if min(ends - earliest, incoming.last_sound - enter) * _MAX_SHARE < max(length for length, _ in _FADES):
        return None
    ways = [
        _Way(whole(length, 0.0, _FADE_IN_SECONDS, length - overlap), earlier, 0.05 * index + 0.05 * earlier)
        for (index, (length, overlap)), earlier in product(enumerate(_FADES), _EARLIER)
    ]
    plan, _ = _best(outgoing, incoming, ends, enter, ways)
    return replace(plan, style="fade", reasons=("Fade out, then fade in: the keys clash.",))


def _shapes(length: float) -> Sequence[Shape]:
    if length < _MIN_LENGTH_FOR_BANDS:
        return (whole(length, 0.0, length), whole(length, 0.5 * length, 0.5 * length))
    return banded(length, length / 2 - _SWAP_SECONDS / 2, _SWAP_SECONDS)


def _best(
    outgoing: MixTrack, incoming: MixTrack, ends: float, enter: float, ways: Sequence[_Way]
) -> tuple[Transition, Shape]:
    """Return the shape of the way that costs least, and its transition."""
    leaves = np.array([ends - way.earlier - way.shape.length for way in ways])
    even = np.ones(len(ways))
    changes = excursions(outgoing.level, incoming.level, leaves, enter * even, [it.shape for it in ways], even)
    costs = [loudness_cost(change) + way.cost for way, change in zip(ways, changes.tolist(), strict=True)]
    number = int(np.argmin(costs))
    best, shape = ways[number], ways[number].shape
    plan = Transition(
        "crossfade",
        leave_at=samples(ends - best.earlier - shape.length),
        enter_at=samples(enter),
        duration=samples(shape.length),
        delay=samples(shape.delay),
        hold=samples(shape.hold),
        fade_in=samples(shape.fade_in),
        bands=shape.band_plan(),
        sways=float(changes[number]),
        cost=UNMATCHED_COST + float(costs[number]),
    )
    return plan, shape
