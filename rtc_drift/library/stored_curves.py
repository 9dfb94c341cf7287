"""The curves of an analysis as bytes: three kilobytes for four minutes of music, a seventh of JSON.

Each number is stored as an integer at fixed decimals (a downbeat: as its place among the beats), as the step from the
one before; of all steps of a curve the lowest bytes come first, then the next ones; and zlib packs the whole. Many
tracks can be packed at once, since each call of numpy takes as long as hundreds of numbers.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.beats import BEAT_DECIMALS
from rtc_drift.analysis.model import CURVES

MAX_NUMBERS = 1 << 20
"""Most numbers in the curves of a track; twelve hours of fast music, the longest that is played, have 0.7 million."""
MAX_BYTES = 1 << 22
"""Most bytes before packing; those twelve hours take 1.5 million."""
_SCALES = 10.0 ** np.array((BEAT_DECIMALS, BEAT_DECIMALS, 3, 3, 1, 2))
"""Integers per unit of each curve: the analyser gives so many decimals."""
_BEATS, _DOWNBEATS = CURVES.index("beats_seconds"), CURVES.index("downbeats_seconds")
_WIDEST = 5
"""Most bytes of a step: so many steps as are allowed can't overflow when they are added up."""
_GREATEST = 1 << 8 * _WIDEST - 2
_WIDTHS = np.array([1 << 8 * width for width in range(1, _WIDEST)], np.uint64)
"""Least steps that take two bytes, three and so on."""
_LEVEL, _WINDOW_BITS = 1, 12
"""Parameters of zlib. Its usual ones take half as long again, and save a hundredth."""
_HEADER = struct.Struct(f"<{len(CURVES)}I{len(CURVES)}B")
"""The count of numbers of each curve, then the bytes of each of its steps."""


@dataclass(frozen=True, slots=True)
class Curves:
    """The curves of some tracks: all of the first in the order of `CURVES`, then those of the next."""

    values: NDArray[np.float64]
    counts: NDArray[np.int64]
    """Number of values in each curve, `(tracks, 6)`."""

    @classmethod
    def of(cls, tracks: Iterable[Sequence[Sequence[float]]]) -> "Curves":
        """Return the curves of tracks, given in the order of `CURVES`."""
        curves = [curve for track in tracks for curve in track]
        counts = np.array([len(curve) for curve in curves], np.int64).reshape(-1, len(CURVES))
        return cls(np.array(list(chain.from_iterable(curves)), np.float64), counts)

    def for_each(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the number of its curve, given in the order of `CURVES`, for each value."""
        return np.repeat(np.tile(numbers, len(self.counts)), self.counts.ravel())

    def are_of(self, curve: int) -> NDArray[np.bool_]:
        """Return for each value if it is of that curve."""
        return np.asarray(self.for_each(np.eye(len(CURVES))[curve]) == 1)

    def by_name(self) -> dict[str, NDArray[np.float64]]:
        """Return the curves of the only track by their names."""
        return dict(zip(CURVES, np.split(self.values, np.cumsum(self.counts[0])[:-1]), strict=True))


def packed(curves: Curves) -> list[bytes]:
    """Return the curves of each track as bytes. Raises ValueError if any would not be read as they are."""
    if len(curves.counts) and curves.counts.sum(axis=1).max() > MAX_NUMBERS:
        raise ValueError("too many numbers")
    counts = curves.counts.ravel()
    firsts = np.cumsum(counts) - counts
    steps = _steps(_integers(curves), firsts[counts > 0])
    widths = np.zeros(len(counts), np.int64)
    if len(steps):
        greatest = np.maximum.reduceat(steps, firsts[counts > 0])
        widths[counts > 0] = np.searchsorted(_WIDTHS, greatest, side="right") + 1
    octets = steps.view(np.uint8).reshape(-1, 8)
    parts = zip(firsts.tolist(), counts.tolist(), widths.tolist(), strict=True)
    planes = [octets[first : first + count, :width].T.tobytes() for first, count, width in parts]
    headers = np.hstack((curves.counts, widths.reshape(-1, len(CURVES)))).tolist()
    size = len(CURVES)
    return [
        _compressed(b"".join((_HEADER.pack(*header), *planes[track * size : (track + 1) * size])))
        for track, header in enumerate(headers)
    ]


def unpacked(data: object) -> Curves:
    """Return the curves of a track from some bytes, which may be anything. Raises ValueError."""
    integers = list(_unpacked_integers(_decompressed(data)))
    beats, places = integers[_BEATS], integers[_DOWNBEATS]
    if not ((places >= 0) & (places < len(beats))).all():
        raise ValueError("bars are not those of the beats")
    _check_order(beats, places)
    integers[_DOWNBEATS] = beats[places]
    found = Curves(np.concatenate(integers).astype(np.float64), np.array([[len(curve) for curve in integers]]))
    return Curves(found.values / found.for_each(_SCALES), found.counts)


def _integers(curves: Curves) -> NDArray[np.int64]:
    """Return the integers that stand for the values. Raises ValueError."""
    scaled = np.rint(curves.values * curves.for_each(_SCALES))
    if not (np.abs(scaled) < _GREATEST).all():  # false for NaN
        raise ValueError("a number is out of range")
    integers = scaled.astype(np.int64)
    are_beats, are_downbeats = curves.are_of(_BEATS), curves.are_of(_DOWNBEATS)
    counts = curves.counts[:, _BEATS]
    tracks = np.arange(len(counts)) << 8 * _WIDEST  # so that the beats of all tracks ascend
    beats = integers[are_beats] + np.repeat(tracks, counts)
    downbeats = integers[are_downbeats] + np.repeat(tracks, curves.counts[:, _DOWNBEATS])
    places = np.searchsorted(beats, downbeats)
    if len(places) and not (len(beats) and (beats[np.minimum(places, len(beats) - 1)] == downbeats).all()):
        raise ValueError("bars are not those of the beats")
    _check_order(beats, places)
    integers[are_downbeats] = places - np.repeat(np.cumsum(counts) - counts, curves.counts[:, _DOWNBEATS])
    return np.asarray(integers)


def _check_order(*ascending: NDArray[np.int64]) -> None:
    if not all((values[1:] > values[:-1]).all() for values in ascending):
        raise ValueError("beats are not in order")


def _steps(integers: NDArray[np.int64], firsts: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return the steps within each curve, from 0 on. 0, -1, 1, -2 become 0 to 3: small ones of both signs are small."""
    steps = integers.copy()
    steps[1:] -= integers[:-1]
    steps[firsts] = integers[firsts]
    return ((steps << 1) ^ (steps >> 63)).astype("<u8")


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
    counts, widths = header[: len(CURVES)], header[len(CURVES) :]
    length = _HEADER.size + sum(count * width for count, width in zip(counts, widths, strict=True))
    if sum(counts) > MAX_NUMBERS or max(widths) > _WIDEST or len(whole) != length:
        raise ValueError("not curves")
    if any(count and not width for count, width in zip(counts, widths, strict=True)):
        raise ValueError("numbers that take no bytes")
    first = _HEADER.size
    for count, width in zip(counts, widths, strict=True):
        steps = np.zeros((count, 8), np.uint8)
        steps[:, :width] = np.frombuffer(whole, np.uint8, count * width, first).reshape(width, count).T
        first += count * width
        values = steps.view("<u8")[:, 0].astype(np.int64)
        yield np.cumsum((values >> 1) ^ -(values & 1))
