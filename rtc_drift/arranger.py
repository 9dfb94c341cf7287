"""Plans transitions with what the library knows of both tracks, into a programme."""

from dataclasses import dataclass

from rtc_drift.dj import programme as steps
from rtc_drift.dj.autodj import Choice
from rtc_drift.dj.mixing import Side, plan_skip, plan_transition
from rtc_drift.dj.plan import Lead, Transition, When
from rtc_drift.dj.programme import Entry, Programme
from rtc_drift.dj.warp import Warp, warp_of
from rtc_drift.library.track import Track
from rtc_drift.protocols import Crate


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

    def __init__(self, library: Crate) -> None:
        self._library = library

    def follow(self, programme: Programme, choice: Choice, now: int, earliest: int) -> tuple[Programme, Wish | None]:
        """A track planned to follow the current one, starting at `earliest` or later; and what would be better."""
        current = steps.unplan(programme, now).current(now)
        if current is None or current.sound_ends is not None:
            return steps.plan_next(programme, choice, now, earliest), None
        outgoing, incoming = self.side(current.track), self.side(choice.track)
        position = _free_position(current, earliest)
        plain = plan_transition(outgoing, incoming, position, may_stretch=False)
        planned = steps.plan_next(programme, choice, now, earliest, plain)
        better = plan_transition(outgoing, incoming, position)
        wish = Wish(planned.entries[-1].play.id, choice, better) if better.needs_lead else None
        return planned, wish

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
        base = steps.unplan(programme, now)
        latest = base.entries[-1] if base.entries else None
        if latest is None or fade == 0 or latest.play.end <= at or base.paused_at is not None:
            return steps.skip_to(programme, choice, at, now, fade)
        transition = plan_skip(self.side(latest.track), self.side(choice.track), latest.position_at(at), when)
        on_the_bar = max(at, latest.time_of(transition.leave_at))
        if on_the_bar >= latest.play.end:  # its file breaks off before that
            return steps.skip_to(programme, choice, at, now, fade)
        return steps.skip_to(programme, choice, on_the_bar, now, fade, transition)

    def side(self, track: Track) -> Side:
        """A track with what is known of it."""
        return Side(track, self._library.heard(track.id))


def _free_position(entry: Entry, earliest: int) -> int:
    """The file's first sample at which it may be left: not in what was rendered ahead of it."""
    lead = entry.play.lead
    return max(entry.play.position_at(earliest), lead.resumes_at if lead else 0)
