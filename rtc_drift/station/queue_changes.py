"""The difference between two states of a queue, so that readers are sent a change and not the whole queue. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rtc_drift.selection.queue import Queued

QueueChangeKind = Literal["added", "removed", "moved", "replaced"]


@dataclass(frozen=True, slots=True)
class QueueChange:
    """A change of a queue: one track more or less, one elsewhere, or another queue altogether."""

    kind: QueueChangeKind
    position: int | None = None
    """The place of the entry that was added or moved, or had that was removed; None if the queue was replaced."""
    entry: Queued | None = None
    from_position: int | None = None
    """The place that an entry had before it was moved."""


def change_between(before: Sequence[Queued], after: Sequence[Queued]) -> QueueChange | None:
    """Return the change from one queue to another; None if they are equal."""
    if len(after) == len(before) + 1:
        position = _first_difference(before, after)
        if [*after[:position], *after[position + 1 :]] == list(before):
            return QueueChange("added", position, after[position])
    elif len(after) == len(before) - 1:
        position = _first_difference(before, after)
        if [*before[:position], *before[position + 1 :]] == list(after):
            return QueueChange("removed", position, before[position])
    elif len(after) == len(before):
        return _change_of_order(before, after)
    return QueueChange("replaced")


def _change_of_order(before: Sequence[Queued], after: Sequence[Queued]) -> QueueChange | None:
    differing = [place for place, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]]
    if not differing:
        return None
    first, last = differing[0], differing[-1]
    for old, new in ((first, last), (last, first)):
        rest = [*before[:old], *before[old + 1 :]]
        if [*rest[:new], before[old], *rest[new:]] == list(after):
            return QueueChange("moved", new, before[old], old)
    return QueueChange("replaced")


def _first_difference(one: Sequence[Queued], other: Sequence[Queued]) -> int:
    """Return the first position at which two sequences differ, of which one is longer."""
    shorter = min(len(one), len(other))
    return next((i for i in range(shorter) if one[i] != other[i]), shorter)
