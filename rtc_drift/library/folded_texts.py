"""Many texts, folded, in one array of bytes: numpy searches it without holding the interpreter's lock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rtc_drift.library.folding import folded

SLICE = 256
"""Texts folded at once, which holds the interpreter's lock: 1 ms, or 5 for long texts with accents."""
DENSE_SHARE = 64
"""A word of up to three bytes counts as common where more than one byte in so many begins with it."""
_FIRST_BYTES = 3
"""Bytes of a word that are compared with all bytes; the others only where these match."""
_END = ord("\n")
_PADDING = bytes(_FIRST_BYTES)
_KEY_BYTES = 8
"""Bytes compared at once when texts are sorted."""
_KEPT_WORDS = 32
"""Words whose places are kept: 120 kB each for a hundred thousand tracks."""

ABSENT, INSIDE, WORD_BEGINNING = 0, 1, 2
"""Best place of a word in a text."""
DIFFERS, BEGINS, EQUALS = 0, 1, 2
"""Results of comparing a text with a phrase."""


@dataclass(frozen=True, slots=True)
class FoldedTexts:
    """Texts by number, as one array. A word contains neither spaces nor line ends, so it never spans two texts."""

    _bytes: NDArray[np.uint8]
    """The texts in UTF-8, a line end after each."""
    _starts: NDArray[np.int32]
    _byte_places: NDArray[np.uint8]
    """WORD_BEGINNING for each byte that begins a word, INSIDE for all others."""
    _first_bytes: NDArray[np.uint8]
    """First byte of each text."""
    _latest: dict[str, NDArray[np.uint8]] = field(default_factory=dict)
    """Places of the words that were searched last, the oldest first: while people type, only one word changes."""

    @classmethod
    def of(cls, columns: Sequence[Sequence[str]], pause: Callable[[], None]) -> Self:
        """Fold the texts of all columns, numbered one after the other, and call `pause` after every slice."""
        lines = bytearray()
        for column in columns:
            for start in range(0, len(column), SLICE):
                lines += _lines(column[start : start + SLICE])
                pause()
        lines += _PADDING
        data = np.frombuffer(lines, np.uint8)
        ends = np.flatnonzero(data == _END).astype(np.int32)
        starts = np.append(np.int32(0), ends[:-1] + np.int32(1))[: len(ends)]
        return cls(data, starts, _places_of(data), data[starts])

    def __len__(self) -> int:
        return len(self._starts)

    def places(self, word: str) -> NDArray[np.uint8]:
        """Return the best place of a word in each text: ABSENT, INSIDE or WORD_BEGINNING. It must not be changed."""
        places = self._latest.pop(word, None)
        if places is None:
            places = self._find(word)
        self._latest[word] = places
        if len(self._latest) > _KEPT_WORDS:
            del self._latest[next(iter(self._latest))]
        return places

    def _find(self, word: str) -> NDArray[np.uint8]:
        data = word.encode("utf-8", "surrogatepass")
        first = min(len(data), _FIRST_BYTES)
        width = len(self._bytes) + 1 - first
        matches = self._bytes[:width] == data[0]
        for offset in range(1, first):
            matches &= self._bytes[offset : width + offset] == data[offset]
        if len(data) == first and np.count_nonzero(matches) * DENSE_SHARE > width:
            return np.maximum.reduceat(matches.view(np.uint8) * self._byte_places[:width], self._starts)
        positions = np.flatnonzero(matches)
        for offset in range(first, len(data)):
            if not len(positions):
                break
            positions = positions[self._bytes[positions + offset] == data[offset]]
        places = np.zeros(len(self), np.uint8)
        texts = np.searchsorted(self._starts, positions, "right") - 1
        places[texts] = INSIDE
        places[texts[self._byte_places[positions] == WORD_BEGINNING]] = WORD_BEGINNING
        return places

    def compared(self, texts: NDArray[np.intp], phrase: str) -> NDArray[np.uint8]:
        """Compare the texts of some numbers with a phrase: DIFFERS, BEGINS with it, or EQUALS it."""
        data = phrase.encode("utf-8", "surrogatepass")
        found = np.flatnonzero(self._first_bytes[texts] == data[0])
        positions = self._starts[texts[found]] + np.int32(1)
        for offset, byte in enumerate(data[1:]):  # the line end differs, so no position passes the end of its text
            is_same = self._bytes[positions + offset] == byte
            found, positions = found[is_same], positions[is_same]
            if not len(found):
                break
        result = np.zeros(len(texts), np.uint8)
        result[found] = BEGINS
        result[found[self._bytes[positions + (len(data) - 1)] == _END]] = EQUALS
        return result

    def ordered(self, texts: NDArray[np.intp], ranks: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return ranks in which those of equal rank follow the alphabet. A rank is the number of items before it.

        Args:
            texts: The numbers of the texts.
            ranks: The ranks so far.
        """
        ranks = ranks.copy()
        tied = np.arange(len(ranks))
        depth = 0
        while len(tied := tied[_is_tied(ranks[tied])]):
            positions = self._starts[texts[tied]] + depth
            keys, ended = self._keys(positions)
            order = np.lexsort((keys, ranks[tied]))
            tied, keys, ended = tied[order], keys[order], ended[order]
            ranks[tied] = _refined(ranks[tied], keys)
            tied, depth = tied[~ended], depth + _KEY_BYTES
        return ranks

    def _keys(self, positions: NDArray[np.int32]) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        """Return the next bytes of texts as numbers that sort alike, and which texts end there."""
        keys, ended = np.zeros(len(positions), np.uint64), np.zeros(len(positions), np.bool_)
        last = len(self._bytes) - 1
        for offset in range(_KEY_BYTES):
            byte = self._bytes[np.minimum(positions + offset, last)]
            ended |= byte == _END
            keys = (keys << np.uint64(8)) | np.where(ended, 0, byte).astype(np.uint64)
        return keys, ended


def _lines(texts: Sequence[str]) -> bytes:
    """Return texts folded, a line end after each."""
    joined = "\n".join(texts)
    if joined.count("\n") != len(texts) - 1:
        joined = "\n".join(text.replace("\n", " ") for text in texts)
    return folded(joined + "\n").encode("utf-8", "surrogatepass")


def _places_of(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return WORD_BEGINNING for each byte after a character that belongs to no word, INSIDE for all others."""
    separates = np.ones(256, np.bool_)
    separates[128:] = False
    separates[list(b"0123456789abcdefghijklmnopqrstuvwxyz")] = False
    before = separates[data]
    # Signs of Latin-1; dashes and quotation marks; signs of Chinese and Japanese.
    before[1:] |= data[:-1] == 0xC2
    before[2:] |= ((data[:-2] == 0xE2) | (data[:-2] == 0xE3)) & (data[1:-1] == 0x80)
    places = np.full(len(data), INSIDE, np.uint8)
    places[0] = WORD_BEGINNING
    places[1:] += before[:-1]
    return places


def _is_tied(ranks: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which of some ranks occur more than once."""
    order = np.argsort(ranks, kind="stable")
    same = ranks[order][1:] == ranks[order][:-1]
    tied = np.zeros(len(ranks), np.bool_)
    tied[order[1:]] = same
    tied[order[:-1]] |= same
    return tied


def _refined(ranks: NDArray[np.int64], keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the ranks of items sorted by rank and key, so that those of equal rank differ where their keys do."""
    places = np.arange(len(ranks))
    new_rank = np.append(True, ranks[1:] != ranks[:-1])
    new_key = new_rank | np.append(True, keys[1:] != keys[:-1])
    first_of_rank = np.maximum.accumulate(np.where(new_rank, places, 0))
    first_of_key = np.maximum.accumulate(np.where(new_key, places, 0))
    return ranks + first_of_key - first_of_rank
