"""The commands other than `serve`, and the example, against a running server."""

import asyncio
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from rtc_drift.cli.listen import listen
from rtc_drift.cli.scan import scan
from rtc_drift.library.catalogue import Catalogue
from tests.support.server import Serve
from tests.support.server_process import REPOSITORY

SHARED_PORT_ONLY = True


async def test_listen_writes_the_received_audio(serve: Serve, music: Path, tmp_path: Path) -> None:
    output = tmp_path / "recording.wav"
    async with serve(music) as server:
        assert await listen(server.url, output, seconds=2) == 0
    with wave.open(str(output)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 48_000, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert len(samples) == 2 * 2 * 48_000
    assert np.abs(samples).max() > 1_000


async def test_listen_reports_that_no_server_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert await listen("http://127.0.0.1:9", None, seconds=1) == 1
    printed = capsys.readouterr().err
    assert "http://127.0.0.1:9/whep/master can't be reached" in printed
    assert "Traceback" not in printed


async def test_scan_fills_the_catalogue(short_music: Path, tmp_path: Path, no_leaks: None) -> None:
    assert await scan(short_music, tmp_path) == 0
    catalogue = Catalogue.open(tmp_path / "catalogue.sqlite")
    assert len(catalogue.tracks([short_music])) == 6
    catalogue.close()
    assert await scan(tmp_path / "nowhere", tmp_path) == 2


async def test_the_example_check_passes_on_a_playing_server(serve: Serve, music: Path) -> None:
    example = REPOSITORY / "examples" / "check_stream.py"
    async with serve(music) as server:
        checking = await asyncio.create_subprocess_exec(sys.executable, str(example), server.url)
        assert await checking.wait() == 0
