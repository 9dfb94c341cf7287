"""A programme: the plays that are on the air or planned, and the pure steps from one such state to the next.

The state is a value. `now` is always handed in; nothing here knows a clock, a file or a process.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from rtc_drift.engine.protocol.plays import Fade, Lead, Play
from rtc_drift.library.normalisation import Normalisation
from rtc_drift.library.track import Track
from rtc_drift.media import samples
from rtc_drift.mixing.crossfade import HUSH, SKIP_FADE, immediate_transition, natural_transition
from rtc_drift.mixing.model import Transition, TransitionKind, warp_of
from rtc_drift.selection.choice import Choice, Why
from rtc_drift.stretching.warp import Warp


@dataclass(frozen=True, slots=True)
class Entry:
    """A play, the track it plays, and how it came in."""

    play: Play
    track: Track
    transition: Transition
    reason: str
    queued: bool = False
    """It comes from the queue."""
    why: Why | None = None
    """What its choice weighed, where it was chosen by how it sounds."""
    sound_ends: int | None = None
    """The media time at which its file turned out to break off."""

    def position_at(self, media_time: int) -> int:
        """The file's sample that is heard, also while the track is bent to another's tempo."""
        warp = self._warp
        if warp is None or media_time >= self.play.start + warp.length:
            return self.play.position_at(media_time)
        return round(warp.position_at(media_time - self.play.start))

    def time_of(self, position: int) -> int:
        """The media time at which the file's sample is heard: the inverse."""
        warp = self._warp
        if warp is None or position >= warp.resumes_at:
            return self.play.time_of(position)
        return self.play.start + round(warp.output_at(position))

    @property
    def _warp(self) -> Warp | None:
        return warp_of(self.transition) if self.play.lead is not None else None

    @property
    def natural_end(self) -> int:
        """The media time at which it ends when nothing else is planned."""
        end = self.play.start + max(1, self.track.duration_samples - self.play.offset)
        return end if self.sound_ends is None else max(self.play.start + 1, min(end, self.sound_ends))


@dataclass(frozen=True, slots=True)
class Programme:
    """What is on the air and what is planned, in order of start."""

    entries: tuple[Entry, ...] = ()
    next_play_id: int = 1
    paused_at: int | None = None
    """The media time from which on it is silent; the last entry is what goes on afterwards."""
    normalisation: Normalisation = field(default_factory=Normalisation)
    """How loud tracks are to be from now on."""

    @property
    def plays(self) -> tuple[Play, ...]:
        return tuple(entry.play for entry in self.entries if entry.play.end > entry.play.start)

    def current(self, now: int) -> Entry | None:
        """The latest entry that has started, or None before the first."""
        return next((entry for entry in reversed(self.entries) if entry.play.start <= now), None)

    def planned(self, now: int) -> Entry | None:
        """The entry that is yet to start, or None while nothing is planned."""
        return next((entry for entry in self.entries if entry.play.start > now), None)

    def find(self, play_id: int) -> Entry | None:
        return next((entry for entry in self.entries if entry.play.id == play_id), None)


def begin(programme: Programme, choice: Choice, at: int) -> Programme:
    """Start a track at `at` from its first sound: for the first track, and after silence."""
    transition = Transition("start", leave_at=0, enter_at=samples(choice.track.first_sound_seconds), duration=0)
    return _append(programme, choice, transition, at)


def plan_next(
    programme: Programme,
    choice: Choice,
    now: int,
    earliest: int,
    transition: Transition | None = None,
    lead: Lead | None = None,
) -> Programme:
    """Plan a track to follow the current one where its sound ends; replaces what was planned.

    It never starts before `earliest`, which must lie after `now`. So a plan made late, because the library was empty or
    a file broke off, has as much overlap as is left. Without a `transition` it is a plain crossfade.
    """
    base = unplan(programme, now)
    current = base.current(now)
    if current is None:
        raise ValueError("a first track must begin before a next one is planned")
    play = current.play
    transition = transition or natural_transition(current.track, choice.track, play.offset)
    prefetched = _prefetched(programme, choice.track, now)
    if (
        play.time_of(transition.leave_at) >= earliest
        and play.time_of(transition.leave_at) + transition.duration <= play.end
    ):
        return _overlap(base, choice, transition, play.time_of(transition.leave_at), prefetched, lead)
    plain = natural_transition(current.track, choice.track, play.offset)
    planned_end = play.time_of(plain.leave_at) + plain.duration
    ends = min(planned_end, play.end)
    duration = max(0, min(plain.duration, ends - earliest))
    at = max(earliest, ends - duration)
    kind: TransitionKind = "crossfade" if ends == planned_end else "rescue"
    plain = replace(plain, kind=kind, leave_at=play.position_at(at), duration=duration)
    return _overlap(base, choice, plain, at, prefetched)


