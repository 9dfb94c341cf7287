"""A programme: the plays on the air and those planned, and the pure steps from one state to the next.

The state is a value. `now` is always passed in; nothing here knows a clock, a file or a process.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from rtc_drift.engine.protocol.plays import Bands, Fade, Lead, LeadOut, Play
from rtc_drift.library.normalisation import Normalisation
from rtc_drift.library.track import Track
from rtc_drift.media import samples
from rtc_drift.mixing.crossfade import HUSH, SKIP_FADE, immediate_transition, natural_transition
from rtc_drift.mixing.model import BandPlan, Transition, TransitionKind
from rtc_drift.selection.choice import Choice
from rtc_drift.station.entry import Entry


@dataclass(frozen=True, slots=True)
class Programme:
    """The entries on the air and those planned, in order of start."""

    entries: tuple[Entry, ...] = ()
    next_play_id: int = 1
    paused_at: int | None = None
    """The media time from which on it is silent; the last entry goes on afterwards."""
    normalisation: Normalisation = field(default_factory=Normalisation)
    """The normalisation of tracks that come in from now on."""

    @property
    def plays(self) -> tuple[Play, ...]:
        """The plays of all entries that sound at all."""
        return tuple(entry.play for entry in self.entries if entry.play.end > entry.play.start)

    def current(self, now: int) -> Entry | None:
        """Return the latest entry that has started; None before the first."""
        return next((entry for entry in reversed(self.entries) if entry.play.start <= now), None)

    def planned(self, now: int) -> Entry | None:
        """Return the first entry yet to start; None while nothing is planned."""
        return next((entry for entry in self.entries if entry.play.start > now), None)

    def find(self, play_id: int) -> Entry | None:
        """Return the entry of a play, if it is there."""
        return next((entry for entry in self.entries if entry.play.id == play_id), None)


def begin(programme: Programme, choice: Choice, at: int) -> Programme:
    """Start a track at `at` from its first sound: as the first one, or after silence."""
    transition = Transition("start", leave_at=0, enter_at=samples(choice.track.first_sound_seconds), duration=0)
    return _append(programme, choice, transition, at)


def plan_next(
    programme: Programme,
    choice: Choice,
    now: int,
    earliest: int,
    transition: Transition | None = None,
    lead: Lead | None = None,
    lead_out: LeadOut | None = None,
) -> Programme:
    """Plan a track to follow the current one where its sound ends. Replaces what was planned.

    It never starts before `earliest`, which must lie after `now`. If little of the current track is left, because the
    library was empty or a file broke off, they overlap as long as is left. Without a `transition` it is a plain
    crossfade. Raises ValueError if nothing has started yet.
    """
    base = unplan(programme, now)
    current = base.current(now)
    if current is None:
        raise ValueError("a first track must begin before a next one is planned")
    prefetched = _prefetched(programme, choice.track, now)
    if transition is not None and fits(current.play, transition, earliest):
        at = current.play.time_of(transition.leave_at)
        return _overlap(_stretched(base, transition, lead_out), choice, transition, at, prefetched, lead)
    at, plain = _plain_transition(current, choice.track, earliest)
    return _overlap(base, choice, plain, at, prefetched)


def foretold(last: Entry, tracks: Iterable[Track]) -> Entry:
    """Return the entry of the last of some tracks that come behind an entry, each by a plain crossfade.

    Its gain and its id are still open. No programme is made of them: a queue may hold hundreds.
    """
    for track in tracks:
        at, transition = _plain_transition(last, track, last.play.start + 1)
        play = Play(0, track.id, str(track.path), at, transition.enter_at, at, 1.0, transition.duration, None)
        entry = Entry(play, track, transition, "", queued=True)
        last = replace(entry, play=replace(play, end=entry.natural_end))
    return last


def skip_to(
    programme: Programme,
    choice: Choice,
    at: int,
    now: int,
    fade: int = SKIP_FADE,
    transition: Transition | None = None,
) -> Programme:
    """Cross over into a track from `at` on, whatever is playing, also in the middle of another transition.

    By `transition`, whose `leave_at` must be the file's sample at `at`, or else by a plain fade of at most `fade`
    samples.
    """
    base = unplan(programme, now)
    transition = transition or immediate_transition(choice.track, _position(base, at), fade)
    transition = replace(transition, duration=min(transition.duration, fade, _left(base, at)))
    return _overlap(base, choice, transition, at, _prefetched(programme, choice.track, now))


def pause(programme: Programme, at: int, now: int, fade: int = HUSH) -> Programme:
    """Go silent at `at`, after a short ramp. Takes back what was planned."""
    return replace(_hushed(unplan(programme, now), Fade(at, fade)), paused_at=at)


def resume(programme: Programme, at: int, fade: int = HUSH) -> Programme:
    """Go on at `at` where it was paused. Raises ValueError if it was not paused."""
    if programme.paused_at is None:
        raise ValueError("only what was paused can be resumed")
    position = programme.entries[-1].position_at(programme.paused_at)
    return _reenter(programme, position, at, fade, "resume")


def seek(programme: Programme, position: int, at: int, now: int, fade: int = HUSH) -> Programme:
    """Go on at `at` from the current file's sample `position`; if paused, stay paused. Takes back what was planned."""
    base = _hushed(unplan(programme, now), Fade(at, fade))
    if programme.paused_at is None:
        return _reenter(base, position, at, fade, "seek")
    moved = _reenter(base, position, at, 0, "seek")
    last = moved.entries[-1]
    silent = replace(last, play=replace(last.play, end=at))
    return replace(moved, entries=(*moved.entries[:-1], silent), paused_at=at)


