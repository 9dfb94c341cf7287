"""Which way two tracks are joined: the first that fits of gapless, beat-matched, cut, fade, blend."""

from dataclasses import replace

from rtc_drift.analysis.camelot import UNKNOWN_KEY, key_number, key_steps
from rtc_drift.media import samples, seconds
from rtc_drift.mixing.beat_grid import SURE
from rtc_drift.mixing.beat_match import matched
from rtc_drift.mixing.blend import MOST_LU, blend, cut, fade
from rtc_drift.mixing.crossfade import SKIP_FADE, immediate_transition
from rtc_drift.mixing.gapless import follows_on, gapless
from rtc_drift.mixing.mix_track import MixTrack
from rtc_drift.mixing.model import Transition, When

_CLASH = 4
"""Steps on the Camelot wheel from which on two keys hurt each other."""


def plan_transition(outgoing: MixTrack, incoming: MixTrack, earliest: int, *, may_stretch: bool = True) -> Transition:
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


def _clash(outgoing: MixTrack, incoming: MixTrack) -> bool:
    """Whether both keys are sure and far from each other."""
    if outgoing.analysis is None or incoming.analysis is None:
        return False
    if min(outgoing.analysis.key_confidence, incoming.analysis.key_confidence) < SURE:
        return False
    first, second = key_number(outgoing.analysis.camelot), key_number(incoming.analysis.camelot)
    return UNKNOWN_KEY not in (first, second) and key_steps(first, second) >= _CLASH


WITHIN_SECONDS = 2.2
"""A bar that comes later is not waited for."""


_ENTRY_SECONDS = 0.02
"""What comes in on a downbeat is there at once."""


_FIRST_BAR_WITHIN = 4.0


def plan_skip(outgoing: MixTrack | None, incoming: MixTrack, earliest: int, when: When = "bar") -> Transition:
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
