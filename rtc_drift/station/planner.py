"""Plans transitions into a programme, with what is known of both tracks; knows which plan, and which ends, are due."""

from dataclasses import dataclass, replace

import numpy as np

from rtc_drift.library.track import Track
from rtc_drift.media import samples
from rtc_drift.mixing import plan_skip
from rtc_drift.mixing.model import Transition, When
from rtc_drift.selection.choice import Choice
from rtc_drift.station import programme as steps
from rtc_drift.station.entry import Entry
from rtc_drift.station.plan_requests import FollowRequest, Plan, PlanRequest, SkipRequest
from rtc_drift.station.planning import Planning
from rtc_drift.station.programme import Programme
from rtc_drift.station.sources import Sources
from rtc_drift.station.stretched_ends import StretchedEnds

REPLAN_LEAD_TIME = samples(10)
"""An analysis that becomes available later than this before the next track changes no plan."""
PLANNING_TIME = samples(0.15)
"""Time in which a plan is made, if the machine is not busy."""
STRETCHING_TIME = samples(1.2)
"""Time in which stretched ends are rendered: a third of a second, and the start of a worker process."""


@dataclass(frozen=True, slots=True)
class PendingPlan:
    """A plan to be made, in place of the makeshift one."""

    play_id: int
    """The play of the makeshift plan."""
    outgoing_play: int
    """The play that it follows."""
    request: PlanRequest


@dataclass(frozen=True, slots=True)
class PendingLead:
    """A better transition than the planned one, once the ends of both tracks are stretched as far as it needs it."""

    play_id: int
    """The planned play that it would replace."""
    outgoing: Track
    choice: Choice
    transition: Transition