def unplan(programme: Programme, now: int) -> Programme:
    """Take back what is planned. What has started stays, and plays on to its natural end."""
    started = [entry for entry in programme.entries if entry.play.start <= now]
    # The entries before the latest one end as it was planned, even if they do not fade yet.
    return replace(programme, entries=(*started[:-1], *(_released(entry, now) for entry in started[-1:])))


def break_off(programme: Programme, play_id: int, at: int) -> Programme:
    """Note that the file of one play gives no sound from media time `at` on."""
    entries = (_broken_off(entry, at) if entry.play.id == play_id else entry for entry in programme.entries)
    return replace(programme, entries=tuple(entries))


def prune(programme: Programme, now: int) -> Programme:
    """Drop the entries that have ended."""
    current = programme.current(now)
    return replace(
        programme, entries=tuple(entry for entry in programme.entries if entry.play.end > now or entry is current)
    )


def is_makeshift(current: Entry, planned: Entry) -> bool:
    """Return True if the next track was planned when the library had only one."""
    repeated = planned.track.id == current.track.id and planned.transition.kind == "crossfade"
    return repeated and not planned.queued


def fits(play: Play, transition: Transition, earliest: int) -> bool:
    """Return True if a transition begins in time and ends before the play does."""
    at = play.time_of(transition.leave_at)
    # A stretched ending is a file of its own, and may be longer than what is left of the track.
    return at >= earliest and (transition.lead_out_warp is not None or at + transition.duration <= play.end)


def _broken_off(entry: Entry, at: int) -> Entry:
    broken = replace(entry, sound_ends=at)
    return replace(broken, play=replace(entry.play, end=min(entry.play.end, broken.natural_end)))


def _plain_transition(current: Entry, track: Track, earliest: int) -> tuple[int, Transition]:
    """Return the crossfade into a track at the end of the current one's sound, and its media time."""
    play = current.play
    plain = natural_transition(current.track, track, play.offset)
    if fits(play, plain, earliest):
        return play.time_of(plain.leave_at), plain
    planned_end = play.time_of(plain.leave_at) + plain.duration
    ends = min(planned_end, play.end)
    duration = max(0, min(plain.duration, ends - earliest))
    at = max(earliest, ends - duration)
    kind: TransitionKind = "crossfade" if ends == planned_end else "rescue"
    return at, replace(plain, kind=kind, leave_at=play.position_at(at), duration=duration)


