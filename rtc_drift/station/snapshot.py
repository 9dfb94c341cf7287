"""A programme as text that outlives the server: everything but the tracks themselves, which the library knows."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from pydantic import TypeAdapter

from rtc_drift.engine.protocol.plays import Play
from rtc_drift.library.track import Track
from rtc_drift.mixing.model import Transition
from rtc_drift.selection.choice import Why
from rtc_drift.selection.journey import History, Journey
from rtc_drift.station.autodj import Snapshot
from rtc_drift.station.programme import Entry, Programme, unplan


@dataclass(frozen=True, slots=True)
class _SavedEntry:
    play: Play
    transition: Transition
    reason: str
    queued: bool
    sound_ends: int | None
    why: Why | None = None


@dataclass(frozen=True, slots=True)
class _Saved:
    media_time: int
    entries: tuple[_SavedEntry, ...]
    next_play_id: int
    paused_at: int | None
    journey: Journey
    arrived: tuple[int, ...]


_SAVED = TypeAdapter(_Saved)
_HISTORY = TypeAdapter(History)


class SavedStation:
    """What was saved of a programme, to be gone on from when the library knows its tracks again."""

    def __init__(self, state: str, history: str) -> None:
        """Raises ValueError when that is no saved state."""
        self._saved = _SAVED.validate_json(state)
        self.history = _HISTORY.validate_json(history)

    @property
    def media_time(self) -> int:
        """Where it stood."""
        return self._saved.media_time

    def snapshot(self, find: Callable[[str], Track | None]) -> Snapshot:
        """The snapshot, with the tracks that `find` still finds by id.

        Without a planned one, another is planned; without the one that was heard, the programme begins anew.
        """
        saved = self._saved
        entries = tuple(_entry(each, track) for each in saved.entries if (track := find(each.play.track_id)))
        programme = Programme(entries, saved.next_play_id, saved.paused_at)
        heard = [each.play.id for each in saved.entries if each.play.start <= saved.media_time][-1:]
        if any(programme.find(play_id) is None for play_id in heard):
            programme = Programme(next_play_id=saved.next_play_id)
        elif len(entries) < len(saved.entries):
            programme = unplan(programme, saved.media_time)
        return Snapshot(saved.media_time, programme, saved.journey, saved.arrived)


def _entry(saved: _SavedEntry, track: Track) -> Entry:
    # What was rendered ahead is gone by then: it goes on in the track's own file.
    play = replace(saved.play, path=str(track.path), lead=None, offset=max(0, saved.play.offset))
    return Entry(play, track, saved.transition, saved.reason, saved.queued, saved.why, saved.sound_ends)


def state_text(snapshot: Snapshot) -> str:
    """A snapshot as JSON."""
    programme = snapshot.programme
    # Paths stay out: the library knows where a track lies by then, and they need not be text.
    entries = tuple(
        _SavedEntry(replace(each.play, path=""), each.transition, each.reason, each.queued, each.sound_ends, each.why)
        for each in programme.entries
    )
    saved = _Saved(
        snapshot.media_time, entries, programme.next_play_id, programme.paused_at, snapshot.journey, snapshot.arrived
    )
    return _SAVED.dump_json(saved).decode()


def history_text(history: History) -> str:
    """A journey's history as JSON."""
    return _HISTORY.dump_json(history).decode()


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
    """Of a programme (see `saving`); None for a follower."""
    history: str | None
    """Of its journey; None while saving = as it was."""
