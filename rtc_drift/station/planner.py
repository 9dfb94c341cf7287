"""Plans transitions with what is known of both tracks, into a programme; and knows what would make the plan better."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from rtc_drift.engine.protocol.plays import Lead
from rtc_drift.library.track import Track
from rtc_drift.mixing import Side, plan_skip, plan_transition
from rtc_drift.mixing.model import Transition, When, warp_of
from rtc_drift.selection.choice import Choice
from rtc_drift.selection.feature_space import Space
from rtc_drift.selection.track_source import Crate
from rtc_drift.station import programme as steps
from rtc_drift.station.programme import Entry, Programme
from rtc_drift.stretching.warp import Warp


@dataclass(frozen=True, slots=True)
class Wish:
    """A better transition than the planned one, if only the incoming track were there at another tempo."""

    play_id: int
    """The planned play that it would replace."""
    choice: Choice
    transition: Transition

    @property
    def warp(self) -> Warp:
        """How the incoming track is to be bent."""
        return warp_of(self.transition)


class Arranger:
    """Makes the next states of a programme. Nothing here waits: what has to be rendered ahead is wished for."""

    def __init__(self, library: Crate, chart: Callable[[], Space]) -> None:
        """`chart`: see `Conductor`."""
        self._library = library
        self._chart = chart
        self.wish: Wish | None = None
        """What would make the planned transition better, if it were rendered in time."""
        self._planned_knowing = 0
        """Of how many tracks it was known how they sound when the next was planned: the present one and the next."""
        self._without_lead: int | None = None
        """The play whose lead failed: none is wished for it again."""

    def levelled(self, programme: Programme) -> Programme:
        """What comes in from now on is as loud as the library has it now."""
        return replace(programme, levels=self._library.levels)

    def follow(self, programme: Programme, choice: Choice, now: int, earliest: int) -> Programme:
        """A track planned to follow the current one, starting at `earliest` or later; the wish is for this plan."""
        planned, better = self._planned(self.levelled(programme), choice, now, earliest)
        play_id = planned.entries[-1].play.id
        is_wanted = better is not None and play_id != self._without_lead
        self.wish = Wish(play_id, choice, better) if better is not None and is_wanted else None
        self._planned_knowing = self._known(*planned.entries[-2:])
        return planned

    def fulfil(self, programme: Programme, wish: Wish, path: str, now: int, earliest: int) -> Programme | None:
        """The programme with the wish come true, `path` being what was rendered; None if it is too late for that."""
        planned, current = programme.planned(now), programme.current(now)
        if planned is None or current is None or planned.play.id != wish.play_id:
            return None
        if current.play.time_of(wish.transition.leave_at) < earliest:
            return None
        lead = Lead(path, wish.warp.length, wish.warp.resumes_at)
        return steps.plan_next(programme, wish.choice, now, earliest, wish.transition, lead)

    def skip(self, programme: Programme, choice: Choice, at: int, now: int, fade: int, when: When) -> Programme:
        """Over into a track at `at`, or on the next bar after that."""
        programme = self.levelled(programme)
        base = steps.unplan(programme, now)
        latest = base.entries[-1] if base.entries else None
        if latest is None or fade == 0 or latest.play.end <= at or base.paused_at is not None:
            return steps.skip_to(programme, choice, at, now, fade)
        transition = plan_skip(self._side(latest.track), self._side(choice.track), latest.position_at(at), when)
        on_the_bar = max(at, latest.time_of(transition.leave_at))
        if on_the_bar >= latest.play.end:  # its file breaks off before that
            return steps.skip_to(programme, choice, at, now, fade)
        return steps.skip_to(programme, choice, on_the_bar, now, fade, transition)

    def lead_failed(self, play_id: int) -> None:
        """What was rendered ahead for a play can't be played."""
        self._without_lead = play_id

    def knows_more(self, current: Entry, planned: Entry) -> bool:
        """Whether how both sound has become known since the next was planned."""
        return self._known(current, planned) > self._planned_knowing

    def _planned(
        self, programme: Programme, choice: Choice, now: int, earliest: int
    ) -> tuple[Programme, Transition | None]:
        """The programme with what can be had at once, and what would be better if a lead were there."""
        current = steps.unplan(programme, now).current(now)
        if current is None or current.sound_ends is not None:
            return steps.plan_next(programme, choice, now, earliest), None
        outgoing, incoming = self._side(current.track), self._side(choice.track)
        position = _free_position(current, earliest)
        better = plan_transition(outgoing, incoming, position)
        if not better.needs_lead:
            return steps.plan_next(programme, choice, now, earliest, better), None
        plain = plan_transition(outgoing, incoming, position, may_stretch=False)
        return steps.plan_next(programme, choice, now, earliest, plain), better

    def _known(self, *entries: Entry) -> int:
        """Of how many tracks is known how they sound, and where they lie."""
        space = self._chart()
        rows = [space.rows.get(entry.track.id) for entry in entries]
        return len([row for row in rows if row is not None and space.is_heard[row]])

    def _side(self, track: Track) -> Side:
        return Side(track, self._library.heard(track.id))


def _free_position(entry: Entry, earliest: int) -> int:
    """The file's first sample at which it may be left: not in what was rendered ahead of it."""
    lead = entry.play.lead
    return max(entry.play.position_at(earliest), lead.resumes_at if lead else 0)
