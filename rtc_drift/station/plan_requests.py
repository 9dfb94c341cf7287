"""Requests for plans, and the plans: which track comes, and how it is joined with the one on the air. Pure.

Planning takes tens of milliseconds: a station has it done in a thread.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from rtc_drift.library.track import Track
from rtc_drift.mixing import MixTrack, plan_cut_instead, plan_matched_skip, plan_transition
from rtc_drift.mixing.blend import UNMATCHED_COST
from rtc_drift.mixing.model import Transition
from rtc_drift.selection.choice import Choice

JOIN_WEIGHT = 0.15
"""Weight of the cost of joining two tracks, against that of choosing a track by its sound."""

GetMixTrack: TypeAlias = Callable[[Track], MixTrack]
"""Returns a track as the mixing sees it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan: the track that comes, and how it comes in."""

    choice: Choice
    transition: Transition
    """The transition that can be had at once."""
    better: Transition | None = None
    """The one to be had once ends are stretched; None if none is better."""
    unanalysed: tuple[str, ...] = ()
    """Ids of those of both tracks that it was made for without an analysis."""


class PlanRequest(Protocol):
    """A question that a plan answers."""

    @property
    def choice(self) -> Choice:
        """The choice that the makeshift plan is for."""

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The tracks that have to be known."""

    def plan(self, mix_track: GetMixTrack) -> Plan | None:
        """Return the plan; None if what is planned already should stay."""


@dataclass(frozen=True, slots=True)
class FollowRequest:
    """A request: how a track goes over into the choice, or into one of its runners-up if that is joined better."""

    outgoing: Track
    position: int
    """The sample of its file before which it is not left."""
    choice: Choice

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The outgoing track, the choice and its runners-up."""
        return (self.outgoing, self.choice.track, *(it.track for it in self.choice.runners_up))

    def plan(self, mix_track: GetMixTrack) -> Plan:
        """Plan the transition into each candidate, and take the one that costs least in all."""
        outgoing = mix_track(self.outgoing)
        chosen, best, least = self.choice, None, float("inf")
        for candidate in (self.choice, *self.choice.runners_up):
            if candidate.cost >= least:
                break  # Even the best of joins would not make up for it.
            transition = plan_transition(outgoing, mix_track(candidate.track), self.position)
            cost = candidate.cost + JOIN_WEIGHT * transition.cost
            if cost < least:
                chosen, best, least = candidate, transition, cost
        assert best is not None
        incoming = mix_track(chosen.track)
        unanalysed = tuple(it.track.id for it in (outgoing, incoming) if it.analysis is None)
        if not best.needs_stretching:
            return Plan(chosen, best, unanalysed=unanalysed)
        plain = plan_transition(outgoing, incoming, self.position, may_stretch=False)
        return Plan(chosen, plain, best, unanalysed)


@dataclass(frozen=True, slots=True)
class SkipRequest:
    """A request: how a skip, planned as a cut into the choice, can be on the beat instead, perhaps into a runner-up.

    Positions are samples of the outgoing file.
    """

    outgoing: Track
    choice: Choice
    earliest: int
    """The position from which on bars count."""
    at_once: int
    """The position from which on a transition without stretching can begin."""
    stretched: int
    """The position from which on one with stretched ends can begin."""

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The outgoing track, the choice and its runners-up."""
        return (self.outgoing, self.choice.track, *(it.track for it in self.choice.runners_up))

    def plan(self, mix_track: GetMixTrack) -> Plan | None:
        """Plan it on the next bar or the one after, into the candidate that costs least in all; None if none fits."""
        outgoing, least = mix_track(self.outgoing), self.choice.cost + JOIN_WEIGHT * UNMATCHED_COST
        best: tuple[Choice, Transition] | None = None
        for candidate in (self.choice, *self.choice.runners_up):
            if candidate.cost >= least:
                break
            incoming = mix_track(candidate.track)
            matched = plan_matched_skip(outgoing, incoming, self.earliest, self.at_once, self.stretched)
            if matched is None:
                continue
            cost = candidate.cost + JOIN_WEIGHT * matched.cost
            if cost < least or candidate is self.choice:
                best, least = (candidate, matched), cost
        if best is None:
            return None
        chosen, matched = best
        if not matched.needs_stretching:
            return Plan(chosen, matched)
        return Plan(chosen, plan_cut_instead(outgoing, mix_track(chosen.track), matched), matched)
