"""An index of the texts of all tracks: finds those with every word of a query, the best first."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rtc_drift.library.folded_texts import BEGINS, EQUALS, FoldedTexts
from rtc_drift.library.folding import folded
from rtc_drift.library.track_ids import id_numbers
from rtc_drift.library.track_texts import TrackTexts

MAX_WORDS = 8
"""Greatest number of words that count: the longest, which are likely the rarest."""
_ARTICLE = "the "
"""A beginning that people leave out."""

# The rank of a track for a query, the best first. Columns are title, artist and album.
_COLUMNS = range(3)
_NO_RANK = 14
_PHRASE_RANKS = np.array([(_NO_RANK, 3 + column, column) for column in _COLUMNS], np.int64)
"""Rank by column, and by how it compares with the whole query: it equals the query, or begins with it."""
_PART_EQUAL = 6
"""Rank where the title is the first or last words of the query and the others are elsewhere: `beatles yesterday`."""
_PART_BEGINNING = 8
"""Rank where the title begins with the last words of the query."""
_FIT_RANKS = np.array((7, 9, 10, 11, 12, 13), np.int64)
"""Rank by the fit of the word that fits worst."""
_NOWHERE = len(_FIT_RANKS)
_FITS = np.array([(_NOWHERE, 3 + column, column) for column in _COLUMNS], np.uint8)
"""Fit of a word by column, and by its best place there: 0 to 2 at the beginning of a word, 3 to 5 inside, _NOWHERE."""


@dataclass(frozen=True, slots=True)
class Found:
    """The ids of the tracks found, the best first and no more than asked for, and how many there are in all."""

    ids: list[str]
    total: int


@dataclass(frozen=True, slots=True)
class TextIndex:
    """The texts of all tracks as they are searched. Rows are tracks."""

    _ids: NDArray[np.uint64]
    _by_id: NDArray[np.int32]
    """Rows in the order of their ids."""
    _texts: FoldedTexts
    """The titles, then the names: those of artists, then those of albums."""
    _names_of: NDArray[np.int32]
    """Places of the tracks' artists and albums among the names: `(2, n)`."""
    _places: NDArray[np.int32]
    """Places of the rows when all tracks are listed by artist, album, number and title."""

    @classmethod
    def of(cls, texts: TrackTexts, pause: Callable[[], None] = lambda: None) -> Self:
        """Build the index, and call `pause` again and again, so that other threads get the interpreter's lock."""
        folded_texts = FoldedTexts.of((texts.titles, texts.artists, texts.albums), pause)
        names_of = np.stack((texts.artist_of, texts.album_of + np.int32(len(texts.artists))))
        order = _order(folded_texts, names_of, texts)
        places = np.empty(len(order), np.int32)
        places[order] = np.arange(len(order))
        by_id = np.argsort(texts.ids, kind="stable").astype(np.int32)
        return cls(texts.ids, by_id, folded_texts, names_of, places)

    def __len__(self) -> int:
        return len(self._ids)

    def find(self, query: str, limit: int, loved: Collection[str] = (), played: Collection[str] = ()) -> Found:
        """Return the tracks with every word of the query in title, artist or album; all for an empty query.

        Case and accents don't matter. Tracks of equal rank are listed with the loved ones first, then those that were
        played, then by artist, album, number and title. A query without words leaves it at that last order.
        """
        words = folded(query).split()
        if not words:
            return self._best(np.arange(len(self._ids)), self._places.astype(np.int64), limit)
        fits = self._fits(words)
        rows = np.flatnonzero(fits < _NOWHERE)
        if not len(rows):
            return Found([], 0)
        ranks = np.minimum(_FIT_RANKS[fits[rows]], self._phrase_ranks(rows, words))
        unknown = np.uint8(0b11) - (self._marks(loved)[rows] << np.uint8(1)) - self._marks(played)[rows]
        keys = (ranks * 4 + unknown) * len(self._ids) + self._places[rows]
        return self._best(rows, keys, limit)

    def _fits(self, words: list[str]) -> NDArray[np.uint8]:
        """Return the fit of the word that fits worst, for each row."""
        worst = np.zeros(len(self._ids), np.uint8)
        for word in sorted(dict.fromkeys(words), key=len, reverse=True)[:MAX_WORDS]:
            titles, names = np.split(self._texts.places(word), (len(worst),))
            fits = _FITS[0][titles]
            for by_place, name_of in zip(_FITS[1:], self._names_of, strict=True):
                np.minimum(fits, by_place[names][name_of], out=fits)
            np.maximum(worst, fits, out=worst)
            if worst.min(initial=_NOWHERE) == _NOWHERE:
                break
        return worst

    def _phrase_ranks(self, rows: NDArray[np.intp], words: list[str]) -> NDArray[np.int64]:
        """Return the ranks of rows by the words in the order they stand in, _NO_RANK where that says nothing."""
        titles = self._compared(rows, words)
        names = self._compared(np.arange(len(self._ids), len(self._texts)), words)
        ranks: NDArray[np.int64] = _PHRASE_RANKS[0][titles]
        for by_result, name_of in zip(_PHRASE_RANKS[1:], self._names_of, strict=True):
            np.minimum(ranks, by_result[names][name_of[rows]], out=ranks)
        if len(words) <= MAX_WORDS:
            for place in range(1, len(words)):
                first, last = (self._compared(rows, part) for part in (words[:place], words[place:]))
                ranks[(last == BEGINS) & (ranks > _PART_BEGINNING)] = _PART_BEGINNING
                ranks[((first == EQUALS) | (last == EQUALS)) & (ranks > _PART_EQUAL)] = _PART_EQUAL
        return ranks

    def _compared(self, texts: NDArray[np.intp], words: list[str]) -> NDArray[np.uint8]:
        phrase = " ".join(words)
        return np.maximum(self._texts.compared(texts, phrase), self._texts.compared(texts, _ARTICLE + phrase))

    def _marks(self, track_ids: Collection[str]) -> NDArray[np.uint8]:
        """Return 1 for each row whose track is among some ids, else 0."""
        marks = np.zeros(len(self._ids), np.uint8)
        wanted = id_numbers(track_ids)
        places = np.searchsorted(self._ids, wanted, sorter=self._by_id)
        rows = self._by_id[np.minimum(places, len(self._ids) - 1)]
        marks[rows[self._ids[rows] == wanted]] = 1
        return marks

    def _best(self, rows: NDArray[np.intp], keys: NDArray[np.int64], limit: int) -> Found:
        """Return the rows with the smallest keys."""
        best = np.arange(len(keys)) if limit >= len(keys) else np.argpartition(keys, limit)[:limit]
        best = best[np.argsort(keys[best])]
        return Found([f"{track_id:016x}" for track_id in self._ids[rows[best]].tolist()], len(rows))


def _order(folded_texts: FoldedTexts, names_of: NDArray[np.int32], texts: TrackTexts) -> NDArray[np.intp]:
    """Return the rows by artist, album, number and title, those alike in all by id."""
    tracks = len(texts.ids)
    names = np.arange(tracks, len(folded_texts))
    artists, albums = folded_texts.ordered(names, np.zeros(len(names), np.int64))[names_of]
    columns = np.stack((texts.track_numbers, albums, artists))
    order = np.lexsort(columns)
    is_new = np.append(True, (columns[:, order[1:]] != columns[:, order[:-1]]).any(axis=0))[:tracks]
    ranks = np.empty(tracks, np.int64)
    ranks[order] = np.maximum.accumulate(np.where(is_new, np.arange(tracks), 0))
    return np.lexsort((texts.ids, folded_texts.ordered(np.arange(tracks), ranks)))
