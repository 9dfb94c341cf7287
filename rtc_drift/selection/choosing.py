"""What comes next: what was queued, else where the journey leads, else a lot."""

from collections.abc import Sequence

from rtc_drift.selection import next_track as guide
from rtc_drift.selection.feature_space import Space
from rtc_drift.selection.journey import Journey
from rtc_drift.selection.shuffle import Choice, choose_next
from rtc_drift.selection.track_source import Crate


def choose(library: Crate, space: Space, journey: Journey, coming: Sequence[str]) -> Choice | None:
    """The choice after the journey's tracks and those that are `coming` (ids); None when there is nothing."""
    queued = library.get(journey.queue[0]) if journey.queue else None
    if queued is not None:
        return Choice(queued, "Somebody queued it.", queued=True)
    choice = guide.choose(space, library.loved, journey, coming)
    if choice is not None and library.get(choice.track.id) is not None:
        return choice
    heard = [*journey.history.heard, *coming]
    return choose_next(library.playable(), heard, journey.seed, journey.draws)