class Planner:
    """Makes the next states of a programme. Nothing here waits: what takes time is left pending.

    Where the sources have no thread for planning, plans are made at once.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._planning = sources.planning or Planning(sources.tracks)
        self.pending_plan: PendingPlan | None = None
        """The plan that is to be made."""
        self.pending_lead: PendingLead | None = None
        """The stretched ends that would make the planned transition better."""
        self._analyses_known = 0
        """Number of analyses, of the present track and the next, available when the next was planned."""
        self._unread: tuple[str, ...] = ()
        """Those of these two tracks whose analysis could not be read in time."""
        self._without_lead: int | None = None
        """The play whose stretched intro failed: none is asked for again."""
        self._replaced: tuple[int, int] | None = None
        """The last play of a makeshift plan that another one has replaced, and that one."""

    def normalised(self, programme: Programme) -> Programme:
        """Return the programme with the library's present normalisation for tracks that come in from now on."""
        return replace(programme, normalisation=self._sources.tracks.normalisation)

    def follow(self, programme: Programme, choice: Choice, now: int, earliest: int) -> Programme:
        """Plan a track to follow the current one, starting at `earliest` or later; renews what is pending.

        As long as the plan is pending, it is a plain crossfade into the choice.
        """
        self.pending_plan = self.pending_lead = None
        programme = self.normalised(programme)
        makeshift = steps.plan_next(programme, choice, now, earliest)
        self._note_known(makeshift)
        current = steps.unplan(programme, now).current(now)
        if current is None or current.sound_ends is not None:
            return makeshift
        request = FollowRequest(current.track, _free_position(current, earliest + self._planning_time), choice)
        pending = PendingPlan(makeshift.entries[-1].play.id, current.play.id, request)
        return self._planned(makeshift, pending, now, earliest)

    def skip(
        self, programme: Programme, choice: Choice, at: int, now: int, fade: int, when: When, *, on_beat: bool = True
    ) -> Programme:
        """Cross over into a track at `at`, or on the next bar after that; renews what is pending.

        A plan `on_beat` may be pending afterwards.
        """
        self.pending_plan = self.pending_lead = None
        programme = self.normalised(programme)
        base = steps.unplan(programme, now)
        latest = base.entries[-1] if base.entries else None
        if latest is None or fade == 0 or latest.play.end <= at or base.paused_at is not None:
            return steps.skip_to(programme, choice, at, now, fade)
        position = latest.position_at(at)
        transition = plan_skip(
            self._planning.mix_track(latest.track), self._planning.mix_track(choice.track), position, when
        )
        on_the_bar = max(at, latest.time_of(transition.leave_at))
        if on_the_bar >= latest.play.end:  # its file breaks off before that
            return steps.skip_to(programme, choice, at, now, fade)
        changed = steps.skip_to(programme, choice, on_the_bar, now, fade, transition)
        if transition.style != "cut" or not on_beat or _free_position(latest, at) > position:
            return changed
        stretched = position + STRETCHING_TIME if self._sources.leads is not None else latest.track.duration_samples
        request = SkipRequest(latest.track, choice, position, position + self._planning_time, stretched)
        pending = PendingPlan(changed.entries[-1].play.id, latest.play.id, request)
        return self._planned(changed, pending, now, at)

    def with_plan(
        self, programme: Programme, pending: PendingPlan, plan: Plan, now: int, earliest: int
    ) -> Programme | None:
        """Return the programme with a plan that was pending; None if it comes too late for it."""
        planned, current = programme.planned(now), steps.unplan(programme, now).current(now)
        if planned is None or current is None:
            return None
        if (planned.play.id, current.play.id) != (pending.play_id, pending.outgoing_play):
            return None
        if not steps.fits(current.play, plan.transition, earliest):
            return None
        changed = steps.plan_next(programme, plan.choice, now, earliest, plan.transition)
        entry = changed.entries[-1]
        self._replaced = (pending.play_id, entry.play.id)
        self._note_known(changed, plan.unanalysed)
        if plan.better is not None and entry.play.id != self._without_lead:
            self.pending_lead = PendingLead(entry.play.id, current.track, plan.choice, plan.better)
        return changed

    def with_lead(
        self, programme: Programme, pending: PendingLead, files: StretchedEnds, now: int, earliest: int
    ) -> Programme | None:
        """Plan the better transition with the stretched ends in `files`; None if it is too late for it."""
        self.pending_lead = None
        planned, current = programme.planned(now), programme.current(now)
        if planned is None or current is None or planned.play.id != pending.play_id:
            return None
        if current.play.time_of(pending.transition.leave_at) < earliest:
            return None
        transition = pending.transition
        lead, lead_out = files.lead(transition), files.lead_out(transition)
        return steps.plan_next(programme, pending.choice, now, earliest, transition, lead, lead_out)

    def open_choice(self, planned: Entry | None) -> Choice | None:
        """Return the choice, with its runners-up, behind a makeshift plan; None for any other entry."""
        pending = self.pending_plan
        return pending.request.choice if pending is not None and planned and self.is_makeshift(planned) else None

    def latest(self, programme: Programme, entry: Entry) -> Entry:
        """Return an entry as it is planned now, or the one that has replaced it."""
        play_id = entry.play.id
        if self._replaced is not None and self._replaced[0] == play_id:
            play_id = self._replaced[1]
        return programme.find(play_id) or entry

    def is_makeshift(self, planned: Entry) -> bool:
        """Return True if another track may come instead, once the plan is made that is pending."""
        pending = self.pending_plan
        return pending is not None and pending.play_id == planned.play.id and planned.transition.kind == "crossfade"

    def lead_failed(self, play_id: int) -> None:
        """Note that the stretched intro of a play can't be played."""
        self._without_lead = play_id

    def knows_more(self, current: Entry, planned: Entry, now: int) -> bool:
        """Return True if an analysis of either has become available since, in time to plan the next track anew."""
        in_time = planned.play.start > now + REPLAN_LEAD_TIME
        if not in_time or planned.queued or planned.transition.kind != "crossfade":
            return False
        has_read = any(map(self._sources.tracks.has_analysis_at_hand, self._unread))
        return has_read or self._known(current, planned) > self._analyses_known

    @property
    def _planning_time(self) -> int:
        return 0 if self._planning.is_at_once else PLANNING_TIME

    def _planned(self, makeshift: Programme, pending: PendingPlan, now: int, earliest: int) -> Programme:
        """Leave a plan pending, or make it at once."""
        if not self._planning.is_at_once:
            self.pending_plan = pending
            return makeshift
        plan = pending.request.plan(self._planning.mix_track)
        return makeshift if plan is None else self.with_plan(makeshift, pending, plan, now, earliest) or makeshift

    def _note_known(self, planned: Programme, unread: tuple[str, ...] = ()) -> None:
        """Remember what is known of the last two entries; the analyses of `unread` tracks could not be read."""
        pair = planned.entries[-2:]
        self._analyses_known = self._known(*pair)
        self._unread = tuple(it.track.id for it in pair if it.track.id in unread and self._known(it))

    def _known(self, *entries: Entry) -> int:
        """Count the tracks that are analysed and have their place in the space."""
        space = self._sources.spaces.space
        return int(np.count_nonzero(space.is_analysed[space.rows_of(entry.track.id for entry in entries)]))


def _free_position(entry: Entry, earliest: int) -> int:
    """Return the file's first sample at which the track may be left: not within its stretched intro."""
    lead = entry.play.lead
    return max(entry.play.position_at(earliest), lead.resumes_at if lead else 0)
