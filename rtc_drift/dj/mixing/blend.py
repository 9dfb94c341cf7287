"""Without a common beat: an equal-power blend, a cut on the bar, or one fades before the other comes."""

import math

from rtc_drift.dj.mixing.grid import Grid
from rtc_drift.dj.mixing.level import excursion
from rtc_drift.dj.mixing.side import Side
from rtc_drift.dj.plan import BassSwap, Transition
from rtc_drift.media import samples

_LENGTHS = (4.0, 5.0, 6.0, 7.0, 8.0)
_USUAL_SECONDS = 6.0
_LARGEST_SHARE = 0.25
"""Of what either track has to give, so that short pieces are still heard."""
_SWAP_SECONDS = 0.4
_LEAST_FOR_SWAP = 3.0
_COLD_SECONDS = 2.5
_COLD_LU = 6.0
_FIRST_BAR_WITHIN = 2.0
_FADE_OUT_SECONDS, _FADE_IN_SECONDS, _TOGETHER_SECONDS = 4.0, 2.0, 1.0


def blend(outgoing: Side, incoming: Side, earliest: float) -> Transition:
    """An overlap of 4 to 8 s that ends with the music: as long as loudness sways least."""
    ends = max(outgoing.level.fades_at(outgoing.last_sound), earliest)
    enter = incoming.level.rises_at(incoming.first_sound)
    room = min(ends - earliest, incoming.last_sound - enter) * _LARGEST_SHARE

    def cost(length: float) -> float:
        sways = excursion(outgoing.level, incoming.level, ends - length, enter, length)
        return max(sways - 1.0, 0.0) + abs(length - _USUAL_SECONDS) / 8

    length = min(min(_LENGTHS, key=cost), max(room, 0.0))
    swap = (
        BassSwap(samples(length / 2 - _SWAP_SECONDS / 2), samples(_SWAP_SECONDS)) if length > _LEAST_FOR_SWAP else None
    )
    return Transition(
        "crossfade",
        leave_at=samples(ends - length),
        enter_at=samples(enter),
        duration=samples(length),
        bass=swap if length > _LEAST_FOR_SWAP else None,
        reasons=(f"A blend of {length:.1f} seconds where the music ends.",),
    )


def ends_cold(side: Side) -> bool:
    """Whether it is as loud as ever until it ends, so that its ending is to be heard."""
    return side.level.at(side.last_sound - _COLD_SECONDS) > -_COLD_LU


def cut(outgoing: Side, incoming: Side, earliest: float) -> Transition | None:
    """The ending is heard, and the next begins where the next bar or beat would; None without bars."""
    leaving, entering = outgoing.grid, incoming.grid
    if leaving is None or entering is None:
        return None
    enter = entering.next_downbeat(incoming.first_sound - 0.05)
    at = _after_the_ending(outgoing, leaving)
    if enter is None or enter > incoming.first_sound + _FIRST_BAR_WITHIN or at is None or at < earliest:
        return None
    return Transition(
        "crossfade",
        leave_at=samples(at),
        enter_at=samples(enter),
        duration=0,
        style="cut",
        reasons=("It ends on its last beat, and the next begins on the bar.",),
    )


def _after_the_ending(side: Side, grid: Grid) -> float | None:
    """Where the grid goes on when the sound is over (an eighth of a step may ring on), in seconds of the file."""
    beat = 60 / grid.bpm
    for step in (grid.beats_per_bar * beat, beat):
        last = float(grid.beats[grid.downbeats[-1]])
        steps = max(math.ceil((side.last_sound - step / 8 - last) / step), 0)
        if last + steps * step <= side.track.duration_seconds:
            return last + steps * step
    return None


def fade(outgoing: Side, incoming: Side, earliest: float) -> Transition | None:
    """One fades out, the other fades in behind it; None where either is too short."""
    ends = outgoing.level.fades_at(outgoing.last_sound)
    enter = incoming.level.rises_at(incoming.first_sound)
    if min(ends - earliest, incoming.last_sound - enter) * _LARGEST_SHARE < _FADE_OUT_SECONDS:
        return None
    return Transition(
        "crossfade",
        leave_at=samples(ends - _FADE_OUT_SECONDS),
        enter_at=samples(enter),
        duration=samples(_FADE_OUT_SECONDS),
        style="fade",
        delay=samples(_FADE_OUT_SECONDS - _TOGETHER_SECONDS),
        fade_in=samples(_FADE_IN_SECONDS),
        reasons=("Neither tempo nor key would go together.",),
    )
