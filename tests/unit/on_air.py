"""A studio that is on the air, and what was heard of it."""

from rtc_drift.library.track import Track
from rtc_drift.media import SAMPLE_RATE
from rtc_drift.station.programme import Entry
from tests.studio import Studio, tracks


def playing(count: int = 9, *, running: bool = True) -> Studio:
    """A studio ten seconds into its first track (or standing at its beginning)."""
    studio = Studio(*tracks(count), running=running)
    studio.autodj.advance()
    if running:
        studio.go(10)
    return studio


def heard(studio: Studio) -> list[str]:
    """The titles of what has started."""
    return [event.track.title for event in studio.of("track_started")]


def others(studio: Studio) -> list[Track]:
    """The tracks that are not on the air."""
    return [track for track in studio.library.playable() if track.title != studio.title()]


def until_shortly_before_the_next(studio: Studio) -> Entry:
    """Until the next track is rendered, and not yet heard; gives that."""
    planned = studio.autodj.planned()
    assert planned is not None
    studio.go((planned.play.start - studio.now) / SAMPLE_RATE - 0.1)
    return planned
