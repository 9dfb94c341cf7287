"""Without a common beat: an equal-power blend, a cut as one ends, or one fades before the other comes."""

import math
from collections.abc import Iterable
from dataclasses import replace
from itertools import product

from rtc_drift.media import samples
from rtc_drift.mixing.beat_grid import BeatGrid
from rtc_drift.mixing.loudness_curve import SHAPES, UNHEARD_LU, Shape, excursion
from rtc_drift.mixing.mix_track import MixTrack
from rtc_drift.mixing.model import BassSwap, Transition

MOST_LU = 1.2
"""What sways more than this is joined otherwise, if that is better."""
_LARGEST_SHARE = 0.25
"""Of what either track has to give, so that short pieces are still heard."""
_LENGTHS, _USUAL_LENGTH = (6.0, 5.0, 7.0, 4.0, 8.0), 6.0
_SWAP_SECONDS = 0.4
_LEAST_FOR_SWAP = 3.0
_EARLIER = (0.0, 1.0, 2.0)
"""Seconds before the end of the music: what rings on is not always to be waited for."""
_FADES = ((2.0, 0.6), (1.5, 0.5), (1.0, 0.4), (3.0, 1.0))
"""How long one fades out, and for how long of that the next one is heard already."""
_FADE_IN_SECONDS = 0.5
_FIRST_BAR_WITHIN = 2.0
_ENTRY_SECONDS = 0.005


def blend(outgoing: MixTrack, incoming: MixTrack, earliest: float) -> Transition:
    """An overlap of 4 to 8 s that ends with the music: as long, and so shaped, that loudness sways least."""
    ends = max(outgoing.level.fades_at(), earliest)
    enter = incoming.level.rises_at()
    room = max(min(ends - earliest, incoming.last_sound - enter) * _LARGEST_SHARE, 0.0)

    def shaped(length: float, shape: tuple[float, float]) -> Shape:
        length = min(length, room)
        return Shape(
            length, 0.0, shape[0] * length, shape[1] * length, length / 2 if length > _LEAST_FOR_SWAP else None
        )

    shapes = (
        (shaped(length, shape), min(earlier, room), abs(length - _USUAL_LENGTH) / 16 + 0.05 * number + 0.1 * earlier)
        for (length, (number, shape), earlier) in product(_LENGTHS, enumerate(SHAPES), _EARLIER)
        if earlier <= room
    )
    plan, best = _best(outgoing, incoming, ends, enter, shapes)
    swap = None if best.bass_at is None else BassSwap(samples(best.bass_at - _SWAP_SECONDS / 2), samples(_SWAP_SECONDS))
    return replace(plan, bass=swap, reasons=(f"A blend of {best.length:.1f} seconds where the music ends.",))


def fade(outgoing: MixTrack, incoming: MixTrack, earliest: float) -> Transition | None:
    """One fades out, the other comes in behind it; None where either is too short."""
    ends = outgoing.level.fades_at()
    enter = incoming.level.rises_at()
    if min(ends - earliest, incoming.last_sound - enter) * _LARGEST_SHARE < max(length for length, _ in _FADES):
        return None
    shapes = (
        (Shape(length, length - together, 0.0, _FADE_IN_SECONDS), earlier, 0.05 * number + 0.05 * earlier)
        for (number, (length, together)), earlier in product(enumerate(_FADES), _EARLIER)
    )
    plan, _ = _best(outgoing, incoming, ends, enter, shapes)
    return replace(plan, style="fade", reasons=("Neither tempo nor key would go together.",))


def _best(
    outgoing: MixTrack, incoming: MixTrack, ends: float, enter: float, shapes: Iterable[tuple[Shape, float, float]]
) -> tuple[Transition, Shape]:
    """Of shapes, each with how much before the end it is over and a cost of its own, the one that costs least."""
    costs = list[tuple[float, Shape, float, float]]()
    for shape, earlier, own in shapes:
        sways = excursion(outgoing.level, incoming.level, ends - earlier - shape.length, enter, shape)
        costs.append((2 * max(sways - UNHEARD_LU, 0.0) + own, shape, earlier, sways))
    _, best, earlier, sways = min(costs, key=lambda it: it[0])
    plan = Transition(
        "crossfade",
        leave_at=samples(ends - earlier - best.length),
        enter_at=samples(enter),
        duration=samples(best.length),
        delay=samples(best.delay),
        hold=samples(best.hold),
        fade_in=samples(best.fade_in),
        sways=sways,
    )
    return plan, best


def cut(outgoing: MixTrack, incoming: MixTrack, earliest: float) -> Transition | None:
    """The ending is heard, and the next begins while it rings on: on a bar or beat, if one comes and the next has bars.

    None where the music fades or was cut off, or loudness would sway.
    """
    if not outgoing.level.ends_cold():
        return None
    bar = incoming.first_bar(_FIRST_BAR_WITHIN)
    on_beat = None if bar is None or outgoing.grid is None else _in_the_ringing(outgoing, outgoing.grid)
    if bar is not None and on_beat is not None:
        reason = "It ends on its last beat, and the next begins on the bar."
        early = min(_ENTRY_SECONDS, bar)  # what is struck on the bar is heard whole
        return _cut(outgoing, incoming, earliest, on_beat - early, bar - early, reason)
    if not outgoing.level.stops():
        return None
    over = outgoing.level.fades_at()
    return _cut(outgoing, incoming, earliest, over, incoming.first_sound, "It ends, and the next begins.")


def _cut(
    outgoing: MixTrack, incoming: MixTrack, earliest: float, at: float, enter: float, reason: str
) -> Transition | None:
    rings = outgoing.last_sound - at
    sways = excursion(outgoing.level, incoming.level, at, enter, Shape(rings, 0.0, rings, _ENTRY_SECONDS))
    if at < earliest or sways > MOST_LU:
        return None
    return Transition(
        "crossfade",
        leave_at=samples(at),
        enter_at=samples(enter),
        duration=samples(rings),
        style="cut",
        hold=samples(rings),
        fade_in=samples(_ENTRY_SECONDS),
        sways=sways,
        reasons=(reason,),
    )


def _in_the_ringing(side: MixTrack, grid: BeatGrid) -> float | None:
    """Where a bar, else a beat of the grid falls while the ending rings on, in seconds of the file."""
    beat = 60 / grid.bpm
    last = float(grid.beats[grid.downbeats[-1]])
    for step in (grid.beats_per_bar * beat, beat):
        steps = max(math.ceil((side.level.fades_at() - beat / 8 - last) / step), 0)
        if last + steps * step <= side.last_sound and side.level.is_audible(last + steps * step):
            return last + steps * step
    return None
