"""The one place where events are made: what happens in a session, in the words of its event stream."""

from collections.abc import Callable, Container, Sequence
from datetime import datetime

from rtc_drift.library.track import Track
from rtc_drift.selection.open_directions import ExploredDirection
from rtc_drift.station import events, views
from rtc_drift.station.entry import Entry
from rtc_drift.station.queue_changes import QueueChange


class EventPublisher:
    """Makes the events of one station, and publishes those that are for every reader."""

    def __init__(
        self,
        session_id: str,
        now: Callable[[], int],
        loved: Container[str],
        publish: Callable[[events.Event], None],
    ) -> None:
        """Publish under `session_id`. `now` returns the media time, `loved` holds the ids of the loved tracks."""
        self._session_id = session_id
        self._now = now
        self._loved = loved
        self._publish = publish

    # --- the programme ------------------------------------------------------------------------------------------------

    def planned(self, entry: Entry) -> None:
        """Publish which track comes next."""
        self._send(events.TrackPlanned, self._now(), **dict(views.PlannedTrack.of(entry, self._loved)))

    def started(self, entry: Entry, previous: Entry | None) -> datetime:
        """Publish that a track has started, and the transition from the `previous` one if they overlap; return when."""
        start, transition = entry.play.start, entry.transition
        if previous is not None and transition.duration:
            self._send(
                events.TransitionStarted,
                start,
                from_track=previous.track.id,
                to=entry.track.id,
                kind=transition.kind,
                duration_samples=transition.duration,
            )
        return self._send(events.TrackStarted, start, **dict(views.PlayingTrack.of(entry, self._loved)))

    def playback(self, change: events.PlaybackChange, at: int, entry: Entry, paused_at: int | None) -> None:
        """Publish a pause, resume or seek that takes effect at media time `at`."""
        playing = views.PlayingTrack.of(entry, self._loved)
        self._send(events.PlaybackChanged, at, change=change, now_playing=playing, paused_at=paused_at)

    def queue(self, change: QueueChange, track: Track | None, length: int, revision: int) -> None:
        """Publish a change of the queue, of which the `track` was added or removed, if it is still known."""
        self._send(
            events.QueueChanged,
            self._now(),
            change=change.kind,
            position=change.position,
            from_position=change.from_position,
            entry_id=change.entry.entry_id if change.entry else None,
            track_id=change.entry.track_id if change.entry else None,
            title=views.cut(track.title) if track else None,
            artist=views.cut(track.artist) if track else None,
            length=length,
            revision=revision,
        )

    def direction(self, direction: str | None) -> None:
        """Publish a changed direction."""
        self._send(events.DirectionChanged, self._now(), direction=direction)

    def explorer(self, track_id: str, found: Sequence[ExploredDirection]) -> None:
        """Publish the directions open from a track."""
        directions = [views.OpenDirection.of(it, self._loved) for it in found]
        self._send(events.ExplorerSnapshot, self._now(), track_id=track_id, directions=directions)

    # --- the session --------------------------------------------------------------------------------------------------

    def listeners(self, count: int, followers: int, *, running: bool) -> None:
        """Publish how many listeners and followers there are."""
        self._send(events.ListenersChanged, self._now(), count=count, followers=followers, running=running)

    def love(self, track_id: str, value: bool) -> None:
        """Publish that a track is loved, or is no longer."""
        self._send(events.LoveChanged, self._now(), track_id=track_id, value=value)

    def heartbeat(self, *, running: bool) -> None:
        """Publish that the station is alive, and whether its media time advances."""
        self._send(events.Heartbeat, self._now(), running=running)

    def ended(self, reason: str) -> None:
        """Publish that the session has ended."""
        self._send(events.SessionEnded, self._now(), reason=reason)

    # --- for one reader -----------------------------------------------------------------------------------------------

    def hello(self, state: views.SessionState) -> events.Hello:
        """Make the event that opens a client's stream."""
        return events.Hello(session_id=state.session_id, media_time=self._now(), state=state)

    def farewell(self, session_id: str, reason: str) -> events.SessionEnded:
        """Make the event that ends the stream of a client of `session_id` alone."""
        return events.SessionEnded(session_id=session_id, media_time=self._now(), reason=reason)

    def _send(self, event: Callable[..., events.Event], media_time: int, **fields: object) -> datetime:
        made = event(session_id=self._session_id, media_time=media_time, **fields)
        self._publish(made)
        return made.at
