"""Plans a transition: the first style that fits, of gapless, beat-matched, cut, fade and blend."""

from rtc_drift.analysis.camelot import UNKNOWN_KEY, key_number, key_steps
from rtc_drift.media import seconds
from rtc_drift.mixing.beat_grid import MIN_CONFIDENCE
from rtc_drift.mixing.beat_match import beat_match
from rtc_drift.mixing.blend import MAX_EXCURSION_LU, blend, fade
from rtc_drift.mixing.cut import cut
from rtc_drift.mixing.gapless import follows_on, gapless
from rtc_drift.mixing.mix_track import MixTrack
from rtc_drift.mixing.model import Transition

_CLASH_STEPS = 4
"""Least distance of two clashing keys, in steps on the Camelot wheel."""


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
