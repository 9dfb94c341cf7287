"""Tracks as the mixing sees them, with or without a beat."""

from rtc_drift.analysis.model import Analysis
from rtc_drift.mixing import MixTrack
from tests.support.music import make_track

LENGTH = 180.0
"""Length of a mix track in seconds, unless another is given."""


def mix_track(number: int, analysis: Analysis | None = None, length: float = LENGTH, **changes: object) -> MixTrack:
    """Make a mix track with sound from its beginning until half a second before its end, unless `changes` say so."""
    track = make_track(number, duration=length, lufs=-14).model_copy(
        update={"first_sound_seconds": 0.0, "last_sound_seconds": length - 0.5, **changes}
    )
    return MixTrack(track, analysis)
