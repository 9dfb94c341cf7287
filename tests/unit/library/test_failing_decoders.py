"""Files that make a decoder fail after a seek, or want too much memory."""

import errno
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from rtc_drift.analysis import Analysis
from rtc_drift.audio.decoding import AudioFile
from rtc_drift.audio.seeking import DecodeError, decode
from rtc_drift.library.analyse import analyse
from rtc_drift.library.probe import probe
from rtc_drift.library.track import Track, Unplayable
from rtc_drift.media import Audio, samples
from tests.support.audio_files import sine, write_audio


def test_a_file_is_probed_with_seeks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_audio(tmp_path / "x.flac", sine(20))
    decoded, signs = dict[int, int](), list[int]()

    def counted(path: str, start: int) -> Iterator[tuple[int, Audio]]:
        for position, chunk in decode(path, start):
            decoded[start] = position + len(chunk) - start
            yield position, chunk

    monkeypatch.setattr("rtc_drift.library.probe.decode", counted)
    starts = [samples(8.0), samples(19.0), samples(25.0)]
    assert isinstance(probe(file, seek_positions=starts, alive=lambda: signs.append(1)), Track)
    assert decoded[starts[0]] == pytest.approx(samples(5.0), abs=samples(0.26))
    assert decoded[starts[1]] == pytest.approx(samples(0.75), abs=samples(0.26))
    assert len(signs) > 20


def test_a_file_that_breaks_off_only_after_a_seek_is_unplayable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaking_off(path: str, start: int) -> Iterator[tuple[int, Audio]]:
        yield start, np.zeros((samples(1.0), 2), np.float32)
        raise DecodeError("The file is damaged: it can't be read any further.")

    monkeypatch.setattr("rtc_drift.library.probe.decode", breaking_off)
    file = write_audio(tmp_path / "x.flac", sine(5))
    assert isinstance(probe(file), Track)
    assert probe(file, seek_positions=[samples(2.0)]) == Unplayable(
        path=file, reason="The file is damaged: it can't be read any further."
    )
    assert isinstance(probe(file, seek_positions=[samples(4.0)]), Track), "it breaks off at its end"


@pytest.mark.parametrize("after_packets", [0, 30])
@pytest.mark.parametrize("examine", [probe, analyse])
def test_a_file_that_needs_too_much_memory_is_unplayable(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    after_packets: int,
    examine: Callable[[Path], Track | Analysis | Unplayable],
) -> None:
    class Greedy:
        def decode(self) -> list[av.AudioFrame]:
            raise av.error.MemoryError(errno.ENOMEM, "Cannot allocate memory")

    read = AudioFile._read

    def greedy_from_then_on(self: AudioFile) -> Iterator[object]:
        yield from itertools.islice(read(self), after_packets)
        yield Greedy()
        yield from read(self)

    monkeypatch.setattr(AudioFile, "_read", greedy_from_then_on)
    file = write_audio(tmp_path / "x.flac", sine(5))
    assert examine(file) == Unplayable(path=file, reason="The file needs too much memory to be decoded.")
