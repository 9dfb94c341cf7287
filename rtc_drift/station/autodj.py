"""The DJ of one station: keeps a next track planned, carries out what people ask for, mends the plan when a file fails.

The decisions are pure (`selection`, `mixing`, `programme`); this is the shell that knows the time and the library.
Times are media times.
"""

from dataclasses import replace

from rtc_drift.engine.protocol.messages import DeckFailed
from rtc_drift.media import samples
from rtc_drift.mixing.crossfade import HUSH, SKIP_FADE
from rtc_drift.mixing.model import When
from rtc_drift.selection import journey as ways
from rtc_drift.selection.choice import Choice
from rtc_drift.selection.journey import History, Journey
from rtc_drift.station import programme as steps
from rtc_drift.station.beginning import Beginning
from rtc_drift.station.chooser import Chooser
from rtc_drift.station.entry import SAME_TRACK, Entry
from rtc_drift.station.event_publisher import EventPublisher
from rtc_drift.station.on_air import COLD_LEAD_TIME, COMMANDED, READY_LEAD_TIME, NothingToPlayError, OnAir
from rtc_drift.station.plan_requests import Plan
from rtc_drift.station.planner import PendingLead, PendingPlan, Planner
from rtc_drift.station.play_log import PlayLog
from rtc_drift.station.programme import Programme
from rtc_drift.station.queue import Queue
from rtc_drift.station.snapshot import Snapshot
from rtc_drift.station.sources import Sources
from rtc_drift.station.stretched_ends import StretchedEnds
from rtc_drift.station.timeline import Timeline


