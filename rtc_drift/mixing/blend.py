"""Transitions without a common beat: an equal-power blend, a cut at the ending, or a fade-out before a fade-in."""

import math
from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from typing import Literal

from rtc_drift.media import samples
from rtc_drift.mixing.beat_grid import BeatGrid
from rtc_drift.mixing.loudness_curve import SHAPES, UNNOTICED_LU, Shape, excursion
from rtc_drift.mixing.mix_track import MixTrack
from rtc_drift.mixing.model import BassSwap, Transition

MAX_EXCURSION_LU = 1.2
"""Greatest expected excursion of loudness; above it, another style is used if its excursion is smaller."""
_MAX_SHARE = 0.25
"""Greatest share of either track that an overlap may take, so that short tracks are still heard."""
_LENGTHS, _USUAL_LENGTH = (6.0, 5.0, 7.0, 4.0, 8.0), 6.0
_SWAP_SECONDS = 0.4
"""Time in which the bass is swapped."""
_MIN_LENGTH_FOR_SWAP = 3.0
_EARLIER = (0.0, 1.0, 2.0)
"""Seconds before the end of the music at which an overlap may end: the last sound may only be ringing."""
_FADES = ((2.0, 0.6), (1.5, 0.5), (1.0, 0.4), (3.0, 1.0))
"""Lengths of the fade-out, and of the overlap at its end, in seconds."""
_FADE_IN_SECONDS = 0.5
_FIRST_BAR_WITHIN = 2.0
"""Greatest distance of the incoming track's first bar from its first sound for a cut on a beat, in seconds."""
_ENTRY_SECONDS = 0.005
"""Fade-in of a cut."""


def blend(outgoing: MixTrack, incoming: MixTrack, earliest: float) -> Transition:
    """Return the overlap of 4 to 8 s at the end of the music whose length and shape keep loudness steadiest.

    The outgoing file is not left before its second `earliest`. Where there is less room the overlap is shorter.
    """
    ends = max(outgoing.level.fades_at(), earliest)
    enter = incoming.level.rises_at()
    room = max(min(ends - earliest, incoming.last_sound - enter) * _MAX_SHARE, 0.0)

    def shaped(length: float, shape: tuple[float, float]) -> Shape:
        length = min(length, room)
        return Shape(
            length, 0.0, shape[0] * length, shape[1] * length, length / 2 if length > _MIN_LENGTH_FOR_SWAP else None
        )

    shapes = (
        (shaped(length, shape), min(earlier, room), abs(length - _USUAL_LENGTH) / 16 + 0.05 * index + 0.1 * earlier)
        for (length, (index, shape), earlier) in product(_LENGTHS, enumerate(SHAPES), _EARLIER)
        if earlier <= room
    )
    plan, best = _best(outgoing, incoming, ends, enter, shapes)
    swap = None if best.bass_at is None else BassSwap(samples(best.bass_at - _SWAP_SECONDS / 2), samples(_SWAP_SECONDS))
    name = f"{best.length:.1f}-second crossfade" if best.length >= 0.05 else "Cut"
    return replace(plan, bass=swap, reasons=(f"{name} at the end of the music.",))


def fade(outgoing: MixTrack, incoming: MixTrack, earliest: float) -> Transition | None:
    """Return a fade-out with the incoming track after it; None if either track is too short.

    The outgoing file is not left before its second `earliest`.
    """
    ends = outgoing.level.fades_at()
    enter = incoming.level.rises_at()
    if min(ends - earliest, incoming.last_sound - enter) * _MAX_SHARE < max(length for length, _ in _FADES):
        return None
    shapes = (
        (Shape(length, length - together, 0.0, _FADE_IN_SECONDS), earlier, 0.05 * index + 0.05 * earlier)
        for (index, (length, together)), earlier in product(enumerate(_FADES), _EARLIER)
    )
    plan, _ = _best(outgoing, incoming, ends, enter, shapes)
    return replace(plan, style="fade", reasons=("Fade out, then fade in: the keys clash.",))


def _best(
    outgoing: MixTrack, incoming: MixTrack, ends: float, enter: float, shapes: Iterable[tuple[Shape, float, float]]
) -> tuple[Transition, Shape]:
    """Return the shape that costs least, and its transition.

    Each of `shapes` comes with the seconds by which it ends before the music, and with a cost of its own.
    """
    costs = list[tuple[float, Shape, float, float]]()
    for shape, earlier, own_cost in shapes:
        change = excursion(outgoing.level, incoming.level, ends - earlier - shape.length, enter, shape)
        costs.append((2 * max(change - UNNOTICED_LU, 0.0) + own_cost, shape, earlier, change))
    _, best, earlier, change = min(costs, key=lambda it: it[0])
    plan = Transition(
        "crossfade",
        leave_at=samples(ends - earlier - best.length),
        enter_at=samples(enter),
        duration=samples(best.length),
        delay=samples(best.delay),
        hold=samples(best.hold),
        fade_in=samples(best.fade_in),
        sways=change,
    )
    return plan, best


def cut(outgoing: MixTrack, incoming: MixTrack, earliest: float) -> Transition | None:
    """Return a cut at the ending of the outgoing track, which rings on while the incoming track begins.

    On a bar or beat of the outgoing track if one comes in time and the incoming track has bars. None if the music fades
    or was cut off, if loudness would change too much, or if the cut came before the second `earliest`.
    """
    if not outgoing.level.ends_cold():
        return None
    bar = incoming.first_bar(_FIRST_BAR_WITHIN)
    ringing = None if bar is None or outgoing.grid is None else _beat_while_ringing(outgoing, outgoing.grid)
    if bar is not None and ringing is not None:
        at, unit = ringing
        early = min(_ENTRY_SECONDS, bar)  # The fade-in must be over at the first attack.
        reason = f"Cut on the next {unit}, while the ending rings on."
        return _cut(outgoing, incoming, earliest, at - early, bar - early, reason)
    if not outgoing.level.stops():
        return None
    end = outgoing.level.fades_at()
    return _cut(outgoing, incoming, earliest, end, incoming.first_sound, "Cut where the music stops.")


def _cut(
    outgoing: MixTrack, incoming: MixTrack, earliest: float, at: float, enter: float, reason: str
) -> Transition | None:
    ringing = outgoing.last_sound - at
    change = excursion(outgoing.level, incoming.level, at, enter, Shape(ringing, 0.0, ringing, _ENTRY_SECONDS))
    if at < earliest or change > MAX_EXCURSION_LU:
        return None
    return Transition(
        "crossfade",
        leave_at=samples(at),
        enter_at=samples(enter),
        duration=samples(ringing),
        style="cut",
        hold=samples(ringing),
        fade_in=samples(_ENTRY_SECONDS),
        sways=change,
        reasons=(reason,),
    )


def _beat_while_ringing(outgoing: MixTrack, grid: BeatGrid) -> tuple[float, Literal["bar", "beat"]] | None:
    """Return the first bar, else the first beat, of the grid while the ending rings on, in seconds of the file."""
    beat = 60 / grid.bpm
    last = float(grid.beats[grid.downbeats[-1]])
    units: tuple[tuple[float, Literal["bar", "beat"]], ...] = ((grid.beats_per_bar * beat, "bar"), (beat, "beat"))
    for step, unit in units:
        steps = max(math.ceil((outgoing.level.fades_at() - beat / 8 - last) / step), 0)
        if last + steps * step <= outgoing.last_sound and outgoing.level.is_audible(last + steps * step):
            return last + steps * step, unit
    return None
