"""Hostile files, examined and listened to: one clear sentence or a finite result, and never anything else."""

import math
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rtc_drift.analysis import Analysis
from rtc_drift.library.analyse import analyse
from rtc_drift.library.probe import examine
from rtc_drift.library.track import Track, Unplayable
from tests.audio_files import CODECS, sine, write_audio, write_float_wav

MP3_HEADER = b"\xff\xfb\x90\x64"
"""Of a frame of 417 bytes: MPEG 1 layer III, 128 kbit/s, 44.1 kHz."""
SECONDS = 4.5
"""Long enough for all that the analysis does."""


def begun(suffix: str, share: float, most: int | None = None) -> Callable[[Path], Path]:
    """Only so much of a good file, and at most so many bytes."""

    def write(folder: Path) -> Path:
        file = write_audio(folder / f"begun{suffix}", sine(SECONDS))
        file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)][:most])
        return file

    return write


def floats(folder: Path, values: "np.ndarray[tuple[int, int], np.dtype[np.float32]]", rate: int = 48_000) -> Path:
    return write_float_wav(folder / "floats.wav", values, rate=rate)


def zip_bomb(folder: Path) -> Path:
    """A hundred megabytes of zeros in a hundred kilobytes."""
    with zipfile.ZipFile(folder / "bomb.mp3", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.mp3", bytes(100_000_000))
    return folder / "bomb.mp3"


def random_frames(folder: Path) -> Path:
    """Random bytes behind one good header after another."""
    rng = np.random.default_rng(1)
    (file := folder / "random.mp3").write_bytes(b"".join(MP3_HEADER + rng.bytes(413) for _ in range(200)))
    return file


def random_bytes(folder: Path) -> Path:
    """Random bytes behind one good header."""
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


def empty(folder: Path) -> Path:
    (file := folder / "empty.mp3").touch()
    return file


def claims_a_tag_of_256_megabytes(folder: Path) -> Path:
    file = write_audio(folder / "tag.mp3", sine(SECONDS))
    file.write_bytes(b"ID3\x03\x00\x00\x7f\x7f\x7f\x7fAPIC\x7f\xff\xff\xff\x00\x00" + file.read_bytes())
    return file


SOUNDING: dict[str, tuple[Callable[[Path], Path], float]] = {
    **{f"half of {suffix}": (begun(suffix, 0.5), SECONDS / 2) for suffix in CODECS if suffix not in (".m4a", ".ogg")},
    "two thirds of .ogg": (begun(".ogg", 2 / 3), SECONDS * 2 / 3),
    "192 kHz and six channels": (lambda it: floats(it, np.tile(sine(SECONDS, rate=192_000), 3), 192_000), SECONDS),
    "NaN and infinity in between": (broken_floats, SECONDS),
    "nothing but NaN": (lambda it: floats(it, np.full((216_000, 2), np.nan, np.float32)), SECONDS),
    "nothing but infinity": (lambda it: floats(it, np.full((216_000, 2), -np.inf, np.float32)), SECONDS),
    "4 GB claimed": (claims_four_gigabytes, SECONDS),
}
"""What can be played, and how long it sounds."""
BROKEN: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no byte": (empty, r"empty|can't be decoded"),
    **{f"the head of {suffix}": (begun(suffix, 1, 30), "can't be decoded") for suffix in CODECS},
    "half of .m4a": (begun(".m4a", 0.5), "can't be decoded"),  # its index stands at its end
    "one sample": (lambda it: floats(it, sine(1)[:1]), "too short"),
    "a zip bomb": (zip_bomb, "can't be decoded|is damaged"),
    "random bytes": (random_bytes, "can't be decoded|is damaged"),
    "random frames": (random_frames, "can't be decoded|is damaged"),
    "256 MB of tags claimed": (claims_a_tag_of_256_megabytes, "can't be decoded"),
}
"""What can't be played, and what is said of it."""


def assert_is_a_sentence(told: Unplayable, file: Path) -> None:
    assert (told.path, told.passing) == (file, False)
    assert re.fullmatch(r"(The|It|This|A) [^\n]{8,100}\.", told.reason), told.reason
    assert "Error" not in told.reason and str(file.parent) not in told.reason


def assert_is_finite(value: object) -> None:
    """Every number in it, however deep."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for each in value:
            assert_is_finite(each)
    elif isinstance(value, float):
        assert math.isfinite(value)


@pytest.mark.parametrize("name", SOUNDING)
def test_what_sounds_in_a_strange_file_is_measured(tmp_path: Path, name: str) -> None:
    write, seconds = SOUNDING[name]
    file = write(tmp_path)
    track, heard = examine(file), analyse(file)
    assert isinstance(track, Track) and isinstance(heard, Analysis), (track, heard)
    assert track.duration_seconds == pytest.approx(seconds, abs=1.2 if seconds < SECONDS else 0.001)
    for result in (track, heard):
        assert_is_finite(result.model_dump())
    assert heard.integrated_lufs == pytest.approx(track.integrated_lufs, abs=0.01)
    assert heard.cues.last_sound_seconds <= track.duration_seconds


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_said_in_a_sentence(tmp_path: Path, name: str) -> None:
    write, said = BROKEN[name]
    file = write(tmp_path)
    told, heard = examine(file), analyse(file)
    assert isinstance(told, Unplayable), told
    assert re.search(said, told.reason)
    assert_is_a_sentence(told, file)
    if isinstance(heard, Unplayable):  # whether it can be played is not for the analysis to tell
        assert_is_a_sentence(heard, file)
    else:
        assert_is_finite(heard.model_dump())
