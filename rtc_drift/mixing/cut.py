"""The cut: the ending of the outgoing track is played, and the incoming one begins while it rings out."""

import math
from typing import Literal

from rtc_drift.media import samples
from rtc_drift.mixing.beat_grid import BeatGrid
from rtc_drift.mixing.blend import MAX_EXCURSION_LU, UNMATCHED_COST
from rtc_drift.mixing.mix_track import MixTrack
from rtc_drift.mixing.model import Transition
from rtc_drift.mixing.predicted_loudness import excursion, loudness_cost
from rtc_drift.mixing.shapes import whole

_FIRST_BAR_WITHIN = 2.0
"""Greatest distance of the incoming track's first bar from its first sound for a cut on a beat, in seconds."""
_ENTRY_SECONDS = 0.005
"""Fade-in of a cut."""
_LAST_FADE_SECONDS = 0.02
"""Fade-out at the end of the ringing: what is left there is quiet, but not silent."""
_CUT_BONUS = 0.5
"""A cut at a real ending costs less than a blend by this."""


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
    change = excursion(outgoing.level, incoming.level, at, enter, whole(ringing, ringing, _ENTRY_SECONDS))
    if at < earliest or change > MAX_EXCURSION_LU:
        return None
    return Transition(
        "crossfade",
        leave_at=samples(at),
        enter_at=samples(enter),
        duration=samples(ringing),
        style="cut",
        hold=samples(max(ringing - _LAST_FADE_SECONDS, 0.0)),
        fade_in=samples(_ENTRY_SECONDS),
        sways=change,
        cost=UNMATCHED_COST - _CUT_BONUS + loudness_cost(change),
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
