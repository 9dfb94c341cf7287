"""The curves of an analysis as bytes: some kilobytes for four minutes of music, a tenth of JSON.

Each number is stored as an integer at fixed decimals (a downbeat: as its place among the beats; a phrase: as its place
among the downbeats), as the step from the one before; of all steps of a curve the lowest bytes come first, then the
next ones. Chroma has no steps: two numbers fill a byte, first all of C, then of C#, and so on. zlib packs the whole.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.beats import BEAT_DECIMALS
from rtc_drift.analysis.curves import CHROMA_STEPS, CURVES
from rtc_drift.analysis.model import PITCH_CLASSES

MAX_NUMBERS = 1 << 21
"""Most numbers in the curves of a track; twelve hours of fast music, the longest that is played, have 1.3 million."""
MAX_BYTES = 1 << 22
"""Most bytes before packing; those twelve hours take 1.9 million."""
_TIMES = 10**BEAT_DECIMALS
_SCALES = np.array((_TIMES, 1, 10, 100, _TIMES, _TIMES, _TIMES, 1_000, 1_000, 10, 100, 100, CHROMA_STEPS), np.float64)
"""Integers per unit of each curve: the analyser gives so many decimals."""
_BEATS, _DOWNBEATS = CURVES.index("beats_seconds"), CURVES.index("downbeats_seconds")
_PHRASES, _CHROMA = CURVES.index("phrases_seconds"), CURVES.index("chroma")
_PLACES = ((_PHRASES, _DOWNBEATS), (_DOWNBEATS, _BEATS))
"""Curves whose numbers are stored as places among those of another curve."""
_ASCENDING = (CURVES.index("section_starts"), _BEATS, _DOWNBEATS, _PHRASES)
_WIDEST = 5
"""Most bytes of a step: so many steps as are allowed can't overflow when they are added up."""
_GREATEST = 1 << 8 * _WIDEST - 2
_WIDTHS = np.array([1 << 8 * width for width in range(1, _WIDEST)], np.uint64)
"""Least steps that take two bytes, three and so on."""
_LEVEL, _WINDOW_BITS = 1, 12
"""Parameters of zlib. Its usual ones take half as long again, and save a hundredth."""
_HEADER = struct.Struct(f"<{len(CURVES)}I{len(CURVES) - 1}B")
"""The count of numbers of each curve, then the bytes of each step of all but the last, chroma."""


