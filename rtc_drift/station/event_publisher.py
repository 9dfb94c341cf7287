"""Tells a session's readers what its conductor does, in the words of the events."""

from collections.abc import Callable, Container, Sequence

from rtc_drift.library.track import Track
from rtc_drift.selection.open_directions import Open
from rtc_drift.station import events, views
from rtc_drift.station.programme import Entry


class Herald:
    """Makes events of what happens in a session; `now` gives its media time, `loved` the ids of loved tracks."""

    def __init__(
        self,
        session_id: str,
        now: Callable[[], int],
        loved: Container[str],
        publish: Callable[[events.Event], None],
    ) -> None:
        self._session_id = session_id
        self._now = now
        self._loved = loved
        self._publish = publish

    def planned(self, entry: Entry) -> None:
        """Something comes next."""
        self._tell(events.TrackPlanned, self._now(), **dict(views.planned(entry, self._loved)))

    def started(self, entry: Entry, previous: Entry | None) -> None:
        """A track has started, out of another's transition if there was one."""
        start, transition = entry.play.start, entry.transition
        if previous is not None and transition.duration:
            self._tell(
                events.TransitionStarted,
                start,
                from_track=previous.track.id,
                to=entry.track.id,
                kind=transition.kind,
                duration_samples=transition.duration,
            )
        self._tell(events.TrackStarted, start, **dict(views.playing(entry, self._loved)))

    def playback(self, change: events.PlaybackChange, at: int, entry: Entry, paused_at: int | None) -> None:
        """Somebody paused, resumed or sought; it is heard at media time `at`."""
        playing = views.playing(entry, self._loved)
        self._tell(events.PlaybackChanged, at, change=change, now_playing=playing, paused_at=paused_at)

    def queue(self, queue: Sequence[Track]) -> None:
        """The queue is another."""
        infos = [views.TrackInfo.of(track, self._loved) for track in queue]
        self._tell(events.QueueChanged, self._now(), queue=infos)

    def explorer(self, track_id: str, found: Sequence[Open]) -> None:
        """Where the music may go has changed."""
        directions = [views.OpenDirection.of(it, self._loved) for it in found]
        self._tell(events.ExplorerSnapshot, self._now(), track_id=track_id, directions=directions)

    def direction(self, direction: str | None) -> None:
        """The heading is another."""
        self._tell(events.DirectionChanged, self._now(), direction=direction)

    def _tell(self, event: Callable[..., events.Event], media_time: int, **fields: object) -> None:
        self._publish(event(session_id=self._session_id, media_time=media_time, **fields))
