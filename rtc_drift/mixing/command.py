"""Somebody wants another track: on the next bar, or at once."""

from dataclasses import replace

from rtc_drift.media import samples, seconds
from rtc_drift.mixing.crossfade import SKIP_FADE, immediate_transition
from rtc_drift.mixing.mix_track import Side
from rtc_drift.mixing.model import Transition, When

WITHIN_SECONDS = 2.2
"""A bar that comes later is not waited for."""
_ENTRY_SECONDS = 0.02
"""What comes in on a downbeat is there at once."""
_FIRST_BAR_WITHIN = 4.0


def plan_skip(outgoing: Side | None, incoming: Side, earliest: int, when: When = "bar") -> Transition:
    """How the outgoing track (None: silence) is left at its sample `earliest` or little later.

    On a bar where both have bars, on a beat where that is too far; the incoming track begins with its own first bar.
    """
    plain = immediate_transition(incoming.track, earliest, SKIP_FADE)
    if when == "now" or outgoing is None or outgoing.grid is None:
        return plain
    since = seconds(earliest)
    at = outgoing.grid.next_downbeat(since)
    on_bar = at is not None and at - since <= WITHIN_SECONDS
    if not on_bar:
        at = outgoing.grid.next_beat(since)
        if at is None or at - since > WITHIN_SECONDS:
            return plain
    assert at is not None
    enter = incoming.first_bar(_FIRST_BAR_WITHIN)
    return replace(
        plain,
        leave_at=max(samples(at), earliest),
        enter_at=plain.enter_at if enter is None else samples(enter),
        style="cut",
        fade_in=samples(_ENTRY_SECONDS),
        reasons=("On the next bar." if on_bar else "On the next beat.",),
    )
