"""Decoding from within a file gives the same samples as decoding from its beginning."""

import os
import struct
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream

from rtc_drift.audio.seeking import decode
from rtc_drift.media import SAMPLE_RATE, Audio, samples
from tests.support.audio_files import CODECS, write_audio, write_float_wav

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


def chirp(seconds: float, rate: int = SAMPLE_RATE) -> Audio:
    """Make a chirp: no two moments of it sound alike."""
    time = np.arange(round(seconds * rate)) / rate
    wave = 0.3 * np.sin(2 * np.pi * (300 * time + 100 * time**2))
    return np.stack((wave, -wave), axis=1).astype(np.float32)


def write_long_frames(path: Path, samples_per_frame: int, rate: int) -> Path:
    """Write a FLAC file of 30 s with frames of any length."""
    with av.open(path, "w") as container:
        stream = container.add_stream(
            "flac", rate=rate, layout="stereo", options={"frame_size": str(samples_per_frame)}
        )
        assert isinstance(stream, AudioStream)
        resampler = av.AudioResampler("s16", "stereo", rate, frame_size=samples_per_frame)
        frame = av.AudioFrame.from_ndarray(chirp(30.0, rate).reshape(1, -1), format="flt", layout="stereo")
        frame.sample_rate, frame.pts = rate, 0
        for converted in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(converted))
        container.mux(stream.encode(None))
    return path


def assert_the_same_from_within(file: Path, starts: Sequence[float]) -> None:
    """Assert that decoding from within a file gives the same as decoding from its beginning, from any second on."""
    whole = read(file, 0, samples(max(starts) + 1.0))
    for start in map(samples, starts):
        part = read(file, start, SETTLED)
        assert len(part) == SETTLED
        assert np.array_equal(part, whole[start : start + SETTLED]), f"from {start} on"


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


@pytest.mark.parametrize("suffix", [".ogg", ".opus"])
def test_a_chained_stream_is_the_same_from_within(tmp_path: Path, suffix: str) -> None:
    streams = [write_audio(tmp_path / f"{length}{suffix}", chirp(length)).read_bytes() for length in (3.02, 9.0)]
    file = tmp_path / f"both{suffix}"
    file.write_bytes(b"".join(streams))
    assert_the_same_from_within(file, (1.0, 2.6, 2.9, 3.3, 8.0))


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


STARTS = (1.003, 2.0, 2.77, 3.3, 4.711)
RATES = (8_000, 11_025, 22_050, 32_000, 44_100, 48_000, 96_000)
FORMATS_AND_RATES = [
    *((suffix, rate) for suffix in (".wav", ".flac", ".ogg", ".m4a", ".aiff") for rate in RATES),
    *((".mp3", rate) for rate in RATES if rate <= 48_000),
    *((".wma", rate) for rate in (22_050, 44_100, 48_000)),
    *((".webm", rate) for rate in (44_100, 48_000)),
    (".opus", 48_000),
]


@pytest.mark.parametrize(("suffix", "rate"), FORMATS_AND_RATES)
def test_any_format_is_the_same_from_within(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, rate: int
) -> None:
    monkeypatch.setitem(CODECS, ".webm", ("libopus", "flt") if rate == SAMPLE_RATE else ("vorbis", "fltp"))
    options = {"aac_pns": "0"} if suffix == ".m4a" else {}  # ffmpeg's decoder makes noise from a running number
    file = write_audio(tmp_path / f"chirp{suffix}", chirp(6.0, rate), rate=rate, options=options)
    assert_the_same_from_within(file, STARTS)


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_a_mono_file_is_the_same_from_within(tmp_path: Path, rate: int) -> None:
    assert_the_same_from_within(write_float_wav(tmp_path / "mono.wav", chirp(6.0, rate)[:, :1], rate=rate), STARTS)


def test_a_cut_file_at_another_rate_is_the_same_from_within(tmp_path: Path) -> None:
    file = write_audio(tmp_path / "chirp.ogg", chirp(7.0, 44_100), rate=44_100)
    file.write_bytes(cut(file.read_bytes(), CUT))
    assert_the_same_from_within(file, STARTS)


def test_a_file_whose_rate_changes_is_the_same_from_within(tmp_path: Path) -> None:
    rates = (44_100, 48_000)
    streams = [write_audio(tmp_path / f"{rate}.mp3", chirp(3.0, rate), rate=rate).read_bytes() for rate in rates]
    file = tmp_path / "both.mp3"
    file.write_bytes(b"".join(streams))
    assert_the_same_from_within(file, (1.003, 2.77, 2.9, 2.99))


def test_a_file_with_frames_of_seconds_is_the_same_from_within(tmp_path: Path) -> None:
    assert_the_same_from_within(write_long_frames(tmp_path / "long.flac", 65_535, 8_000), (1.003, 9.0, 20.0, 27.0))


def test_the_same_audio_comes_in_chunks_of_any_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_audio(tmp_path / "chirp.flac", chirp(3.0, 44_100), rate=44_100)
    whole = read(file, 0, samples(2.5))
    monkeypatch.setattr("rtc_drift.audio.decoding.CHUNK_SECONDS", 0.0613)
    assert np.array_equal(read(file, 0, samples(2.5)), whole)
    start = samples(1.3)
    assert np.array_equal(read(file, start, SETTLED), whole[start : start + SETTLED])


def test_without_a_clock_the_first_sample_counts_as_the_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_audio(tmp_path / "chirp.flac", chirp(6.0, 44_100), rate=44_100)
    monkeypatch.setattr("rtc_drift.audio.decoding.AudioFile._compare_clock", lambda *_: None)
    position, _ = next(decode(str(file), samples(4.0)))
    assert position == samples(4.0)
