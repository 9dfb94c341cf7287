"""A station's state as a value, and as JSON that outlives the server: all but the tracks, which the library knows."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from pydantic import TypeAdapter

from rtc_drift.engine.protocol.plays import Play
from rtc_drift.library.track import Track
from rtc_drift.mixing.model import Transition
from rtc_drift.selection.choice import Why
from rtc_drift.selection.journey import History, Journey
from rtc_drift.station.programme import Entry, Programme, unplan


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a DJ has to know to go on after a restart of the server, except the journey's history."""

    media_time: int
    programme: Programme
    journey: Journey
    counted: tuple[int, ...]
    """Plays whose tracks the journey counts as played already."""


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A session as it is stored; times are ISO 8601."""

    id: str
    following: str | None
    """The leader's id, of a follower."""
    name: str
    created: str
    last_access: str
    lock: str | None
    state: str | None
    """The snapshot as JSON; None for a follower."""
    history: str | None
    """The journey's history as JSON; None while saving: unchanged."""


# The names of these fields are those of the database: servers of other versions read them.
@dataclass(frozen=True, slots=True)
class _SavedEntry:
    play: Play
    transition: Transition
    reason: str
    queued: bool
    sound_ends: int | None
    why: Why | None = None


@dataclass(frozen=True, slots=True)
class _SavedState:
    media_time: int
    entries: tuple[_SavedEntry, ...]
    next_play_id: int
    paused_at: int | None
    journey: Journey
    arrived: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _SavedHistory:
    heard: tuple[str, ...] = ()
    trail: tuple[str, ...] = ()


_STATE = TypeAdapter(_SavedState)
_HISTORY = TypeAdapter(_SavedHistory)


class SavedStation:
    """A saved station, to be restored when the library knows its tracks again."""

    def __init__(self, state: str, history: str) -> None:
        """Read what `state_text` and `history_text` wrote. Raises ValueError if it is not that."""
        self._saved = _STATE.validate_json(state)
        saved_history = _HISTORY.validate_json(history)
        self.history = History(played=saved_history.heard, trail=saved_history.trail)

    @property
    def media_time(self) -> int:
        """The media time at which it stood."""
        return self._saved.media_time

    def snapshot(self, find: Callable[[str], Track | None]) -> Snapshot:
        """Return the snapshot with the tracks that `find` still finds by id.

        If the planned track is missing, another will be planned; if the one on the air is, the programme begins anew.
        """
        saved = self._saved
        entries = tuple(_entry(each, track) for each in saved.entries if (track := find(each.play.track_id)))
        programme = Programme(entries, saved.next_play_id, saved.paused_at)
        on_air = [each.play.id for each in saved.entries if each.play.start <= saved.media_time][-1:]
        if any(programme.find(play_id) is None for play_id in on_air):
            programme = Programme(next_play_id=saved.next_play_id)
        elif len(entries) < len(saved.entries):
            programme = unplan(programme, saved.media_time)
        return Snapshot(saved.media_time, programme, saved.journey, saved.arrived)


def state_text(snapshot: Snapshot) -> str:
    """Return a snapshot as JSON."""
    programme = snapshot.programme
    # Paths stay out: the library knows where a track lies by then, and they need not be text.
    entries = tuple(
        _SavedEntry(replace(each.play, path=""), each.transition, each.reason, each.queued, each.sound_ends, each.why)
        for each in programme.entries
    )
    saved = _SavedState(
        snapshot.media_time, entries, programme.next_play_id, programme.paused_at, snapshot.journey, snapshot.counted
    )
    return _STATE.dump_json(saved).decode()


def history_text(history: History) -> str:
    """Return a journey's history as JSON."""
    return _HISTORY.dump_json(_SavedHistory(history.played, history.trail)).decode()


def _entry(saved: _SavedEntry, track: Track) -> Entry:
    # A stretched intro is gone by then: the track goes on in its own file.
    play = replace(saved.play, path=str(track.path), lead=None, offset=max(0, saved.play.offset))
    return Entry(play, track, saved.transition, saved.reason, saved.queued, saved.why, saved.sound_ends)
