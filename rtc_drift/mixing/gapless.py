"""Tracks that follow each other on the disc: they are played on as the disc has them."""

from rtc_drift.mixing.mix_track import MixTrack
from rtc_drift.mixing.model import Transition


def follows_on(outgoing: MixTrack, incoming: MixTrack) -> bool:
    """Whether one is the next track of the other's album."""
    first, second = outgoing.track, incoming.track
    if not first.album or first.track_number is None or second.track_number is None:
        return False
    same_album = (first.album, first.path.parent) == (second.album, second.path.parent)
    return same_album and second.track_number == first.track_number + 1


def gapless(outgoing: MixTrack) -> Transition:
    """Every sample of both, one after the other."""
    return Transition(
        "crossfade",
        leave_at=outgoing.track.duration_samples,
        enter_at=0,
        duration=0,
        style="gapless",
        reasons=("They follow each other on the album.",),
    )
