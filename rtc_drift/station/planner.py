"""Plans transitions into a programme, with what is known of both tracks; knows which stretched intro would help."""

from dataclasses import dataclass, replace

import numpy as np

from rtc_drift.library.track import Track
from rtc_drift.mixing import MixTrack, plan_skip, plan_transition
from rtc_drift.mixing.model import Transition, When
from rtc_drift.selection.choice import Choice
from rtc_drift.station import programme as steps
from rtc_drift.station.entry import Entry
from rtc_drift.station.programme import Programme
from rtc_drift.station.sources import Sources
from rtc_drift.station.stretched_ends import StretchedEnds


@dataclass(frozen=True, slots=True)
class PendingLead:
    """A better transition than the planned one, once the ends of both tracks are stretched as far as it needs it."""

    play_id: int
    """The planned play that it would replace."""
    outgoing: Track
    choice: Choice
    transition: Transition


class Planner:
    """Makes the next states of a programme. Nothing here waits: what has to be rendered first is left pending."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self.pending_lead: PendingLead | None = None
        """The stretched intro that would make the planned transition better."""
        self._analyses_known = 0
        """Number of analyses, of the present track and the next, available when the next was planned."""
        self._unread: tuple[str, ...] = ()
        """Those of these two tracks whose analysis could not be read in time."""
        self._without_lead: int | None = None
        """The play whose stretched intro failed: none is asked for again."""

    def normalised(self, programme: Programme) -> Programme:
        """Return the programme with the library's present normalisation for tracks that come in from now on."""
        return replace(programme, normalisation=self._sources.tracks.normalisation)

    def follow(self, programme: Programme, choice: Choice, now: int, earliest: int) -> Programme:
        """Plan a track to follow the current one, starting at `earliest` or later; renews `pending_lead`."""
        planned, better = self._planned(self.normalised(programme), choice, now, earliest)
        play_id = planned.entries[-1].play.id
        is_wanted = better is not None and play_id != self._without_lead
        self.pending_lead = None
        if better is not None and is_wanted:
            self.pending_lead = PendingLead(play_id, planned.entries[-2].track, choice, better)
        pair = planned.entries[-2:]
        self._analyses_known = self._known(*pair)
        has_it = self._sources.tracks.has_analysis_at_hand
        self._unread = tuple(it.track.id for it in pair if self._known(it) and not has_it(it.track.id))
        return planned

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

    def skip(self, programme: Programme, choice: Choice, at: int, now: int, fade: int, when: When) -> Programme:
        """Cross over into a track at `at`, or on the next bar after that."""
        programme = self.normalised(programme)
        base = steps.unplan(programme, now)
        latest = base.entries[-1] if base.entries else None
        if latest is None or fade == 0 or latest.play.end <= at or base.paused_at is not None:
            return steps.skip_to(programme, choice, at, now, fade)
        transition = plan_skip(
            self._mix_track(latest.track), self._mix_track(choice.track), latest.position_at(at), when
        )
        on_the_bar = max(at, latest.time_of(transition.leave_at))
        if on_the_bar >= latest.play.end:  # its file breaks off before that
            return steps.skip_to(programme, choice, at, now, fade)
        return steps.skip_to(programme, choice, on_the_bar, now, fade, transition)

    def lead_failed(self, play_id: int) -> None:
        """Note that the stretched intro of a play can't be played."""
        self._without_lead = play_id

    def knows_more(self, current: Entry, planned: Entry) -> bool:
        """Return True if an analysis of either has become available since the next was planned."""
        has_read = any(map(self._sources.tracks.has_analysis_at_hand, self._unread))
        return has_read or self._known(current, planned) > self._analyses_known

    def _planned(
        self, programme: Programme, choice: Choice, now: int, earliest: int
    ) -> tuple[Programme, Transition | None]:
        """Return the programme as it can be had at once, and the transition that would be better with a lead."""
        current = steps.unplan(programme, now).current(now)
        if current is None or current.sound_ends is not None:
            return steps.plan_next(programme, choice, now, earliest), None
        outgoing, incoming = self._mix_track(current.track), self._mix_track(choice.track)
        position = _free_position(current, earliest)
        better = plan_transition(outgoing, incoming, position)
        if not better.needs_stretching:
            return steps.plan_next(programme, choice, now, earliest, better), None
        plain = plan_transition(outgoing, incoming, position, may_stretch=False)
        return steps.plan_next(programme, choice, now, earliest, plain), better

    def _known(self, *entries: Entry) -> int:
        """Count the tracks that are analysed and have their place in the space."""
        space = self._sources.spaces.space
        return int(np.count_nonzero(space.is_analysed[space.rows_of(entry.track.id for entry in entries)]))

    def _mix_track(self, track: Track) -> MixTrack:
        return MixTrack(track, self._sources.tracks.analysis(track.id))


def _free_position(entry: Entry, earliest: int) -> int:
    """Return the file's first sample at which the track may be left: not within its stretched intro."""
    lead = entry.play.lead
    return max(entry.play.position_at(earliest), lead.resumes_at if lead else 0)
