"""A programme: the plays that are on the air or planned, and the pure steps from one such state to the next.

The state is a value. `now` is always handed in; nothing here knows a clock, a file or a process.
"""

from dataclasses import dataclass, replace

from rtc_drift.dj.plan import Fade, Play, Transition
from rtc_drift.dj.transitions import RESCUE_FADE, SKIP_FADE, immediate_transition, levelled_gain, natural_transition
from rtc_drift.library.track import Track
from rtc_drift.media import samples


@dataclass(frozen=True, slots=True)
class Entry:
    """A play, the track it plays, and how it came in."""

    play: Play
    track: Track
    transition: Transition
    reason: str


@dataclass(frozen=True, slots=True)
class Programme:
    """What is on the air and what is planned, in order of start. At most the last entry lies in the future."""

    entries: tuple[Entry, ...] = ()
    next_play_id: int = 1

    @property
    def plays(self) -> tuple[Play, ...]:
        return tuple(entry.play for entry in self.entries)

    def current(self, now: int) -> Entry | None:
        """The latest entry that has started, or None before the first."""
        return next((entry for entry in reversed(self.entries) if entry.play.start <= now), None)

    def planned(self, now: int) -> Entry | None:
        """The entry that is yet to start, or None while nothing is planned."""
        return next((entry for entry in self.entries if entry.play.start > now), None)

    def find(self, play_id: int) -> Entry | None:
        return next((entry for entry in self.entries if entry.play.id == play_id), None)


def begin(programme: Programme, track: Track, reason: str, at: int) -> Programme:
    """Start `track` at `at` from its first sound: for the first track, and after silence."""
    transition = Transition("start", leave_at=0, enter_at=samples(track.first_sound_seconds), duration=0)
    return _append(programme, track, reason, transition, at)


def plan_next(programme: Programme, track: Track, reason: str, now: int) -> Programme:
    """Plan `track` to follow the current one at its natural end; replaces what was planned."""
    current = programme.current(now)
    if current is None:
        raise ValueError("a first track must begin before a next one is planned")
    transition = natural_transition(current.track, track, current.play.offset)
    at = current.play.start + transition.leave_at - current.play.offset
    if at <= now:
        # Planned late, because the library was empty until now: the overlap is what is left of the outgoing track.
        left = max(0, at + transition.duration - now - 1)
        at = now + 1
        transition = replace(transition, leave_at=current.play.position_at(at), duration=left)
    return _overlap(unplan(programme, now), track, reason, transition, at)


def skip_to(programme: Programme, track: Track, reason: str, at: int, now: int) -> Programme:
    """Cross over into `track` from `at` on, whatever is playing, also in the middle of another transition.

    A planned play of the same track keeps its deck, which has already decoded its first seconds.
    """
    planned = programme.planned(now)
    base = unplan(programme, now)
    transition = immediate_transition("skip", track, _position(base, at), min(SKIP_FADE, _left(base, at)))
    reuse = planned.play.id if planned is not None and planned.track.id == track.id else None
    return _overlap(base, track, reason, transition, at, reuse)


def rescue(programme: Programme, sound_ends: int, track: Track, reason: str, at: int, now: int) -> Programme:
    """Bring `track` in from `at` on because what is playing will fall silent at media time `sound_ends`."""
    base = unplan(programme, now)
    duration = max(0, min(RESCUE_FADE, sound_ends - at, _left(base, at)))
    transition = immediate_transition("rescue", track, _position(base, at), duration)
    return _overlap(base, track, reason, transition, at)


def unplan(programme: Programme, now: int) -> Programme:
    """Take back what is planned: what has started stays, and plays on to its natural end."""
    started = (entry for entry in programme.entries if entry.play.start <= now)
    return replace(programme, entries=tuple(_released(entry, now) for entry in started))


def cut(programme: Programme, play_id: int, at: int) -> Programme:
    """The programme with one play ending at `at`: its file gives no more, and there is nothing to follow it."""
    entries = (
        replace(entry, play=replace(entry.play, end=max(entry.play.start + 1, min(entry.play.end, at))))
        if entry.play.id == play_id
        else entry
        for entry in programme.entries
    )
    return replace(programme, entries=tuple(entries))


def prune(programme: Programme, now: int) -> Programme:
    """The programme without what has ended."""
    current = programme.current(now)
    return replace(
        programme, entries=tuple(entry for entry in programme.entries if entry.play.end > now or entry is current)
    )


def _position(programme: Programme, at: int) -> int:
    return programme.entries[-1].play.position_at(at) if programme.entries else 0


def _left(programme: Programme, at: int) -> int:
    """How much of the latest track is left at `at`, in samples."""
    return max(0, programme.entries[-1].play.end - at) if programme.entries else 0


def _released(entry: Entry, now: int) -> Entry:
    play = entry.play
    if play.fade_out is None or play.fade_out.start <= now:
        return entry
    return replace(entry, play=replace(play, fade_out=None, end=_natural_end(play, entry.track)))


def _overlap(
    programme: Programme, track: Track, reason: str, transition: Transition, at: int, play_id: int | None = None
) -> Programme:
    """Fade out everything on the air from `at` over the transition's length, and append `track`."""
    fading = tuple(_faded(entry, Fade(at, transition.duration)) for entry in programme.entries)
    return _append(replace(programme, entries=fading), track, reason, transition, at, play_id)


def _faded(entry: Entry, fade: Fade) -> Entry:
    # A play already on its way out keeps its own fade, so that its level never steps back up.
    if entry.play.fade_out is not None:
        return entry
    return replace(entry, play=replace(entry.play, fade_out=fade, end=min(entry.play.end, fade.end)))


def _natural_end(play: Play, track: Track) -> int:
    return play.start + max(1, track.duration_samples - play.offset)


def _append(
    programme: Programme, track: Track, reason: str, transition: Transition, at: int, play_id: int | None = None
) -> Programme:
    play = Play(
        id=programme.next_play_id if play_id is None else play_id,
        track_id=track.id,
        path=str(track.path),
        start=at,
        offset=transition.enter_at,
        end=at,
        gain=levelled_gain(track),
        fade_in=transition.duration,
        fade_out=None,
    )
    play = replace(play, end=_natural_end(play, track))
    return Programme(
        entries=(*programme.entries, Entry(play, track, transition, reason)),
        next_play_id=programme.next_play_id + (play_id is None),
    )
