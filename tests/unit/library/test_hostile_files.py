"""Hostile files, probed and analysed: the result is one clear sentence or finite values."""

import math
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from rtc_drift.analysis import Analysis
from rtc_drift.audio.decoding import AudioFile
from rtc_drift.library.analyse import analyse
from rtc_drift.library.probe import probe
from rtc_drift.library.tags import read_tags
from rtc_drift.library.track import Track, Unplayable
from rtc_drift.media import Audio
from tests.support.audio_files import CODECS, sine, write_audio, write_float_wav

MP3_HEADER = b"\xff\xfb\x90\x64"
"""Header of a frame of 417 bytes: MPEG 1 layer III, 128 kbit/s, 44.1 kHz."""
SECONDS = 4.5
"""Long enough for every step of the analysis."""


def beginning_of(suffix: str, share: float, most: int | None = None) -> Callable[[Path], Path]:
    """Return a writer of the beginning of a good file: a share of it, and at most `most` bytes."""

    def write(folder: Path) -> Path:
        file = write_audio(folder / f"beginning_of{suffix}", sine(SECONDS))
        file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)][:most])
        return file

    return write


def floats(folder: Path, values: "np.ndarray[tuple[int, int], np.dtype[np.float32]]", rate: int = 48_000) -> Path:
    return write_float_wav(folder / "floats.wav", values, rate=rate)


def zip_bomb(folder: Path) -> Path:
    """Write a hundred megabytes of zeros in a hundred kilobytes."""
    with zipfile.ZipFile(folder / "bomb.mp3", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.mp3", bytes(100_000_000))
    return folder / "bomb.mp3"


def random_frames(folder: Path) -> Path:
    """Write random bytes after each of many good headers."""
    rng = np.random.default_rng(1)
    (file := folder / "random.mp3").write_bytes(b"".join(MP3_HEADER + rng.bytes(413) for _ in range(200)))
    return file


def random_bytes(folder: Path) -> Path:
    """Write random bytes after one good header."""
    (file := folder / "random.mp3").write_bytes(MP3_HEADER + np.random.default_rng(2).bytes(200_000))
    return file


def broken_floats(folder: Path) -> Path:
    wave = sine(SECONDS)
    wave[::3], wave[1::7], wave[2::11], wave[5::13] = np.nan, np.inf, -np.inf, 1e38
    return floats(folder, wave)


def claims_four_gigabytes(folder: Path) -> Path:
    file = floats(folder, sine(SECONDS))
    data = bytearray(file.read_bytes())
    size = data.index(b"data") + 4
    data[4:8], data[size : size + 4] = b"\xff\xff\xff\xff", b"\xdb\xff\xff\xff"
    file.write_bytes(data)
    return file


def too_big(folder: Path) -> Path:
    """Claim more than 4 GiB, without a block on the disk."""
    with (file := folder / "big.wav").open("wb") as opened:
        opened.truncate((4 << 30) + 1)
    return file


def many_channels(folder: Path) -> Path:
    return floats(folder, np.tile(sine(SECONDS, rate=8_000), (1, 33)), 8_000)


def empty(folder: Path) -> Path:
    (file := folder / "empty.mp3").touch()
    return file


def claims_a_tag_of_256_megabytes(folder: Path) -> Path:
    file = write_audio(folder / "tag.mp3", sine(SECONDS))
    file.write_bytes(b"ID3\x03\x00\x00\x7f\x7f\x7f\x7fAPIC\x7f\xff\xff\xff\x00\x00" + file.read_bytes())
    return file


PLAYABLE: dict[str, tuple[Callable[[Path], Path], float]] = {
    **{
        f"half of {suffix}": (beginning_of(suffix, 0.5), SECONDS / 2)
        for suffix in CODECS
        if suffix not in (".m4a", ".ogg")
    },
    "two thirds of .ogg": (beginning_of(".ogg", 2 / 3), SECONDS * 2 / 3),
    "192 kHz and six channels": (lambda it: floats(it, np.tile(sine(SECONDS, rate=192_000), 3), 192_000), SECONDS),
    "NaN and infinity in between": (broken_floats, SECONDS),
    "nothing but NaN": (lambda it: floats(it, np.full((216_000, 2), np.nan, np.float32)), SECONDS),
    "nothing but infinity": (lambda it: floats(it, np.full((216_000, 2), -np.inf, np.float32)), SECONDS),
    "4 GB claimed": (claims_four_gigabytes, SECONDS),
}
"""Playable files: how to write them, and their length in seconds."""
BROKEN: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no byte": (empty, r"empty|can't be decoded"),
    **{f"the head of {suffix}": (beginning_of(suffix, 1, 30), "can't be decoded") for suffix in CODECS},
    "half of .m4a": (beginning_of(".m4a", 0.5), "can't be decoded"),  # its index stands at its end
    "more than 4 GiB": (too_big, r"too big to be played \(more than 4 GiB\)"),
    "66 channels": (many_channels, "A file with 66 channels can't be played"),
    "one sample": (lambda it: floats(it, sine(1)[:1]), "too short"),
    "a zip bomb": (zip_bomb, "can't be decoded|is damaged"),
    "random bytes": (random_bytes, "can't be decoded|is damaged"),
    "random frames": (random_frames, "can't be decoded|is damaged"),
    "256 MB of tags claimed": (claims_a_tag_of_256_megabytes, "can't be decoded"),
}
"""Unplayable files: how to write them, and a pattern of the reason."""


