"""The commands beside `serve`, and the examples, against a running server."""

import asyncio
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from rtc_drift.cli.listen import listen
from rtc_drift.cli.scan import scan
from rtc_drift.library.catalogue import Catalogue
from tests.conftest import Serve

ONE_WAY = True


async def test_listen_writes_what_is_heard(serve: Serve, music: Path, tmp_path: Path) -> None:
    output = tmp_path / "heard.wav"
    async with serve(music) as served:
        assert await listen(served.url, output, seconds=2) == 0
    with wave.open(str(output)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 48_000, 2)
        heard = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert len(heard) == 2 * 2 * 48_000
    assert np.abs(heard).max() > 1_000


async def test_listen_says_when_nobody_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert await listen("http://127.0.0.1:9", None, seconds=1) == 1
    said = capsys.readouterr().err
    assert "http://127.0.0.1:9/whep/master can't be reached" in said
    assert "Traceback" not in said


async def test_scan_reads_a_folder_ahead(short_music: Path, tmp_path: Path, leaks_nothing: None) -> None:
    assert await scan(short_music, tmp_path) == 0
    catalogue = Catalogue.open(tmp_path / "catalogue.sqlite")
    assert len(catalogue.tracks([short_music])) == 6
    catalogue.close()
    assert await scan(tmp_path / "nowhere", tmp_path) == 2


async def test_the_example_check_passes_on_a_server_that_plays(serve: Serve, music: Path) -> None:
    example = Path(__file__).parents[2] / "examples" / "check_stream.py"
    async with serve(music) as served:
        checking = await asyncio.create_subprocess_exec(sys.executable, str(example), served.url)
        assert await checking.wait() == 0
