"""Files that make a decoder fail after a seek."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rtc_drift.audio.seeking import DecodeError, decode
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