def assert_is_a_sentence(result: Unplayable, file: Path) -> None:
    assert (result.path, result.temporary) == (file, False)
    assert re.fullmatch(r"(The|It|This|A) [^\n]{8,100}\.", result.reason), result.reason
    assert "Error" not in result.reason and str(file.parent) not in result.reason


def assert_is_finite(value: object) -> None:
    """Assert that every number in a value is finite, however deep."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for each in value:
            assert_is_finite(each)
    elif isinstance(value, float):
        assert math.isfinite(value)


@pytest.mark.parametrize("name", PLAYABLE)
def test_playable_hostile_files_are_measured(tmp_path: Path, name: str) -> None:
    write, seconds = PLAYABLE[name]
    file = write(tmp_path)
    track, analysis = probe(file), analyse(file)
    assert isinstance(track, Track) and isinstance(analysis, Analysis), (track, analysis)
    assert track.duration_seconds == pytest.approx(seconds, abs=1.2 if seconds < SECONDS else 0.001)
    for result in (track, analysis):
        assert_is_finite(result.model_dump())
    assert analysis.integrated_lufs == pytest.approx(track.integrated_lufs, abs=0.01)
    assert analysis.cues.last_sound_seconds <= track.duration_seconds


@pytest.mark.parametrize("examine", [probe, analyse])
def test_a_file_that_is_longer_than_the_limit_is_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, examine: Callable[[Path], Track | Analysis | Unplayable]
) -> None:
    def ten_minutes(file: AudioFile) -> Iterator[Audio]:
        for _ in range(60):
            yield np.zeros((480_000, 2), np.float32)

    monkeypatch.setattr("rtc_drift.library.probe.LONGEST_SECONDS", 60.0)
    monkeypatch.setattr(AudioFile, "chunks", ten_minutes)
    file = write_audio(tmp_path / "claims a second.flac", sine(1))
    result = examine(file)
    assert isinstance(result, Unplayable)
    assert "too long to be played" in result.reason
    assert_is_a_sentence(result, file)


def test_no_more_is_read_for_tags_than_they_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_audio(tmp_path / "name.flac", sine(1), tags={"title": "Title", "comment": "x" * 50_000})
    assert read_tags(file).title == "Title"
    monkeypatch.setattr("rtc_drift.library.tags._TAGS_MAX_BYTES", 40_000)
    assert read_tags(file).title == "name"


@pytest.mark.parametrize("name", BROKEN)
def test_unplayable_hostile_files_have_a_reason(tmp_path: Path, name: str) -> None:
    write, pattern = BROKEN[name]
    file = write(tmp_path)
    result, analysis = probe(file), analyse(file)
    assert isinstance(result, Unplayable), result
    assert re.search(pattern, result.reason)
    assert_is_a_sentence(result, file)
    if isinstance(analysis, Unplayable):  # the analysis need not refuse what the probe refuses
        assert_is_a_sentence(analysis, file)
    else:
        assert_is_finite(analysis.model_dump())
