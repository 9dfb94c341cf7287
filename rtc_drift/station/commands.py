"""The commands of a station: each is checked, carried out by the DJ, and answered with when it is heard.

Commands take effect in the order they come: one that arrives while another is pending is heard after it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rtc_drift.library.track import Track
from rtc_drift.media import samples
from rtc_drift.mixing.model import Transition, When
from rtc_drift.selection.choice import Choice
from rtc_drift.selection.directions import STEERABLE
from rtc_drift.selection.journey import QUEUE
from rtc_drift.station.autodj import AutoDj
from rtc_drift.station.entry import Entry

LAST_SECONDS = 0.5
"""End of a track that a seek never skips."""


class NoSuchTrackError(Exception):
    """The library has no such track."""

    def __init__(self, field: str = "trackId") -> None:
        """Name the `field` of the request that held it."""
        super().__init__()
        self.field = field


class NoSuchDirectionError(Exception):
    """There is no such direction."""


class OutOfTrackError(Exception):
    """The position lies behind the end of the track."""

    def __init__(self, duration_seconds: float) -> None:
        super().__init__()
        self.duration_seconds = duration_seconds


class QueueFullError(Exception):
    """The queue holds as many tracks as it may."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to a command: from which media time on it is heard, and what."""

    starts_at: int
    track: Track | None
    transition: Transition | None
    renew: "Callable[[], Accepted] | None" = field(default=None, compare=False, repr=False)
    """Returns the answer once what is planned is settled; None: it stays as it is."""


class Commands:
    """The commands of one station: each checks what it is given, asks the DJ, and returns when it will be heard.

    All may raise NothingToPlayError while nothing plays, and TooManyCommandsError.
    """

    def __init__(self, autodj: AutoDj, find: Callable[[str], Track | None]) -> None:
        """Command `autodj`; `find` returns the track of an id."""
        self._autodj = autodj
        self._find = find

    def begin_with(self, track_id: str | None, direction: str | None) -> None:
        """Start a new session. Raises NoSuchTrackError, NoSuchDirectionError."""
        first = None if track_id is None else Choice(self._track(track_id), "First track of this room.")
        self._autodj.begin(checked_direction(direction), first)

    def next_track(self, track_id: str | None = None, direction: str | None = None, when: When = "bar") -> Accepted:
        """Cross over into a track, or into the planned one; with a direction, into one chosen for it.

        On the next bar, where that is known and near, or at once. Raises NoSuchTrackError, NoSuchDirectionError.
        """
        wanted = Choice(self._track(track_id), "Requested.") if track_id else None
        return self._accepted(self._autodj.skip(wanted, direction=checked_direction(direction), when=when))

    def previous(self) -> Accepted:
        """Go back to the track before, or to this one's beginning if there is none."""
        return self._accepted(self._autodj.previous())

    def pause(self) -> Accepted:
        """Go silent until somebody resumes."""
        at, entry = self._autodj.pause()
        return Accepted(at, entry.track, None)

    def resume(self) -> Accepted:
        """Go on where it was paused."""
        at, entry = self._autodj.resume()
        return Accepted(at, entry.track, None)

    def seek(self, position_seconds: float) -> Accepted:
        """Go elsewhere in the present track; what is paused stays so. Raises OutOfTrackError.

        The last half second can't be skipped, so that the next track has something to come in over.
        """
        track = self._autodj.current().track
        if position_seconds > track.duration_seconds:
            raise OutOfTrackError(track.duration_seconds)
        position = samples(max(0.0, min(position_seconds, track.last_sound_seconds - LAST_SECONDS)))
        at, entry = self._autodj.seek(position)
        return Accepted(at, entry.track, None)

    def enqueue(self, track_id: str, position: int | None = None) -> Accepted:
        """Let a track come at a position of the queue, or last. Raises NoSuchTrackError, QueueFullError."""
        track = self._track(track_id)
        if len(self._autodj.journey.queue) >= QUEUE:
            raise QueueFullError
        entry = self._autodj.queue.add((track,), position)
        return Accepted(self._autodj.horizon, track, None) if entry is None else self._accepted(entry)

    def fill(self, tracks: Sequence[Track]) -> None:
        """Let tracks come after those that are queued, as many as there is room for."""
        self._autodj.queue.add(tracks)

    def unqueue(self, entry_id: int) -> Accepted:
        """Take an entry out of the queue. Raises NoSuchEntryError."""
        return Accepted(self._autodj.horizon, self._autodj.queue.remove(entry_id), None)

    def move(self, entry_id: int, position: int) -> Accepted:
        """Move an entry to a position of the queue, or to its end. Raises NoSuchEntryError."""
        track, entry = self._autodj.queue.move(entry_id, position)
        return Accepted(self._autodj.horizon, track, None) if entry is None else self._accepted(entry)

    def steer(self, direction: str | None) -> Accepted:
        """Head in a direction, or nowhere in particular. Raises NoSuchDirectionError."""
        self._autodj.head(checked_direction(direction))
        return self._with_the_next_track()

    def reset_drift(self) -> Accepted:
        """Forget the direction and what was played, and choose anew."""
        self._autodj.reset_drift()
        return self._with_the_next_track()

    def _with_the_next_track(self) -> Accepted:
        planned = self._autodj.planned()
        track, transition = (None, None) if planned is None else (planned.track, planned.transition)
        at = self._autodj.horizon if planned is None else planned.play.start
        return Accepted(at, track, transition, self._with_the_next_track)

    def _accepted(self, entry: Entry) -> Accepted:
        """Return the answer about an entry as it is planned now. A skip is told as it is to become."""
        latest = self._autodj.planner.latest(self._autodj.programme, entry)
        transition, pending = latest.transition, self._autodj.pending_lead
        if transition.kind == "skip" and pending is not None and pending.play_id == latest.play.id:
            transition = pending.transition
        return Accepted(latest.play.start, latest.track, transition, lambda: self._accepted(latest))

    def _track(self, track_id: str) -> Track:
        track = self._find(track_id)
        if track is None:
            raise NoSuchTrackError
        return track


def checked_direction(direction: str | None) -> str | None:
    """Return the direction if there is such a one, or None. Raises NoSuchDirectionError."""
    if direction is not None and direction not in STEERABLE:
        raise NoSuchDirectionError
    return direction