def _prefetched(programme: Programme, track: Track, now: int) -> int | None:
    """Return the id of the planned play of the same track: its deck has decoded the first seconds already."""
    planned = programme.planned(now)
    return planned.play.id if planned is not None and planned.track.id == track.id else None


def _position(programme: Programme, at: int) -> int:
    return programme.entries[-1].play.position_at(at) if programme.entries else 0


def _left(programme: Programme, at: int) -> int:
    """Return how many samples of the latest track are left at `at`."""
    return max(0, programme.entries[-1].play.end - at) if programme.entries else 0


def _released(entry: Entry, now: int) -> Entry:
    play = entry.play
    if play.fade_out is None or _begins_to_go(play) <= now:
        return entry
    return replace(
        entry,
        lead_out_warp=None,
        play=replace(play, fade_out=None, bands_out=None, lead_out=None, end=entry.natural_end),
    )


def _begins_to_go(play: Play) -> int:
    """Return the media time at which a play begins to give way. Raises ValueError if it does not."""
    starts = [fade.start for fade in (play.fade_out, play.bands_out) if fade is not None]
    if play.lead_out is not None:
        starts.append(play.time_of(play.lead_out.begins_at))
    return min(starts)


def _stretched(programme: Programme, transition: Transition, lead_out: LeadOut | None) -> Programme:
    """Let the last track end in its stretched ending."""
    if lead_out is None:
        return programme
    last = programme.entries[-1]
    ends = last.play.time_of(lead_out.begins_at) + lead_out.length
    play = replace(last.play, lead_out=lead_out, end=max(last.play.end, ends))
    entry = replace(last, lead_out_warp=transition.lead_out_warp, play=play)
    return replace(programme, entries=(*programme.entries[:-1], entry))


def _hushed(programme: Programme, fade: Fade) -> Programme:
    """Make everything silent after a ramp, whatever fades it has already."""
    return replace(programme, entries=tuple(_hushed_entry(entry, fade) for entry in programme.entries))


def _hushed_entry(entry: Entry, fade: Fade) -> Entry:
    if entry.play.hush is not None or entry.play.end <= fade.start:
        return entry
    return replace(entry, play=replace(entry.play, hush=fade, end=min(entry.play.end, fade.end)))


def _reenter(programme: Programme, position: int, at: int, fade: int, kind: TransitionKind) -> Programme:
    """Append the last entry's track once more, from the file's sample `position` on."""
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
    bands = _bands(transition.bands, at) if transition.bands is not None else None
    fade = Fade(at + transition.hold, transition.duration - transition.hold)
    fading = tuple(_faded(entry, fade, bands) for entry in programme.entries)
    return _append(replace(programme, entries=fading), choice, transition, at + transition.delay, play_id, bands, lead)


def _bands(plan: BandPlan, at: int) -> Bands:
    low, mid, high = (Fade(at + it.offset, it.length) for it in (plan.low, plan.mid, plan.high))
    return Bands(low, mid, high)


def _faded(entry: Entry, fade: Fade, bands: Bands | None) -> Entry:
    play, begins = entry.play, fade.start if bands is None else bands.start
    # A play that is fading out already keeps its own fade, so that its level never steps up again.
    is_fading = play.fade_out is not None and play.fade_out.start <= fade.start
    if is_fading or play.hush is not None or play.end <= begins:
        return entry
    loses_bands = play.bands_out is not None and play.bands_out.start <= begins
    bands_out = play.bands_out if loses_bands else bands
    return replace(entry, play=replace(play, fade_out=fade, bands_out=bands_out, end=min(play.end, fade.end)))


def _append(
    programme: Programme,
    choice: Choice,
    transition: Transition,
    at: int,
    play_id: int | None = None,
    bands: Bands | None = None,
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
        bands_in=bands,
    )
    entry = Entry(play, track, transition, choice.reason, choice.queued, choice.why)
    entry = replace(entry, play=replace(play, end=entry.natural_end))
    return replace(
        programme,
        entries=(*programme.entries, entry),
        next_play_id=programme.next_play_id + (play_id is None),
        paused_at=None,
    )
