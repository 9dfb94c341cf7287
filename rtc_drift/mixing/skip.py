"""Plans skips: what happens between two tracks when somebody asks for another one."""

from dataclasses import replace

from rtc_drift.media import samples, seconds
from rtc_drift.mixing.beat_match import beat_match_at
from rtc_drift.mixing.blend import MAX_EXCURSION_LU
from rtc_drift.mixing.crossfade import SKIP_FADE, immediate_transition
from rtc_drift.mixing.mix_track import MixTrack
from rtc_drift.mixing.model import Transition, When

MAX_WAIT_SECONDS = 2.2
"""Greatest delay of a skip for the next bar or beat."""
_ENTRY_SECONDS = 0.02
"""Fade-in of a track that enters on a downbeat."""
_FIRST_BAR_WITHIN = 4.0
"""Greatest distance of the first bar from the first sound for a skip to enter there, in seconds."""
_TOLERANCE_SECONDS = 0.05
"""Greatest distance of a bar of the beat grid from where it is struck."""


def plan_skip(outgoing: MixTrack | None, incoming: MixTrack, earliest: int, when: When = "bar") -> Transition:
    """Plan how to leave the outgoing track (None: silence) at its sample `earliest`, or up to 2.2 s later.

    On the next bar if it comes in time, else on the next beat; there the incoming track enters with its own first bar,
    or with its first sound if that bar is unknown. Without either, and with `when` = "now", it is a crossfade at once.
    """
    plain = immediate_transition(incoming.track, earliest, SKIP_FADE)
    if when == "now" or outgoing is None or outgoing.grid is None:
        return plain
    since = seconds(earliest)
    at = outgoing.grid.next_downbeat(since)
    on_bar = at is not None and at - since <= MAX_WAIT_SECONDS
    if not on_bar:
        at = outgoing.grid.next_beat(since)
        if at is None or at - since > MAX_WAIT_SECONDS:
            return plain
    assert at is not None
    enter = incoming.first_bar(_FIRST_BAR_WITHIN)
    return replace(
        plain,
        leave_at=max(samples(at), earliest),
        enter_at=plain.enter_at if enter is None else samples(enter),
        style="cut",
        fade_in=samples(_ENTRY_SECONDS),
        reasons=("Cut on the next bar." if on_bar else "Cut on the next beat.",),
    )


def plan_matched_skip(
    outgoing: MixTrack, incoming: MixTrack, earliest: int, at_once: int, stretched: int
) -> Transition | None:
    """Plan a skip on the beat, on the next bar if it can be had by then, else on the bar after next.

    None if the next bar is not near, if the tracks don't fit, or if both bars come too early.

    Args:
        outgoing: the outgoing track.
        incoming: the incoming track.
        earliest: sample of the outgoing file from which on the bars count.
        at_once: a transition without stretching can begin from this sample on.
        stretched: a transition that needs stretching can begin from this sample on.
    """
    since = seconds(earliest)
    first = outgoing.grid.next_downbeat(since) if outgoing.grid else None
    if outgoing.grid is None or first is None or first - since > MAX_WAIT_SECONDS:
        return None
    for bar in (first, outgoing.grid.next_downbeat(first + 2 * _TOLERANCE_SECONDS)):
        if bar is None or bar < seconds(at_once):
            continue
        begin, end = max(bar - _TOLERANCE_SECONDS, seconds(at_once)), bar + _TOLERANCE_SECONDS
        found = beat_match_at(outgoing, incoming, begin, end, may_stretch=begin >= seconds(stretched))
        if found is not None and found.sways <= MAX_EXCURSION_LU:
            return replace(found, kind="skip")
    return None


def plan_cut_instead(outgoing: MixTrack, incoming: MixTrack, matched: Transition) -> Transition:
    """Plan the cut at the moment of a matched skip, for the case that its stretched ends are not there in time."""
    cut = plan_skip(outgoing, incoming, max(matched.leave_at - samples(_TOLERANCE_SECONDS), 0))
    return replace(cut, leave_at=matched.leave_at)
