"""A station's state as a value, and as JSON that outlives the server: all but the tracks, which the library knows."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace

from pydantic import TypeAdapter

from rtc_drift.engine.protocol.plays import Fade, Play
from rtc_drift.library.track import Track
from rtc_drift.media import samples
from rtc_drift.mixing.model import Transition
from rtc_drift.selection.choice import Why
from rtc_drift.selection.directions import STEERABLE
from rtc_drift.selection.journey import PLAYED, QUEUE, History, Journey, Start
from rtc_drift.selection.queue import numbered
from rtc_drift.station.entry import Entry
from rtc_drift.station.programme import Programme, unplan

MAX_SAMPLES = 1 << 48
"""Greatest media time: 185 years."""
MAX_SAVED_ENTRIES = 32
"""More entries than a programme ever has."""
MAX_COUNTED = 1_000
MAX_COUNTER = 10**15
"""Greatest number of plays and of draws."""
MAX_TIME_OF_DAY = 253_402_300_799
"""Last second of the year 9999, since 1970."""
MAX_CHARACTERS = 2_000
"""Greatest length of any text in a state."""
MAX_GAIN = 10.0
MAX_GAP = samples(10)
"""Greatest time without a play after which a planned one begins. Less is heard after a file that broke off."""
_MAX_INTEGER = 1 << 63


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
    starts: tuple[Start, ...] | None = None
    """None if it was saved by a version that kept no starts."""


_STATE = TypeAdapter(_SavedState)
_HISTORY = TypeAdapter(_SavedHistory)


class SavedStation:
    """A saved station, to be restored when the library knows its tracks again."""

    def __init__(self, state: str, history: str) -> None:
        """Read what `state_text` and `history_text` wrote. Raises ValueError if it is not that."""
        self._saved = _checked(_STATE.validate_json(state))
        saved_history = _HISTORY.validate_json(history)
        _check_values(saved_history)
        self.history = _history(saved_history)

    @property
    def media_time(self) -> int:
        """The media time at which it stood."""
        return self._saved.media_time

    def snapshot(self, find: Callable[[str], Track | None]) -> Snapshot:
        """Return the snapshot with the tracks that `find` still finds by id.

        If the planned track is missing, another will be planned. If the one on the air is, or if nothing would be heard
        for a while though nobody has paused it, the programme begins anew.
        """
        saved = self._saved
        entries = tuple(_entry(each, track) for each in saved.entries if (track := find(each.play.track_id)))
        programme = Programme(entries, saved.next_play_id, saved.paused_at)
        on_air = [each.play.id for each in saved.entries if each.play.start <= saved.media_time][-1:]
        is_missing = any(programme.find(play_id) is None for play_id in on_air)
        if is_missing or not _goes_on(programme, saved.media_time):
            programme = Programme(next_play_id=saved.next_play_id)
        elif len(entries) < len(saved.entries):
            programme = unplan(programme, saved.media_time)
        return Snapshot(saved.media_time, programme, saved.journey, saved.arrived)


def state_text(snapshot: Snapshot) -> str:
    """Return a snapshot as JSON."""
    programme = snapshot.programme
    # Paths stay out: the library knows where a track lies by then, and they need not be text.
    entries = tuple(_saved_entry(each) for each in programme.entries)
    saved = _SavedState(
        snapshot.media_time, entries, programme.next_play_id, programme.paused_at, snapshot.journey, snapshot.counted
    )
    return _STATE.dump_json(saved).decode()


def _saved_entry(entry: Entry) -> _SavedEntry:
    # What was stretched is gone after a restart, so warps are of no use then.
    transition = replace(entry.transition, lead_warp=None, lead_out_warp=None)
    play = replace(entry.play, path="")
    return _SavedEntry(play, transition, entry.reason, entry.queued, entry.sound_ends, entry.why)


def history_text(history: History) -> str:
    """Return a journey's history as JSON."""
    return _HISTORY.dump_json(_SavedHistory(history.played, history.trail, history.starts)).decode()


