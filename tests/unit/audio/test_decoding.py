"""Decoding in one thread: a deck has one, and a machine may have many cores and many decks."""

from pathlib import Path

import psutil

from rtc_drift.audio.decoding import open_audio
from tests.support.audio_files import sine, write_audio


def test_decoding_and_resampling_start_no_threads(tmp_path: Path) -> None:
    before = psutil.Process().num_threads()
    with open_audio(write_audio(tmp_path / "x.flac", sine(2, rate=44_100), rate=44_100)) as file:
        chunks = file.chunks()
        next(chunks)
        assert psutil.Process().num_threads() == before
