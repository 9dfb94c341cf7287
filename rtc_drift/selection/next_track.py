"""The choice of what comes next: the queue first, then by how tracks sound, else a seeded lottery."""

from collections.abc import Collection, Sequence

from rtc_drift.selection import ranking
from rtc_drift.selection.choice import Choice, sentence
from rtc_drift.selection.drift import heading
from rtc_drift.selection.feature_space import FeatureSpace
from rtc_drift.selection.journey import Journey
from rtc_drift.selection.ranking import RECENT_TRACKS, Surroundings
from rtc_drift.selection.shuffle import draw
from rtc_drift.selection.track_source import TrackSource

AGAIN = "Not heard for the longest time"


def choose_next_track(
    source: TrackSource, space: FeatureSpace, journey: Journey, coming: Sequence[str]
) -> Choice | None:
    """Choose what follows the tracks played and those that are `coming` (track ids); None if there is no track.

    The same source, space and journey give the same choice.
    """
    queued = source.get(journey.queue[0]) if journey.queue else None
    if queued is not None:
        return Choice(queued, "From the queue.", queued=True)
    choice = choose_by_sound(space, source.loved, journey, coming)
    if choice is not None and source.get(choice.track.id) is not None:
        return choice
    return draw(source.playable(), [*journey.history.played, *coming], journey.seed, journey.draws)


def choose_by_sound(
    space: FeatureSpace, loved: Collection[str], journey: Journey, coming: Sequence[str]
) -> Choice | None:
    """Choose a track by how it sounds beside the last of those played and `coming`; None if that was not analysed.

    Nothing comes again before the rest of the library was played.
    """
    known = space.known((*journey.history.played, *coming))
    if not known or not space.is_analysed[known[-1]]:
        return None
    here, around = known[-1], Surroundings.of(space, known, loved)
    novelty = "" if len(set(known)) < len(space) else AGAIN
    direction = space.axes.directions.get(journey.direction or "")
    if direction is not None:
        rows = ranking.ranked(space, here, direction, ranking.open_rows(space, here, direction, around.out), around, 1)
        if rows:
            reasons = ranking.why(space, here, rows[0], direction)
            return Choice(space.tracks[rows[0]], sentence(reasons, direction.label, novelty), why=reasons)
        novelty = f"Nothing is {direction.label} than this any more{_instead(space, here, around)}"
    ahead = heading(space, here, around.out, known[-RECENT_TRACKS:], journey.seed, journey.draws)
    rows = ranking.onward(space, here, ahead, around, 1, journey.draws)
    if not rows:
        return None
    reasons = ranking.why(space, here, rows[0], ahead)
    return Choice(space.tracks[rows[0]], sentence(reasons, None, novelty), why=reasons)


def _instead(space: FeatureSpace, here: int, around: Surroundings) -> str:
    """Name the directions in which tracks are left, those with the most tracks first."""
    counts = {
        it.label: len(ranking.open_rows(space, here, it, around.out))
        for it in space.axes.directions.values()
        if not it.is_discovered
    }
    fullest = sorted((label for label, count in counts.items() if count), key=lambda label: (-counts[label], label))
    return f"; {', '.join(fullest[:3])} lie open" if fullest else ""
