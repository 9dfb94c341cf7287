"""The analysed tracks, as one array in memory: a hundred thousand take 30 MB."""

from collections.abc import Iterable, KeysView, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.camelot import key_number
from rtc_drift.analysis.model import Analysis
from rtc_drift.analysis.numbers import NUMBERS, numbers_of
from rtc_drift.library.track import number_of

_FIRST_ROWS = 256
"""Rows for which there is room at first."""


@dataclass(frozen=True, slots=True)
class AnalysedColumns:
    """The numbers of some tracks; row n of every array is the same track. What it holds never changes."""

    ids: NDArray[np.uint64]
    """`(tracks,)`, in no order."""
    numbers: NDArray[np.float32]
    """`(tracks, 50)`, in the order of `analysis.numbers.NUMBERS`."""
    keys: NDArray[np.int8]
    """`(tracks,)`: see `camelot.key_number`."""


class Analysed:
    """The numbers of all analysed tracks, by track id."""

    def __init__(self, columns: AnalysedColumns | None = None) -> None:
        """Take over the columns, whose ids differ; none are needed."""
        self._ids = np.empty(_FIRST_ROWS, np.uint64) if columns is None else columns.ids
        self._numbers = np.empty((_FIRST_ROWS, len(NUMBERS)), np.float32) if columns is None else columns.numbers
        self._keys = np.empty(_FIRST_ROWS, np.int8) if columns is None else columns.keys
        self._count = 0 if columns is None else len(columns.ids)
        self._rows = {track_id: row for row, track_id in enumerate(self._ids[: self._count].tolist())}
        self.changes = 0
        """Number of changes so far."""

    @classmethod
    def of(cls, analyses: Mapping[str, Analysis] | Iterable[tuple[str, Analysis]]) -> "Analysed":
        """Return the tracks of some analyses, given by track id."""
        found = cls()
        for track_id, analysis in dict(analyses).items():
            found.add(track_id, analysis)
        return found

    def __contains__(self, track_id: str) -> bool:
        return number_of(track_id) in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def numbers(self) -> KeysView[int]:
        """Return the ids of all tracks, as numbers: a view that changes with them."""
        return self._rows.keys()

    def count_among(self, numbers: Iterable[int]) -> int:
        """Count the analysed ones among some ids, given as numbers."""
        return sum(map(self._rows.__contains__, numbers))

    def add(self, track_id: str, analysis: Analysis) -> None:
        """Add a track, or replace its numbers."""
        self.discard(track_id)
        if self._count == len(self._ids):
            self._make_room()
        row, number = self._count, number_of(track_id)
        self._ids[row], self._numbers[row], self._keys[row] = number, numbers_of(analysis), key_number(analysis.camelot)
        self._rows[number] = row
        self._count += 1
        self.changes += 1

    def discard(self, track_id: str) -> None:
        """Remove a track, if it is there. Its row stays, and is not among the columns any more."""
        if self._rows.pop(number_of(track_id), None) is not None:
            self.changes += 1

    def columns(self) -> AnalysedColumns:
        """Return the present columns. They share memory with later ones, which only ever add to it."""
        ids, numbers, keys = self._ids[: self._count], self._numbers[: self._count], self._keys[: self._count]
        if len(self._rows) < self._count:
            rows = np.fromiter(self._rows.values(), np.intp, len(self._rows))
            ids, numbers, keys = ids[rows], numbers[rows], keys[rows]
        return AnalysedColumns(ids, numbers, keys)

    def _make_room(self) -> None:
        """Move to larger arrays; columns that were returned keep the old ones."""
        kept = self.columns()
        size = max(_FIRST_ROWS, len(self._rows) * 5 // 4)
        self._ids = np.empty(size, np.uint64)
        self._numbers = np.empty((size, len(NUMBERS)), np.float32)
        self._keys = np.empty(size, np.int8)
        self._count = len(kept.ids)
        self._ids[: self._count] = kept.ids
        self._numbers[: self._count] = kept.numbers
        self._keys[: self._count] = kept.keys
        self._rows = {track_id: row for row, track_id in enumerate(kept.ids.tolist())}
