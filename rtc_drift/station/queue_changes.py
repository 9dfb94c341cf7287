"""The difference between two states of a queue, so that readers are sent a change and not the whole queue. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

QueueChangeKind = Literal["added", "removed", "replaced"]


@dataclass(frozen=True, slots=True)
class QueueChange:
    """A change of a queue: one track more or less, or another queue altogether."""

    kind: QueueChangeKind
    position: int | None = None
    """The place of the track that was added, or had that was removed; None if the queue was replaced."""
    track_id: str | None = None


def change_between(before: Sequence[str], after: Sequence[str]) -> QueueChange | None:
    """Return the change from one sequence of track ids to another; None if they are equal."""
    if len(after) == len(before) + 1:
        position = _first_difference(before, after)
        if [*after[:position], *after[position + 1 :]] == list(before):
            return QueueChange("added", position, after[position])
    elif len(after) == len(before) - 1:
        position = _first_difference(before, after)
        if [*before[:position], *before[position + 1 :]] == list(after):
            return QueueChange("removed", position, before[position])
    elif list(before) == list(after):
        return None
    return QueueChange("replaced")


def _first_difference(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the first position at which two sequences differ, of which one is longer."""
    shorter = min(len(one), len(other))
    return next((i for i in range(shorter) if one[i] != other[i]), shorter)
