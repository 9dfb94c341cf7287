"""The choice of what comes next, from everything that is known: the library as a space, and a session's journey."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtc_drift.library.track import Track
from rtc_drift.selection import ranking as step
from rtc_drift.selection.choice import sentence
from rtc_drift.selection.directions import Direction
from rtc_drift.selection.drift import heading
from rtc_drift.selection.feature_space import Space
from rtc_drift.selection.journey import Journey
from rtc_drift.selection.shuffle import Choice, choose_next

SAMPLES = 3
"""Tracks that are shown of each direction."""
_RECENT = 40
_WEIGHED_FOR_SAMPLES = 2_048
"""Of each of two dozen directions."""


@dataclass(frozen=True, slots=True)
class Open:
    """A direction as seen from a track."""

    direction: Direction
    count: int
    """How many tracks lie clearly that way and were not heard."""
    samples: tuple[Track, ...]


def choose(space: Space, loved: Collection[str], journey: Journey, coming: Sequence[str]) -> Choice | None:
    """What comes after the journey's tracks and those that are `coming` (ids); None when there is nothing.

    Nothing is heard again before the rest of the library was. The same space, journey and loves give the same choice.
    """
    heard = [*journey.history.heard, *coming]
    known = space.known(heard)
    if not known or not space.is_heard[known[-1]]:
        return choose_next(space.tracks, heard, journey.seed, journey.draws)
    here, around, is_new = known[-1], _around(space, known, loved), len(set(known)) < len(space)
    novelty = "" if is_new else "Not heard for the longest time"
    direction = space.axes.directions.get(journey.direction or "")
    if direction is not None:
        rows = step.ranked(space, here, direction, step.open_rows(space, here, direction, around.out), around, 1)
        if rows:
            reasons = step.why(space, here, rows[0], direction)
            return Choice(space.tracks[rows[0]], sentence(reasons, direction.label, novelty), why=reasons)
        novelty = f"Nothing is {direction.label} than this any more{_instead(space, here, around)}"
    ahead = heading(space, here, around.out, known[-_RECENT:], journey.seed, journey.draws)
    rows = step.onward(space, here, ahead, around, 1, journey.draws)
    if not rows:
        return None
    reasons = step.why(space, here, rows[0], ahead)
    return Choice(space.tracks[rows[0]], sentence(reasons, None, novelty), why=reasons)


def explore(space: Space, loved: Collection[str], journey: Journey, track_id: str) -> list[Open]:
    """Every direction as seen from a track; empty when that was not listened to."""
    here = space.rows.get(track_id)
    if here is None or not space.is_heard[here]:
        return []
    around = _around(space, space.known((*journey.history.heard, track_id)), loved)
    found = list[Open]()
    for direction in space.axes.directions.values():
        rows = step.open_rows(space, here, direction, around.out)
        best = step.ranked(space, here, direction, rows, around, SAMPLES, _WEIGHED_FOR_SAMPLES)
        found.append(Open(direction, len(rows), tuple(space.tracks[row] for row in best)))
    return found


def _around(space: Space, known: list[int], loved: Collection[str]) -> step.Surroundings:
    return step.Surroundings(
        out=_out(len(space), known),
        recent=tuple(known[-_RECENT:]),
        loved=_mask(len(space), space.known(loved)),
    )


def _mask(tracks: int, rows: list[int]) -> NDArray[np.bool_]:
    mask = np.zeros(tracks, bool)
    mask[rows] = True
    return mask


def _out(tracks: int, known: list[int]) -> NDArray[np.bool_]:
    """All that was heard; when that is everything, the half that was heard last; never less than the present track."""
    out = _mask(tracks, known)
    if out.all():
        newest = list(dict.fromkeys(reversed(known)))
        out[:] = False
        out[newest[: max(1, tracks // 2)]] = tracks > 1
    return out


def _instead(space: Space, here: int, around: step.Surroundings) -> str:
    """The directions that lie open, the fullest first."""
    counts = {
        it.label: len(step.open_rows(space, here, it, around.out))
        for it in space.axes.directions.values()
        if not it.is_discovered
    }
    fullest = sorted((label for label, count in counts.items() if count), key=lambda label: (-counts[label], label))
    return f"; {', '.join(fullest[:3])} lie open" if fullest else ""
