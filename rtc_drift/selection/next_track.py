"""Chooses the next track: from the queue if possible, else by how tracks sound, else at random."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rtc_drift.selection import ranking
from rtc_drift.selection.choice import Choice, sentence
from rtc_drift.selection.directions import Direction
from rtc_drift.selection.drift import heading
from rtc_drift.selection.feature_space import FeatureSpace
from rtc_drift.selection.journey import Journey
from rtc_drift.selection.ranking import RECENT_TRACKS, ChoiceContext, Ranked
from rtc_drift.selection.shuffle import draw
from rtc_drift.selection.track_source import TrackSource

RUNNERS_UP = 6
"""Most runners-up of a choice."""
ABOUT_AS_GOOD = 0.4
"""Greatest difference in cost from the best track for one to be about as good: people would hardly tell them apart."""
_REPEATED = "Not played for a long time"
_SUGGESTIONS = 3
"""Number of directions to suggest when there is no track left in a direction."""


def choose_next_track(
    source: TrackSource, space: FeatureSpace, journey: Journey, coming: Sequence[str], taken: Collection[str] = ()
) -> Choice | None:
    """Choose the track after those played and those `coming` (track ids); None if there is no track.

    A first track is none of those `taken` if there are others. The same arguments give the same choice.
    """
    queued = source.get(journey.queue[0]) if journey.queue else None
    if queued is not None:
        return Choice(queued, "From the queue.", queued=True)
    choice = choose_by_sound(source, space, journey, coming)
    if choice is not None:
        return choice
    before = [*journey.history.played, *coming]
    return draw(source.playable(), before, journey.seed, journey.draws, () if before else taken)


def choose_by_sound(source: TrackSource, space: FeatureSpace, journey: Journey, coming: Sequence[str]) -> Choice | None:
    """Choose the track after those played and those `coming` by its sound.

    None if the last of them is not analysed, or if the space has a track that the source has lost. No track is repeated
    before all others were played. Tracks that are about as good are its runners-up.
    """
    known = space.rows_of((*journey.history.played, *coming))
    if not known or not space.is_analysed[known[-1]]:
        return None
    current, context = known[-1], ChoiceContext.after(space, known, source.loved)
    novelty = "" if len(set(known)) < len(space) else _REPEATED
    direction = space.axes.directions.get(journey.direction or "")
    if direction is not None:
        candidates = ranking.rows_in_direction(space, current, direction, context.excluded)
        ranked = ranking.best_in_direction(space, current, direction, candidates, context, 1 + RUNNERS_UP)
        if ranked:
            return _choice(source, space, current, ranked, direction, novelty)
        novelty = f"No {direction.tracks_label} left{_suggestions(space, current, context)}"
    ahead = heading(space, current, context.excluded, known[-RECENT_TRACKS:], journey.seed, journey.draws)
    ranked = ranking.best_for_drift(space, current, ahead, context, 1 + RUNNERS_UP, journey.draws)
    return _choice(source, space, current, ranked, ahead, novelty)


def _choice(
    source: TrackSource,
    space: FeatureSpace,
    current: int,
    ranked: Sequence[Ranked],
    way: Direction | NDArray[np.float32],
    novelty: str,
) -> Choice | None:
    """Return the choice of the first of some ranked rows, with those that are about as good as its runners-up."""
    label = way.label if isinstance(way, Direction) else None
    choices = list[Choice]()
    for row, cost in ranked:
        if cost > ranked[0].cost + ABOUT_AS_GOOD:
            break
        track, why = source.get(space.id_of(row)), ranking.explain(space, current, row, way)
        if track is not None:
            choices.append(Choice(track, sentence(why, label, novelty), why=why, cost=cost))
        elif not choices:
            return None
    return replace(choices[0], runners_up=tuple(choices[1:])) if choices else None


def _suggestions(space: FeatureSpace, current: int, context: ChoiceContext) -> str:
    """Suggest the directions with the most tracks left, such as `; try calmer, faster or more bass`."""
    counts = {
        it.label: len(ranking.rows_in_direction(space, current, it, context.excluded))
        for it in space.axes.directions.values()
        if not it.is_discovered
    }
    fullest = sorted((label for label, count in counts.items() if count), key=lambda label: (-counts[label], label))
    if not fullest:
        return ""
    *others, last = fullest[:_SUGGESTIONS]
    return f"; try {', '.join(others)} or {last}" if others else f"; try {last}"
