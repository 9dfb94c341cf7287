"""Which way two tracks are joined: the first that fits of gapless, beat-matched, cut, fade, blend."""

from rtc_drift.media import seconds
from rtc_drift.mixing.beat_grid import SURE
from rtc_drift.mixing.beat_match import matched
from rtc_drift.mixing.blend import MOST_LU, blend, cut, fade
from rtc_drift.mixing.gapless import follows_on, gapless
from rtc_drift.mixing.mix_track import Side
from rtc_drift.mixing.model import Transition
from rtc_drift.selection.mixability import UNKNOWN_KEY, key_number, key_steps

_CLASH = 4
"""Steps on the Camelot wheel from which on two keys hurt each other."""


def plan_transition(outgoing: Side, incoming: Side, earliest: int, *, may_stretch: bool = True) -> Transition:
    """How the outgoing track gives way where its music ends; never leaves it before its sample `earliest`.

    Without `may_stretch` nothing has to be rendered ahead for it.
    """
    if follows_on(outgoing, incoming):
        return gapless(outgoing)
    since = seconds(earliest)
    on_the_beat = matched(outgoing, incoming, since, may_stretch=may_stretch)
    if on_the_beat is not None and on_the_beat.sways <= MOST_LU:
        return on_the_beat
    otherwise = (
        cut(outgoing, incoming, since)
        or (fade(outgoing, incoming, since) if _clash(outgoing, incoming) else None)
        or blend(outgoing, incoming, since)
    )
    return on_the_beat if on_the_beat is not None and on_the_beat.sways <= otherwise.sways else otherwise


def _clash(outgoing: Side, incoming: Side) -> bool:
    """Whether both keys are sure and far from each other."""
    if outgoing.heard is None or incoming.heard is None:
        return False
    if min(outgoing.heard.key_confidence, incoming.heard.key_confidence) < SURE:
        return False
    first, second = key_number(outgoing.heard.camelot), key_number(incoming.heard.camelot)
    return UNKNOWN_KEY not in (first, second) and key_steps(first, second) >= _CLASH
