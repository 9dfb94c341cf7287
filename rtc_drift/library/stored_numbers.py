"""The numbers of an analysis as bytes, and those of all analyses as one array, without the rows that none can give."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.camelot import FIFTHS, UNKNOWN_KEY, key_number
from rtc_drift.analysis.model import Analysis
from rtc_drift.analysis.numbers import NUMBERS, are_valid, numbers_of
from rtc_drift.library.analysed import AnalysedColumns

Row = Sequence[Any]
"""A row as it is stored: id, key, Camelot code, numbers, and 1 if there are curves."""
_TYPE = np.dtype("<f8")
_BYTES = len(NUMBERS) * _TYPE.itemsize
_MAX_NAME_BYTES = 20
"""Greatest length of the name of a key."""
_ID = re.compile(b"[0-9a-f]{16}")
_CODES = [f"{hour}{mode}" for mode in "AB" for hour in range(1, FIFTHS + 1)]
_KEY_NUMBERS: dict[object, int] = {None: UNKNOWN_KEY, **{code.encode(): key_number(code) for code in _CODES}}
_Columns = tuple[NDArray[np.uint64], NDArray[np.float32], NDArray[np.int8]]


def numbers_to_store(analysis: Analysis) -> bytes:
    """Return the numbers of an analysis as they are stored."""
    return numbers_of(analysis).astype(_TYPE).tobytes()


def row_of(stored: object) -> NDArray[np.float64]:
    """Return stored numbers, `(50,)`. Raises ValueError."""
    if not isinstance(stored, bytes) or len(stored) != _BYTES:
        raise ValueError("not the numbers of an analysis")
    return np.frombuffer(stored, _TYPE)


def name_of(stored: object) -> str | None:
    """Return the stored name of a key. Raises ValueError."""
    if stored is None:
        return None
    if not isinstance(stored, bytes) or len(stored) > _MAX_NAME_BYTES:
        raise ValueError("not the name of a key")
    return stored.decode("ascii")


@dataclass(slots=True)
class StoredNumbers:
    """The rows read so far. They are added in pages, so that they need little more memory than the array."""

    failed: set[str] = field(default_factory=set)
    """Tracks that can't be analysed."""
    unreadable: int = 0
    """Number of rows that can't be read."""
    _pages: list[_Columns] = field(default_factory=list)

    def add(self, rows: Sequence[Row]) -> None:
        """Read a page of rows, which may hold anything."""
        failed = [track_id.decode() for track_id, _, _, numbers, _ in rows if numbers is None and is_id(track_id)]
        page = _columns([row for row in rows if _is_whole(*row)])
        self.failed.update(failed)
        self.unreadable += len(rows) - len(failed) - len(page[0])
        self._pages.append(page)

    def columns(self) -> AnalysedColumns:
        """Return the columns of all rows that can be read, in arrays that nobody else has."""
        ids, numbers, keys = (np.concatenate(arrays) for arrays in zip(*(self._pages or [_columns([])]), strict=True))
        _, first = np.unique(ids, return_index=True)
        if len(first) < len(ids):  # an id is there as text and as a blob
            self.unreadable += len(ids) - len(first)
            ids, numbers, keys = ids[first], numbers[first], keys[first]
        return AnalysedColumns(ids, numbers, keys)


def is_id(stored: object) -> bool:
    """Return True for the id of a track."""
    return isinstance(stored, bytes) and _ID.fullmatch(stored) is not None


def _is_whole(track_id: object, key: object, camelot: object, numbers: object, has_curves: object) -> bool:
    try:
        name_of(key)
    except ValueError:
        return False
    is_row = isinstance(numbers, bytes) and len(numbers) == _BYTES
    return is_row and camelot in _KEY_NUMBERS and has_curves == 1 and is_id(track_id)


def _columns(rows: Sequence[Row]) -> _Columns:
    """Return the columns of those rows whose numbers an analysis can hold."""
    whole = np.frombuffer(b"".join(row[3] for row in rows), _TYPE).reshape(-1, len(NUMBERS))
    is_valid = are_valid(whole)
    ids = np.array([int(row[0], 16) for row in rows], np.uint64)
    keys = np.array([_KEY_NUMBERS[row[2]] for row in rows], np.int8)
    return ids[is_valid], whole[is_valid].astype(np.float32), keys[is_valid]
