"""Plans a transition: the first style that fits, of gapless, beat-matched, cut, fade and blend."""

from dataclasses import replace

from rtc_drift.analysis.camelot import UNKNOWN_KEY, key_number, key_steps
from rtc_drift.media import samples, seconds
from rtc_drift.mixing.beat_grid import MIN_CONFIDENCE
from rtc_drift.mixing.beat_match import beat_match
from rtc_drift.mixing.blend import MAX_EXCURSION_LU, blend, fade
from rtc_drift.mixing.crossfade import SKIP_FADE, immediate_transition
from rtc_drift.mixing.cut import cut
from rtc_drift.mixing.gapless import follows_on, gapless
from rtc_drift.mixing.mix_track import MixTrack
from rtc_drift.mixing.model import Transition, When

MAX_WAIT_SECONDS = 2.2
"""Greatest delay of a skip for the next bar or beat."""
_CLASH_STEPS = 4
"""Least distance of two clashing keys, in steps on the Camelot wheel."""
_ENTRY_SECONDS = 0.02
"""Fade-in of a track that enters on a downbeat."""
_FIRST_BAR_WITHIN = 4.0
"""Greatest distance of the first bar from the first sound for a skip to enter there, in seconds."""


def plan_transition(outgoing: MixTrack, incoming: MixTrack, earliest: int, *, may_stretch: bool = True) -> Transition:
    """Plan the transition where the music of the outgoing track ends, but not before its sample `earliest`.

    Without `may_stretch` the transition needs no stretched intro.
    """
    if follows_on(outgoing, incoming):
        return gapless(outgoing)
    since = seconds(earliest)
    matched = beat_match(outgoing, incoming, since, may_stretch=may_stretch)
    if matched is not None and matched.sways <= MAX_EXCURSION_LU:
        return matched
    unmatched = (
        cut(outgoing, incoming, since)
        or (fade(outgoing, incoming, since) if _clash(outgoing, incoming) else None)
        or blend(outgoing, incoming, since)
    )
    return matched if matched is not None and matched.sways <= unmatched.sways else unmatched


def _clash(outgoing: MixTrack, incoming: MixTrack) -> bool:
    """Return True if both keys are certain and far from each other."""
    if outgoing.analysis is None or incoming.analysis is None:
        return False
    if min(outgoing.analysis.key_confidence, incoming.analysis.key_confidence) < MIN_CONFIDENCE:
        return False
    first, second = key_number(outgoing.analysis.camelot), key_number(incoming.analysis.camelot)
    return UNKNOWN_KEY not in (first, second) and key_steps(first, second) >= _CLASH_STEPS


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
