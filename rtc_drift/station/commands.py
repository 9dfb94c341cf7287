"""What people ask of a session, carried out by its conductor. Each command says when it will be heard.

Commands are carried out in the order they come: one that comes while another is on its way is heard after it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from rtc_drift.library.track import Track
from rtc_drift.media import samples
from rtc_drift.mixing.crossfade import HUSH, SKIP_FADE
from rtc_drift.mixing.model import Transition, When
from rtc_drift.selection import journey as ways
from rtc_drift.selection.choice import Choice
from rtc_drift.selection.directions import STEERABLE
from rtc_drift.station import events
from rtc_drift.station import programme as steps
from rtc_drift.station.autodj import COLD_LEAD, PREFETCHED_LEAD, Conductor, NothingToPlayError
from rtc_drift.station.event_publisher import Herald
from rtc_drift.station.programme import Entry
from rtc_drift.station.timeline import Timeline

LAST_SECONDS = 0.5


class NoSuchTrackError(Exception):
    """The library has no such track."""

    def __init__(self, field: str = "trackId") -> None:
        """`field` is what named it."""
        super().__init__()
        self.field = field


class NoSuchDirectionError(Exception):
    """Nobody can steer there."""


class OutOfTrackError(Exception):
    """A position that the track does not have."""

    def __init__(self, duration_seconds: float) -> None:
        super().__init__()
        self.duration_seconds = duration_seconds


class QueueFullError(Exception):
    """As many tracks as allowed wait already."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A command that will be heard: when, and what of."""

    starts_at: int
    track: Track | None
    transition: Transition | None