def _history(saved: _SavedHistory) -> History:
    starts = saved.starts
    if starts is None:
        starts = tuple(Start(track_id, None, None) for track_id in saved.heard)
    sound = tuple(it for it in starts if it.at is None or 0 <= it.at <= MAX_TIME_OF_DAY)
    return History(saved.heard, saved.trail, sound)


def _entry(saved: _SavedEntry, track: Track) -> Entry:
    # What was stretched is gone by then: the track goes on in its own file.
    play = replace(saved.play, path=str(track.path), lead=None, lead_out=None, offset=max(0, saved.play.offset))
    entry = Entry(play, track, saved.transition, saved.reason, saved.queued, saved.why, saved.sound_ends)
    return replace(entry, play=replace(play, end=min(play.end, entry.natural_end)))


def _goes_on(programme: Programme, now: int) -> bool:
    """Return True if each entry begins before, or soon after, those before it have ended; or if it can be resumed."""
    until = now
    for entry in programme.entries:
        if entry.play.start > until + MAX_GAP:
            return False
        until = max(until, entry.play.end)
    if programme.paused_at is not None:
        return programme.current(now) is not None and programme.paused_at <= now + MAX_GAP
    return bool(programme.entries)


# --- what may have been damaged ---------------------------------------------------------------------------------------


def _checked(saved: _SavedState) -> _SavedState:
    """Return a saved state of which no value does harm. Raises ValueError if that can't be."""
    _check_values(saved)
    plays = [entry.play for entry in saved.entries]
    starts, ids = [play.start for play in plays], [play.id for play in plays]
    is_sound = (
        0 <= saved.media_time <= MAX_SAMPLES
        and len(plays) <= MAX_SAVED_ENTRIES
        and len(saved.arrived) <= MAX_COUNTED
        and len(saved.journey.queue) <= QUEUE
        and starts == sorted(starts)
        and len(set(ids)) == len(ids)
        and all(0 < play_id < saved.next_play_id for play_id in ids)
        and all(_is_sound(entry) for entry in saved.entries)
        and (saved.paused_at is None or (0 <= saved.paused_at <= MAX_SAMPLES and len(plays) > 0))
        and 0 <= saved.next_play_id <= MAX_COUNTER
        and 0 <= saved.journey.draws <= MAX_COUNTER
        and 0 <= saved.journey.entries_made <= MAX_COUNTER
        and saved.journey.seed >= 0
    )
    if not is_sound:
        raise ValueError("the saved state is damaged")
    journey = numbered(replace(saved.journey, history=History()))
    if journey.direction not in STEERABLE:
        journey = replace(journey, direction=None)
    return replace(saved, journey=journey)


def _is_sound(entry: _SavedEntry) -> bool:
    play, transition = entry.play, entry.transition
    fades = [fade for fade in (play.fade_out, play.hush, *_band_fades(play)) if fade is not None]
    times = (play.start, play.end, play.offset, *(fade.start for fade in fades), entry.sound_ends or 0)
    places = (transition.leave_at, transition.enter_at, transition.delay, transition.hold)
    lengths = (play.fade_in, transition.duration, transition.bars, transition.fade_in or 0)
    return (
        0 <= play.start <= play.end
        and 0 <= play.gain <= MAX_GAIN
        and all(abs(value) <= MAX_SAMPLES for value in (*times, *places))
        and all(0 <= value <= MAX_SAMPLES for value in (*lengths, *(fade.length for fade in fades)))
    )


def _band_fades(play: Play) -> Iterator[Fade]:
    for bands in (play.bands_in, play.bands_out):
        if bands is not None:
            yield from (bands.low, bands.mid, bands.high)


def _check_values(value: object) -> None:
    """Raise ValueError if a value within a dataclass is endless, no number, or greater than anything that is saved."""
    if is_dataclass(value):
        for field in fields(value):
            _check_values(getattr(value, field.name))
    elif isinstance(value, tuple):
        if len(value) > PLAYED:
            raise ValueError("the saved state has too many values")
        for each in value:
            _check_values(each)
    elif (
        (isinstance(value, str) and len(value) > MAX_CHARACTERS)
        or (isinstance(value, float) and not math.isfinite(value))
        or (isinstance(value, int) and abs(value) >= _MAX_INTEGER)
    ):
        raise ValueError("the saved state has a value out of range")
