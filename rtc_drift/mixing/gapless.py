"""Tracks that follow each other on an album: they are played without gap or overlap, as on the album."""

from rtc_drift.mixing.mix_track import MixTrack
from rtc_drift.mixing.model import Transition

_LONGEST_PAUSE_SECONDS = 0.3
"""Longest silence between two tracks that belong together: more than encoders add, less than a breath."""


def follows_on(outgoing: MixTrack, incoming: MixTrack) -> bool:
    """Return True if the incoming track is the next one on the album of the outgoing one, and no pause lies between."""
    first, second = outgoing.track, incoming.track
    if not first.album or first.track_number is None or second.track_number is None:
        return False
    same_album = (first.album, first.path.parent) == (second.album, second.path.parent)
    pause = first.duration_seconds - outgoing.last_sound + incoming.first_sound
    return same_album and second.track_number == first.track_number + 1 and pause <= _LONGEST_PAUSE_SECONDS


def gapless(outgoing: MixTrack) -> Transition:
    """Return the transition that plays every sample of both tracks, one after the other."""
    return Transition(
        "crossfade",
        leave_at=outgoing.track.duration_samples,
        enter_at=0,
        duration=0,
        style="gapless",
        reasons=("No gap, as on the album.",),
    )