class Steering:
    """The commands of one session.

    All may raise NothingToPlayError while nothing plays, and TooManyCommandsError.
    """

    def __init__(
        self, conductor: Conductor, timeline: Timeline, herald: Herald, find: Callable[[str], Track | None]
    ) -> None:
        """`find` gives the track of an id."""
        self._conductor = conductor
        self._timeline = timeline
        self._herald = herald
        self._find = find

    def begin_with(self, track_id: str | None, direction: str | None) -> None:
        """How a new session starts. Raises NoSuchTrackError, NoSuchDirectionError."""
        conductor = self._conductor
        conductor.journey = replace(conductor.journey, direction=checked_direction(direction))
        if track_id is not None:
            conductor.skip(Choice(self._track(track_id), "The session begins with it."), SKIP_FADE)

    def next_track(self, track_id: str | None = None, direction: str | None = None, when: When = "bar") -> Accepted:
        """Cross over into a track, or into what is planned; with a direction, into what is chosen for it.

        On the next bar, where that is known and near, or at once.

        Raises NoSuchTrackError, NoSuchDirectionError.
        """
        conductor = self._conductor
        wanted = Choice(self._track(track_id), "Somebody asked for it.") if track_id else None
        checked_direction(direction)
        conductor.make_room()
        if direction is not None:
            self.steer(direction)
        planned = conductor.programme.planned(conductor.settled())
        choice = wanted or conductor.as_planned(planned) or conductor.choose()
        if choice is None:
            raise NothingToPlayError
        return self._skip(choice, when=when)

    def previous(self) -> Accepted:
        """Back to the track before, or to this one's beginning if there is none."""
        current = self._current().track
        self._conductor.make_room()
        track_id = ways.previous(self._conductor.journey, self._conductor.is_known)
        track = (self._find(track_id) if track_id else None) or current
        return self._skip(Choice(track, "Somebody went back to it."), back=True)

    def pause(self) -> Accepted:
        """Silence until somebody resumes."""
        conductor, current, settled = self._conductor, self._current(), self._conductor.settled()
        at = conductor.programme.paused_at
        if at is None:
            at = conductor.moment(PREFETCHED_LEAD)
            conductor.held = conductor.as_planned(conductor.programme.planned(settled))
            conductor.apply(steps.pause(conductor.programme, at, settled, conductor.length(HUSH)))
        return self._played("paused", at, current)

    def resume(self) -> Accepted:
        """Go on where it was paused."""
        conductor, current, at = self._conductor, self._current(), self._timeline.now()
        if conductor.programme.paused_at is not None:
            at = conductor.moment(COLD_LEAD)
            current = conductor.go_on(steps.resume(conductor.programme, at, conductor.length(HUSH)))
        return self._played("resumed", at, current)

    def seek(self, position_seconds: float) -> Accepted:
        """Go elsewhere in the present track; what is paused stays so. Raises OutOfTrackError.

        Near its end a last half second is left to be heard, out of which the next track comes in.
        """
        conductor, track = self._conductor, self._current().track
        if position_seconds > track.duration_seconds:
            raise OutOfTrackError(track.duration_seconds)
        position = samples(max(0.0, min(position_seconds, track.last_sound_seconds - LAST_SECONDS)))
        settled, at = conductor.settled(), conductor.moment(COLD_LEAD)
        conductor.held = conductor.as_planned(conductor.programme.planned(settled)) or conductor.held
        ramp = conductor.length(HUSH)
        entry = conductor.go_on(steps.seek(conductor.programme, position, at, settled, ramp))
        return self._played("seeked", at, entry)

    def enqueue(self, track_id: str) -> Accepted:
        """Let a track come after those that are queued. Raises NoSuchTrackError, QueueFullError."""
        conductor, track = self._conductor, self._track(track_id)
        if len(conductor.journey.queue) >= ways.QUEUE:
            raise QueueFullError
        conductor.journey = replace(conductor.journey, queue=(*conductor.journey.queue, track.id))
        conductor.plan_anew()
        self._herald.queue(conductor.queue())
        last = self._end_of_queue()
        if last is None:
            return Accepted(self._timeline.horizon, track, None)
        return Accepted(last.play.start, track, last.transition)

    def steer(self, direction: str | None) -> Accepted:
        """Head somewhere, or nowhere in particular. Raises NoSuchDirectionError."""
        heading, journey = checked_direction(direction), self._conductor.journey
        self._conductor.journey = replace(journey, direction=heading)
        if heading != journey.direction and self._conductor.knows_the_way:
            self._conductor.plan_anew(may_stay=True)
        return self._headed()

    def reset_drift(self) -> Accepted:
        """Forget the direction and what was heard, and choose anew."""
        self._conductor.journey = ways.reset(self._conductor.journey)
        self._conductor.plan_anew()
        return self._headed()

    def _skip(self, choice: Choice, *, back: bool = False, when: When = "bar") -> Accepted:
        was_paused = self._conductor.programme.paused_at is not None
        entry = self._conductor.skip(choice, SKIP_FADE, back=back, when=when)
        if was_paused:
            self._herald.playback("resumed", entry.play.start, entry, None)
        return Accepted(entry.play.start, entry.track, entry.transition)

    def _played(self, change: events.PlaybackChange, at: int, entry: Entry) -> Accepted:
        self._herald.playback(change, at, entry, self._conductor.programme.paused_at)
        return Accepted(at, entry.track, None)

    def _headed(self) -> Accepted:
        """A new heading is heard with the next track."""
        self._herald.direction(self._conductor.journey.direction)
        planned = self._conductor.planned()
        if planned is None:
            return Accepted(self._timeline.horizon, None, None)
        return Accepted(planned.play.start, planned.track, planned.transition)

    def _end_of_queue(self) -> Entry | None:
        """How the last of the queue comes in if nobody intervenes; None while nobody can tell."""
        programme = self._conductor.programme
        if programme.paused_at is not None or not programme.entries:
            return None
        queue, end = self._conductor.queue(), programme.entries[-1]
        is_planned = end.queued and not self._conductor.has_arrived(end)
        for track in queue[1:] if is_planned else queue:
            last = programme.entries[-1].play.start
            programme = steps.prune(steps.plan_next(programme, Choice(track, ""), last, last + 1), last)
        return programme.entries[-1]

    def _current(self) -> Entry:
        """What commands speak of: what is playing, or was asked for to play."""
        current = self._conductor.programme.current(self._conductor.settled())
        if current is None:
            raise NothingToPlayError
        return current

    def _track(self, track_id: str) -> Track:
        track = self._find(track_id)
        if track is None:
            raise NoSuchTrackError
        return track


def checked_direction(direction: str | None) -> str | None:
    """The direction, if people can steer there. Raises NoSuchDirectionError."""
    if direction is not None and direction not in STEERABLE:
        raise NoSuchDirectionError
    return direction
