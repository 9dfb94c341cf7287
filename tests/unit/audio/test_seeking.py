"""Decoding from within a file gives the same samples as decoding from its beginning."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest

from rtc_drift.audio.seeking import decode
from rtc_drift.media import SAMPLE_RATE, Audio, samples
from tests.support.audio_files import CODECS, write_audio

VORBIS = Path(__file__).parent / "data" / "clicks.ogg"
"""8 s at 48 kHz by libvorbis: a quiet tone in long blocks, and noises that make it change to short ones."""
SETTLED = samples(0.3)
CUT = 5_000
"""Samples, less than the first page has."""
_POLYNOMIAL = 0x04C11DB7


def read(path: Path, start: int, count: int) -> Audio:
    chunks: list[Audio] = []
    first = None
    for position, audio in decode(str(path), start):
        first = position if first is None else first
        chunks.append(audio)
        if position + len(audio) >= start + count:
            break
    assert first is not None and first <= start
    return np.concatenate(chunks)[start - first :][:count]


def ogg_checksum(page: bytes) -> int:
    checksum = 0
    for byte in page:
        checksum ^= byte << 24
        for _ in range(8):
            checksum = (checksum << 1 ^ (_POLYNOMIAL if checksum & 0x80000000 else 0)) & 0xFFFFFFFF
    return checksum


def cut(ogg: bytes, by: int) -> bytes:
    """Cut samples off the beginning as an editor does that encodes nothing: each page gets an earlier position."""
    result, at = b"", 0
    while at < len(ogg):
        sizes = ogg[at + 27 : at + 27 + ogg[at + 26]]
        page = bytearray(ogg[at : at + 27 + len(sizes) + sum(sizes)])
        at += len(page)
        (granule,) = struct.unpack_from("<q", page, 6)
        if granule > by:
            struct.pack_into("<q", page, 6, granule - by)
        struct.pack_into("<I", page, 22, 0)
        struct.pack_into("<I", page, 22, ogg_checksum(bytes(page)))
        result += page
    return result


def chirp(seconds: float) -> Audio:
    """Make a chirp: no two moments of it sound alike."""
    time = np.arange(samples(seconds)) / SAMPLE_RATE
    wave = 0.3 * np.sin(2 * np.pi * (300 * time + 100 * time**2))
    return np.stack((wave, -wave), axis=1).astype(np.float32)


@pytest.mark.parametrize("removed", [0, CUT])
def test_vorbis_from_within_equals_vorbis_from_the_beginning(tmp_path: Path, removed: int) -> None:
    file = tmp_path / "clicks.ogg"
    file.write_bytes(cut(VORBIS.read_bytes(), removed))
    whole = read(file, 0, samples(9.0))
    assert len(whole) == samples(8.0)
    for start in range(samples(1.0), samples(7.5), samples(0.11)):
        part = read(file, start, SETTLED)
        assert len(part) == SETTLED
        assert np.array_equal(part, whole[start : start + len(part)]), f"from {start} on"


def test_positions_in_chained_streams_count_from_the_beginning(tmp_path: Path) -> None:
    streams = [write_audio(tmp_path / f"{length}.ogg", chirp(length)).read_bytes() for length in (3.02, 9.0)]
    file = tmp_path / "both.ogg"
    file.write_bytes(b"".join(streams))
    whole = read(file, 0, samples(6.0))
    for start in (samples(1.0), samples(2.0), samples(2.6)):
        assert np.abs(read(file, start, SETTLED) - whole[start : start + SETTLED]).max() < 0.03


def test_a_replaced_file_is_indexed_again(tmp_path: Path) -> None:
    file, original = tmp_path / "clicks.ogg", VORBIS.read_bytes()
    file.write_bytes(original)
    modified = file.stat()
    read(file, samples(2.0), SETTLED)
    file.write_bytes(cut(original, CUT) + b"\0")
    os.utime(file, ns=(modified.st_atime_ns, modified.st_mtime_ns))
    whole = read(file, 0, samples(5.0))
    start = samples(3.0)
    assert np.array_equal(read(file, start, SETTLED), whole[start : start + SETTLED])


# ffmpeg seeks WMA to its packets only, some of which are seconds long.
@pytest.mark.parametrize("suffix", sorted(CODECS.keys() - {".wma"}))
def test_any_format_from_within_equals_that_from_the_beginning(tmp_path: Path, suffix: str) -> None:
    file = write_audio(tmp_path / f"chirp{suffix}", chirp(6.0))
    whole = read(file, 0, samples(7.0))
    for start in (samples(1.003), samples(3.3), samples(4.711)):
        part = read(file, start, SETTLED)
        assert len(part) == SETTLED
        reference = whole[start : start + len(part)]
        assert np.abs(part - reference).max() < 0.03, f"from {start} on"