@dataclass(frozen=True, slots=True)
class Curves:
    """The curves of a track, one after the other in the order of `CURVES`."""

    values: NDArray[np.float64]
    counts: NDArray[np.int64]
    """Number of values in each curve, `(13,)`."""

    @classmethod
    def of(cls, curves: Sequence[Sequence[float]]) -> "Curves":
        """Return the curves of a track, given in the order of `CURVES`."""
        counts = np.array([len(curve) for curve in curves], np.int64)
        return cls(np.array(list(chain.from_iterable(curves)), np.float64), counts)

    def for_each(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the number of its curve, given in the order of `CURVES`, for each value."""
        return np.repeat(numbers, self.counts)

    def by_name(self) -> dict[str, NDArray[np.float64]]:
        """Return the curves by their names."""
        return dict(zip(CURVES, np.split(self.values, np.cumsum(self.counts)[:-1]), strict=True))


def packed(curves: Curves) -> bytes:
    """Return the curves of the only track as bytes. Raises ValueError if they would not be read as they are."""
    if len(curves.values) > MAX_NUMBERS:
        raise ValueError("too many numbers")
    integers = _integers(curves)
    *stepped, chroma = integers
    steps = [_steps(curve) for curve in stepped]
    widths = [int(np.searchsorted(_WIDTHS, curve.max(), side="right")) + 1 if len(curve) else 0 for curve in steps]
    planes = [
        curve.view(np.uint8).reshape(-1, 8)[:, :width].T.tobytes() for curve, width in zip(steps, widths, strict=True)
    ]
    header = _HEADER.pack(*map(len, integers), *widths)
    return _compressed(b"".join((header, *planes, _nibbles(chroma))))


def unpacked(data: object) -> Curves:
    """Return the curves of a track from some bytes, which may be anything. Raises ValueError."""
    integers = list(_unpacked_integers(_decompressed(data)))
    for places, among in reversed(_PLACES):
        if not ((integers[places] >= 0) & (integers[places] < len(integers[among]))).all():
            raise ValueError("bars are not those of the beats")
        integers[places] = integers[among][integers[places]]
    _check_order(integers)
    found = Curves(np.concatenate(integers).astype(np.float64), np.array([len(curve) for curve in integers]))
    return Curves(found.values / found.for_each(_SCALES), found.counts)


def _integers(curves: Curves) -> list[NDArray[np.int64]]:
    """Return the integers that stand for the values of each curve. Raises ValueError."""
    scaled = np.rint(curves.values * curves.for_each(_SCALES))
    if not (np.abs(scaled) < _GREATEST).all():  # false for NaN
        raise ValueError("a number is out of range")
    integers = np.split(scaled.astype(np.int64), np.cumsum(curves.counts)[:-1])
    _check_order(integers)
    for places, among in _PLACES:
        found = np.searchsorted(integers[among], integers[places])
        if not np.isin(integers[places], integers[among]).all():
            raise ValueError("bars are not those of the beats")
        integers[places] = found
    return integers


def _check_order(integers: Sequence[NDArray[np.int64]]) -> None:
    if not all((np.diff(integers[curve]) > 0).all() for curve in _ASCENDING):
        raise ValueError("beats are not in order")


def _steps(integers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return the steps within a curve, from 0 on. 0, -1, 1, -2 become 0 to 3: small ones of both signs are small."""
    steps = np.diff(integers, prepend=0)
    return ((steps << 1) ^ (steps >> 63)).astype("<u8")


def _nibbles(chroma: NDArray[np.int64]) -> bytes:
    if len(chroma) % PITCH_CLASSES or not ((chroma >= 0) & (chroma <= CHROMA_STEPS)).all():
        raise ValueError("no chroma")
    ordered = chroma.reshape(-1, PITCH_CLASSES).T.astype(np.uint8).ravel()
    return (ordered[::2] << 4 | ordered[1::2]).tobytes()


def _chroma_of(nibbles: bytes) -> NDArray[np.int64]:
    pairs = np.frombuffer(nibbles, np.uint8)
    ordered = np.stack((pairs >> 4, pairs & CHROMA_STEPS), axis=1).reshape(PITCH_CLASSES, -1)
    return ordered.T.astype(np.int64).ravel()


def _compressed(whole: bytes) -> bytes:
    if len(whole) > MAX_BYTES:
        raise ValueError("too many bytes")
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW_BITS)
    return packer.compress(whole) + packer.flush()


def _decompressed(data: object) -> bytes:
    if not isinstance(data, bytes):
        raise ValueError("no curves")
    unpacker = zlib.decompressobj()
    try:
        whole = unpacker.decompress(data, MAX_BYTES + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("not curves, or too many")
    return whole


def _unpacked_integers(whole: bytes) -> Iterator[NDArray[np.int64]]:
    if len(whole) < _HEADER.size:
        raise ValueError("not curves")
    header = _HEADER.unpack_from(whole)
    counts, chroma, widths = header[: len(CURVES) - 1], header[len(CURVES) - 1], header[len(CURVES) :]
    until = _HEADER.size + sum(count * width for count, width in zip(counts, widths, strict=True))
    if sum(counts) + chroma > MAX_NUMBERS or max(widths) > _WIDEST or len(whole) != until + chroma // 2:
        raise ValueError("not curves")
    if chroma % PITCH_CLASSES or any(count and not width for count, width in zip(counts, widths, strict=True)):
        raise ValueError("numbers that take no bytes")
    first = _HEADER.size
    for count, width in zip(counts, widths, strict=True):
        steps = np.zeros((count, 8), np.uint8)
        steps[:, :width] = np.frombuffer(whole, np.uint8, count * width, first).reshape(width, count).T
        first += count * width
        values = steps.view("<u8")[:, 0].astype(np.int64)
        yield np.cumsum((values >> 1) ^ -(values & 1))
    yield _chroma_of(whole[until:])