def follow_with(programme: Programme, tracks: Iterable[Track]) -> Programme:
    """Plan tracks one after the other behind the last entry, each by a plain crossfade."""
    for track in tracks:
        last = programme.entries[-1].play.start
        programme = prune(plan_next(programme, Choice(track, ""), last, last + 1), last)
    return programme


def skip_to(
    programme: Programme,
    choice: Choice,
    at: int,
    now: int,
    fade: int = SKIP_FADE,
    transition: Transition | None = None,
) -> Programme:
    """Cross over into a track from `at` on, whatever is playing, also in the middle of another transition.

    `transition` tells how, if not by a plain fade of at most `fade` samples; its `leave_at` is where that is at `at`.
    """
    base = unplan(programme, now)
    transition = transition or immediate_transition(choice.track, _position(base, at), fade)
    transition = replace(transition, duration=min(transition.duration, fade, _left(base, at)))
    return _overlap(base, choice, transition, at, _prefetched(programme, choice.track, now))


def pause(programme: Programme, at: int, now: int, fade: int = HUSH) -> Programme:
    """Silent from `at` on, after a short ramp; what was planned is taken back."""
    return replace(_hushed(unplan(programme, now), Fade(at, fade)), paused_at=at)


def resume(programme: Programme, at: int, fade: int = HUSH) -> Programme:
    """Go on at `at` where it was paused. Raises ValueError when it was not."""
    if programme.paused_at is None:
        raise ValueError("only what was paused can be resumed")
    position = programme.entries[-1].position_at(programme.paused_at)
    return _reenter(programme, position, at, fade, "resume")


def seek(programme: Programme, position: int, at: int, now: int, fade: int = HUSH) -> Programme:
    """Go on at the current file's sample `position` from `at` on; what is paused stays so. Plans are taken back."""
    base = _hushed(unplan(programme, now), Fade(at, fade))
    if programme.paused_at is None:
        return _reenter(base, position, at, fade, "seek")
    moved = _reenter(base, position, at, 0, "seek")
    last = moved.entries[-1]
    silent = replace(last, play=replace(last.play, end=at))
    return replace(moved, entries=(*moved.entries[:-1], silent), paused_at=at)


def unplan(programme: Programme, now: int) -> Programme:
    """Take back what is planned: what has started stays, and plays on to its natural end."""
    started = [entry for entry in programme.entries if entry.play.start <= now]
    # Those before the latest one have given way to it, also while they don't fade yet.
    return replace(programme, entries=(*started[:-1], *(_released(entry, now) for entry in started[-1:])))


def break_off(programme: Programme, play_id: int, at: int) -> Programme:
    """The programme knowing that the file of one play gives no sound from media time `at` on."""
    entries = (_broken_off(entry, at) if entry.play.id == play_id else entry for entry in programme.entries)
    return replace(programme, entries=tuple(entries))


def prune(programme: Programme, now: int) -> Programme:
    """The programme without what has ended."""
    current = programme.current(now)
    return replace(
        programme, entries=tuple(entry for entry in programme.entries if entry.play.end > now or entry is current)
    )


def _broken_off(entry: Entry, at: int) -> Entry:
    broken = replace(entry, sound_ends=at)
    return replace(broken, play=replace(entry.play, end=min(entry.play.end, broken.natural_end)))


def _prefetched(programme: Programme, track: Track, now: int) -> int | None:
    """The planned play of the same track, whose deck has decoded its first seconds."""
    planned = programme.planned(now)
    return planned.play.id if planned is not None and planned.track.id == track.id else None