class AutoDj:
    """Plans the programme of one station. Driven from outside: by `advance` as time goes by, and by `Commands`."""

    def __init__(self, sources: Sources, seed: int, timeline: Timeline, publisher: EventPublisher) -> None:
        self._sources = sources
        self._tracks = sources.tracks
        self._publisher = publisher
        self.planner = Planner(sources)
        self._play_log = PlayLog(seed, sources.tracks, publisher)
        self._on_air = OnAir(timeline, self._play_log, publisher)
        self.beginning = Beginning(self._on_air, self._play_log, sources)
        self.queue = Queue(self._on_air, self._play_log, self._plan_anew)
        self._chooser = Chooser(sources, self._play_log, self._on_air, self.beginning)
        self._held: Choice | None = None
        """The choice that comes next after a resume."""
        self.failed_plays = 0

    @property
    def programme(self) -> Programme:
        """The plays on the air and those planned."""
        return self._on_air.programme

    @property
    def journey(self) -> Journey:
        """The tracks played, the queue, the direction and the seed."""
        return self._play_log.journey

    @property
    def is_audible(self) -> bool:
        """True if the first samples of the oldest play are decoded: the one on the air, or about to be."""
        return self._on_air.is_audible

    def now_playing(self) -> Entry | None:
        """Return the entry on the air, if any."""
        return self.programme.current(self._on_air.now())

    def planned(self) -> Entry | None:
        """Return the entry with which the next track comes in, if one is planned and not only makeshift."""
        coming = (entry for entry in self.programme.entries if entry.play.start > self._on_air.now())
        entry = next((entry for entry in coming if entry.transition.kind not in SAME_TRACK), None)
        return None if entry is not None and self.planner.is_makeshift(entry) else entry

    @property
    def horizon(self) -> int:
        """The media time before which everything is rendered already."""
        return self._on_air.horizon

    @property
    def wants_more(self) -> bool:
        """True if it would plan something else in a larger library."""
        current, planned = self.programme.current(self.horizon), self.programme.planned(self.horizon)
        return current is None or planned is None or steps.is_makeshift(current, planned)

    @property
    def pending_plan(self) -> PendingPlan | None:
        """The plan that is to be made in place of a makeshift one."""
        pending = self.planner.pending_plan
        return pending if pending is not None and self.programme.find(pending.play_id) is not None else None

    @property
    def pending_lead(self) -> PendingLead | None:
        """The stretched intro that would make the planned transition better, if it were rendered in time."""
        pending = self.planner.pending_lead
        return pending if pending is not None and self.programme.find(pending.play_id) is not None else None

    # --- as time goes by ----------------------------------------------------------------------------------------------

    def advance(self) -> int:
        """Do what is due, and return when to come again (media time). Call it also when the library has changed."""
        self._on_air.log()
        if not self._on_air.is_paused:
            self._keep_planned()
            # While media time stands, what was just begun has started already.
            self._play_log.announce(self.programme.entries, self._on_air.now())
        now = self._on_air.now()
        upcoming, latest = self.programme.planned(now), now + samples(1)
        return min(upcoming.play.start, latest) if upcoming else latest

    def plan_ready(self, pending: PendingPlan, plan: Plan | None) -> None:
        """Take a plan that was pending; None, or one that is too late or no longer wanted, changes nothing."""
        if pending is not self.planner.pending_plan:
            return
        is_wanted, self.planner.pending_plan = pending is self.pending_plan, None
        if not is_wanted or self._on_air.is_paused:
            return
        changed, (settled, earliest) = None, self._free_from(pending.play_id)
        if plan is not None and self._chooser.is_known(plan.choice.track.id):
            changed = self.planner.with_plan(self.programme, pending, plan, settled, earliest)
        self._on_air.apply(changed or self.programme)
        if self.programme.entries[-1].transition.kind in COMMANDED:
            self._play_log.count_played(self.programme.entries[-1])

    def lead_ready(self, pending: PendingLead, files: StretchedEnds) -> bool:
        """Take the stretched ends in `files`; False if they are too late or no longer wanted."""
        if pending is not self.pending_lead or self._on_air.is_paused:
            return False
        settled, earliest = self._free_from(pending.play_id)
        changed = self.planner.with_lead(self.programme, pending, files, settled, earliest)
        if changed is not None:
            self._on_air.apply(changed)
        return changed is not None

    def deck_failed(self, failed: DeckFailed) -> None:
        """Leave out a file from which the engine gets no (more) sound, and bring in another track in time."""
        entry = self.programme.find(failed.play)
        if entry is None:
            return
        if failed.of_lead:
            self._lead_failed(entry)
            return
        self.failed_plays += 1
        self._tracks.mark_unplayable(entry.track, failed.reason, lasting=not failed.stalled, position=failed.position)
        if self._on_air.is_paused:
            return  # It fails again when it is to go on.
        horizon = self._on_air.horizon
        if entry.play.start > horizon:
            horizon = self._on_air.settled(besides=entry)  # what else was asked for stays
            if entry.play.start <= horizon:
                return  # Something that was asked for after it comes.
            self._on_air.apply(steps.unplan(self.programme, horizon))
        else:
            sound_ends = entry.play.start + max(0, failed.position - entry.play.offset)
            self._on_air.apply(steps.break_off(self.programme, entry.play.id, sound_ends))
            current = self.programme.current(horizon)
            if current is None or entry.play.id != current.play.id:
                return  # It was on its way out.
        choice = self._chooser.as_planned(self.programme.planned(horizon)) or self._chooser.choose()
        if choice is None:
            self._on_air.apply(steps.unplan(self.programme, horizon))
        elif entry.play.start > horizon and entry.transition.kind == "skip":
            at = max(entry.play.start, horizon + COLD_LEAD_TIME)
            self._on_air.apply(steps.skip_to(self.programme, choice, at, horizon))  # somebody waits for another track
            self._play_log.count_played(self.programme.entries[-1])
        else:
            self._plan(choice, after=horizon)

    def _lead_failed(self, entry: Entry) -> None:
        """Do without a stretched part: a track that has not begun comes in as it is, else it goes on by itself."""
        settled = self._on_air.settled()
        if entry.play.lead_out is not None:  # the end of the track on the air
            entry = self.programme.planned(settled) or entry
        self.planner.lead_failed(entry.play.id)
        if entry.play.start > settled and not self._on_air.is_paused:
            self._plan(self._chooser.as_planned(entry), after=settled)

    def snapshot(self) -> Snapshot:
        """Return the present state."""
        journey = replace(self.journey, history=History())
        return Snapshot(self._on_air.now(), self.programme, journey, self._play_log.counted)

    def restore(self, snapshot: Snapshot, history: History) -> None:
        """Go on from a snapshot. The track on the air is announced again."""
        self._play_log.restore(replace(snapshot.journey, history=history), snapshot.counted)
        self._on_air.apply(snapshot.programme)
        self.beginning.is_settled = True

    # --- what people ask for ------------------------------------------------------------------------------------------
    # Each may raise TooManyCommandsError, with nothing changed.

    def begin(self, direction: str | None, first: Choice | None) -> None:
        """Set where a new session heads, and the track it begins with, if any."""
        self._play_log.journey = replace(self.journey, direction=direction)
        if first is not None:
            self.skip(first)

    def current(self) -> Entry:
        """Return the entry that commands speak of: what is playing, or was asked for. Raises NothingToPlayError."""
        current = self.programme.current(self._on_air.settled())
        if current is None:
            raise NothingToPlayError
        return current

    def skip(
        self, choice: Choice | None = None, *, direction: str | None = None, when: When = "bar", back: bool = False
    ) -> Entry:
        """Cross over into a track: the given one, else the planned one, else one chosen; for a direction if given.

        Raises NothingToPlayError.
        """
        self._on_air.make_room()
        if direction is not None:
            self.head(direction)
        if choice is None:
            planned = self.programme.planned(self._on_air.settled())
            known = self._chooser.as_planned(planned)
            choice = (self.planner.open_choice(planned) or known) if known else self._chooser.choose()
        if choice is None:
            raise NothingToPlayError
        settled, at = self._on_air.settled(), self._on_air.earliest(self._on_air.lead_time(choice.track))
        was_paused, self._held = self._on_air.is_paused, None
        fade = self._on_air.length(SKIP_FADE)
        changed = self.planner.skip(self.programme, choice, at, settled, fade, when, on_beat=not back)
        self._on_air.apply(changed, is_final=self.planner.pending_plan is None)
        entry = self.programme.entries[-1]
        if self.planner.pending_plan is None or not choice.runners_up:  # else another track may come instead
            self._play_log.count_played(entry, back=back)
        if was_paused:
            self._publisher.playback("resumed", entry.play.start, entry, None)
        return entry

    def previous(self) -> Entry:
        """Go back to the track before, or to this one's beginning if there is none. Raises NothingToPlayError."""
        current = self.current().track
        self._on_air.make_room()
        track_id = ways.previous(self.journey, self._chooser.is_known)
        track = (self._tracks.get(track_id) if track_id else None) or current
        return self.skip(Choice(track, "Someone went back to it."), back=True)

    def pause(self) -> tuple[int, Entry]:
        """Go silent until somebody resumes; returns when, and what is playing. Raises NothingToPlayError."""
        current, settled, at = self.current(), self._on_air.settled(), self.programme.paused_at
        if at is None:
            at = self._on_air.earliest(READY_LEAD_TIME)
            self._held = self._chooser.as_planned(self.programme.planned(settled))
            self._on_air.apply(steps.pause(self.programme, at, settled, self._on_air.length(HUSH)))
        self._publisher.playback("paused", at, current, self.programme.paused_at)
        return at, current

    def resume(self) -> tuple[int, Entry]:
        """Go on where it was paused; returns when, and what is playing. Raises NothingToPlayError."""
        current, at = self.current(), self._on_air.now()
        if self._on_air.is_paused:
            at = self._on_air.earliest(COLD_LEAD_TIME)
            current = self._go_on(steps.resume(self.programme, at, self._on_air.length(HUSH)))
        self._publisher.playback("resumed", at, current, self.programme.paused_at)
        return at, current

    def seek(self, position: int) -> tuple[int, Entry]:
        """Go to a sample of the present file; what is paused stays so. Returns when, and what is playing.

        Raises NothingToPlayError.
        """
        settled, at = self._on_air.settled(), self._on_air.earliest(COLD_LEAD_TIME)
        self._held = self._chooser.as_planned(self.programme.planned(settled)) or self._held
        ramp = self._on_air.length(HUSH)
        entry = self._go_on(steps.seek(self.programme, position, at, settled, ramp))
        self._publisher.playback("seeked", at, entry, self.programme.paused_at)
        return at, entry

    def head(self, direction: str | None) -> None:
        """Head in a direction from the next track on, or nowhere in particular."""
        before = self.journey.direction
        self._play_log.journey = replace(self.journey, direction=direction)
        if direction != before and len(self._sources.spaces.space):
            self._plan_anew(may_stay=True)
        self._publisher.direction(direction)

    def reset_drift(self) -> None:
        """Forget the direction and what was played, and choose the next track anew."""
        self._play_log.journey = ways.reset(self.journey)
        self._plan_anew()
        self._publisher.direction(None)

    def _free_from(self, play_id: int) -> tuple[int, int]:
        """Return the media times up to which nothing changes, and from which on a planned play may start otherwise."""
        settled = self._on_air.settled(besides=self.programme.find(play_id))
        return settled, settled + max(1, self._on_air.length(COLD_LEAD_TIME))

    def _plan_anew(self, *, may_stay: bool = False) -> None:
        """Choose again what comes next, unless somebody asked for that track. It may be the same if it `may_stay`."""
        planned = self.programme.planned(self._on_air.horizon)
        is_queued = planned is not None and planned.queued and not self.queue.has_other_first
        is_asked_for = planned is not None and (is_queued or planned.transition.kind in (*COMMANDED, "start"))
        if self._on_air.is_paused:
            self._held = None
        elif not is_asked_for:
            self._plan(self._chooser.choose(planned if may_stay else None))

    def _go_on(self, changed: Programme) -> Entry:
        """Go on with the same track, from elsewhere or from where it was paused; then with the held choice."""
        entry = changed.entries[-1]
        self._play_log.go_on(entry)
        self._on_air.apply(changed)
        if changed.paused_at is None:
            held, self._held = self._held, None
            choice = held if held and self._chooser.is_known(held.track.id) else self._chooser.choose()
            now = max(self._on_air.horizon, entry.play.start)
            if choice is not None:
                self._follow(choice, now, COLD_LEAD_TIME)
        return entry

    def _keep_planned(self) -> None:
        horizon = self._on_air.horizon
        current, planned = self.programme.current(horizon), self.programme.planned(horizon)
        if current is None or (current.play.end <= horizon and planned is None):
            choice = None if planned else self._chooser.choose()
            if choice is not None:
                start = horizon + self._on_air.length(COLD_LEAD_TIME)
                self._on_air.apply(steps.begin(self.planner.normalised(self.programme), choice, start))
        elif planned is None or (steps.is_makeshift(current, planned) and len(self._tracks.playable()) > 1):
            self._plan(self._chooser.choose())
        elif self.planner.knows_more(current, planned, horizon):
            self._plan(self._chooser.choose(planned) if planned.why is None else self._chooser.as_planned(planned))

    def _plan(self, choice: Choice | None, after: int = 0) -> None:
        horizon = max(after, self._on_air.horizon)
        if choice is not None and self.programme.current(horizon) is not None:
            self._follow(choice, horizon, self._on_air.lead_time(choice.track))

    def _follow(self, choice: Choice, now: int, lead_time: int) -> None:
        earliest = now + max(1, self._on_air.length(lead_time))
        changed = self.planner.follow(self.programme, choice, now, earliest)
        self._on_air.apply(changed, is_final=self.planner.pending_plan is None)
