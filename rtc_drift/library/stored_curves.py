"""The curves of an analysis as bytes: three kilobytes for four minutes of music, a seventh of JSON.

Each number is stored as an integer at fixed decimals (a downbeat: as its place among the beats), as the step from the
one before; of all steps of a curve the lowest bytes come first, then the next ones; and zlib packs the whole.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.beats import BEAT_DECIMALS
from rtc_drift.analysis.model import CURVES

Curves = Mapping[str, NDArray[np.float64]]
"""The curves by their names in `CURVES`."""

MAX_NUMBERS = 1 << 21
"""Most numbers of all curves; twelve hours of music have half of them."""
MAX_BYTES = 1 << 23
"""Most bytes before packing; twelve hours take two megabytes."""
_DECIMALS = (BEAT_DECIMALS, BEAT_DECIMALS, 3, 3, 1, 2)
"""Decimals of each curve: those that the analyser gives."""
_SCALES = np.array([10.0**decimals for decimals in _DECIMALS])
_BEATS, _DOWNBEATS = CURVES.index("beats_seconds"), CURVES.index("downbeats_seconds")
_WIDEST = 5
"""Most bytes of a step: so many steps as are allowed can't overflow when they are added up."""
_LEVEL, _WINDOW_BITS = 1, 12
"""Parameters of zlib. Its usual ones take half as long again, and save a hundredth."""
_GREATEST = 1 << 8 * _WIDEST - 2
_HEADER = struct.Struct(f"<{len(CURVES)}I{len(CURVES)}B")
"""The count of numbers of each curve, then the bytes of each of its steps."""


def packed(curves: Curves) -> bytes:
    """Return curves as bytes. Raises ValueError if they can't be stored so that they are read as they are."""
    counts = [len(curves[name]) for name in CURVES]
    ends = list(accumulate(counts))
    steps = _steps(_integers(np.concatenate([curves[name] for name in CURVES]), counts, ends), counts, ends)
    parts = [steps[end - count : end] for count, end in zip(counts, ends, strict=True)]
    widths = [(int(part.max()).bit_length() + 7) // 8 if len(part) else 0 for part in parts]
    if sum(counts) > MAX_NUMBERS or max(widths) > _WIDEST:
        raise ValueError("too long")
    planes = (part.view(np.uint8).reshape(-1, 8)[:, :width].T for part, width in zip(parts, widths, strict=True))
    whole = b"".join((_HEADER.pack(*counts, *widths), *(plane.tobytes() for plane in planes)))
    if len(whole) > MAX_BYTES:
        raise ValueError("too long")
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW_BITS)
    return packer.compress(whole) + packer.flush()


def unpacked(data: object) -> dict[str, NDArray[np.float64]]:
    """Return the curves in some bytes, which may be anything. Raises ValueError."""
    integers = list(_unpacked_integers(_decompressed(data)))
    beats, places = integers[_BEATS], integers[_DOWNBEATS]
    if not ((places >= 0) & (places < len(beats))).all():
        raise ValueError("bars are not those of the beats")
    integers[_DOWNBEATS] = beats[places]
    return {name: values / scale for name, values, scale in zip(CURVES, integers, _SCALES, strict=True)}


def _integers(values: NDArray[np.float64], counts: list[int], ends: list[int]) -> NDArray[np.int64]:
    """Return the integers that stand for the numbers of all curves, one after the other. Raises ValueError."""
    scaled = np.rint(values * np.repeat(_SCALES, counts))
    if not (np.abs(scaled) < _GREATEST).all():  # false for NaN
        raise ValueError("a number is out of range")
    integers = scaled.astype(np.int64)
    beats = integers[ends[_BEATS] - counts[_BEATS] : ends[_BEATS]]
    downbeats = integers[ends[_DOWNBEATS] - counts[_DOWNBEATS] : ends[_DOWNBEATS]]
    downbeats[:] = _places(downbeats, beats)
    if not all((times[1:] > times[:-1]).all() for times in (beats, downbeats)):
        raise ValueError("beats are not in order")
    return np.asarray(integers)


def _places(downbeats: NDArray[np.int64], beats: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the place of each downbeat among the beats. Raises ValueError if one is not there."""
    if len(downbeats) > len(beats):
        raise ValueError("bars are not those of the beats")
    places = np.searchsorted(beats, downbeats)
    if len(downbeats) and (beats[np.minimum(places, len(beats) - 1)] != downbeats).any():
        raise ValueError("bars are not those of the beats")
    return places


def _steps(integers: NDArray[np.int64], counts: list[int], ends: list[int]) -> NDArray[np.uint64]:
    """Return the steps within each curve, from 0 on. 0, -1, 1, -2 become 0 to 3: small ones of both signs are small."""
    steps = integers.copy()
    steps[1:] -= integers[:-1]
    for first in {end - count for count, end in zip(counts, ends, strict=True) if count}:
        steps[first] = integers[first]
    return ((steps << 1) ^ (steps >> 63)).astype("<u8")


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
    first = _HEADER.size
    for count, width in zip(counts, widths, strict=True):
        steps = np.zeros((count, 8), np.uint8)
        steps[:, :width] = np.frombuffer(whole, np.uint8, count * width, first).reshape(width, count).T
        first += count * width
        values = steps.view("<u8")[:, 0].astype(np.int64)
        yield np.cumsum((values >> 1) ^ -(values & 1))