def _position(programme: Programme, at: int) -> int:
    return programme.entries[-1].play.position_at(at) if programme.entries else 0


def _left(programme: Programme, at: int) -> int:
    """How much of the latest track is left at `at`, in samples."""
    return max(0, programme.entries[-1].play.end - at) if programme.entries else 0


def _released(entry: Entry, now: int) -> Entry:
    play = entry.play
    if play.fade_out is None or play.fade_out.start <= now:
        return entry
    return replace(entry, play=replace(play, fade_out=None, bass_out=None, end=entry.natural_end))


def _hushed(programme: Programme, fade: Fade) -> Programme:
    """Everything silent after a ramp, whatever fades it has already."""
    return replace(programme, entries=tuple(_hushed_entry(entry, fade) for entry in programme.entries))


def _hushed_entry(entry: Entry, fade: Fade) -> Entry:
    if entry.play.hush is not None or entry.play.end <= fade.start:
        return entry
    return replace(entry, play=replace(entry.play, hush=fade, end=min(entry.play.end, fade.end)))


def _reenter(programme: Programme, position: int, at: int, fade: int, kind: TransitionKind) -> Programme:
    """The last entry's track once more, from the file's sample `position` on."""
    last = programme.entries[-1]
    transition = Transition(kind, leave_at=last.play.position_at(at), enter_at=position, duration=fade)
    changed = _append(programme, Choice(last.track, last.reason, why=last.why), transition, at, gain=last.play.gain)
    if last.sound_ends is None:
        return changed
    entry = changed.entries[-1]
    ends = at + last.play.position_at(last.sound_ends) - position
    return replace(changed, entries=(*changed.entries[:-1], _broken_off(entry, ends)))


def _overlap(
    programme: Programme,
    choice: Choice,
    transition: Transition,
    at: int,
    play_id: int | None = None,
    lead: Lead | None = None,
) -> Programme:
    """Fade out everything on the air from `at` over the transition's length, and append a track."""
    bass = transition.bass
    swap = Fade(at + bass.offset, bass.length) if bass is not None else None
    fade = Fade(at + transition.hold, transition.duration - transition.hold)
    fading = tuple(_faded(entry, fade, swap) for entry in programme.entries)
    return _append(replace(programme, entries=fading), choice, transition, at + transition.delay, play_id, swap, lead)


def _faded(entry: Entry, fade: Fade, swap: Fade | None) -> Entry:
    play = entry.play
    # A play already on its way out keeps its own fade, so that its level never steps back up.
    is_fading = play.fade_out is not None and play.fade_out.start <= fade.start
    if is_fading or play.hush is not None or play.end <= fade.start:
        return entry
    loses_bass = play.bass_out is not None and play.bass_out.start <= fade.start
    bass_out = play.bass_out if loses_bass else swap
    return replace(entry, play=replace(play, fade_out=fade, bass_out=bass_out, end=min(play.end, fade.end)))


def _append(
    programme: Programme,
    choice: Choice,
    transition: Transition,
    at: int,
    play_id: int | None = None,
    swap: Fade | None = None,
    lead: Lead | None = None,
    gain: float | None = None,
) -> Programme:
    track = choice.track
    if gain is None and transition.style == "gapless" and programme.entries:
        gain = programme.entries[-1].play.gain
    play = Play(
        id=programme.next_play_id if play_id is None else play_id,
        track_id=track.id,
        path=str(track.path),
        start=at,
        offset=transition.enter_at if lead is None else lead.resumes_at - lead.length,
        end=at,
        gain=programme.normalisation.gain(track) if gain is None else gain,
        fade_in=transition.duration if transition.fade_in is None else transition.fade_in,
        fade_out=None,
        lead=lead,
        bass_in=swap,
    )
    entry = Entry(play, track, transition, choice.reason, choice.queued, choice.why)
    entry = replace(entry, play=replace(play, end=entry.natural_end))
    return replace(
        programme,
        entries=(*programme.entries, entry),
        next_play_id=programme.next_play_id + (play_id is None),
        paused_at=None,
    )
