"""`rtc-drift scan` killed before its end: its results stay, and the next scan does the rest."""

import asyncio
import os
import signal
import sqlite3
import sys
import wave
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from rtc_drift.library.catalogue import Catalogue
from tests.support.analyses import make_analysis, stored_tempi
from tests.support.audio_files import sine, write_audio
from tests.support.server_process import REPOSITORY
from tests.support.surveys import file_states
from tests.support.waiting import until

SHORT = 5
LONG_SECONDS = 30


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Short files, and at the end a long one, which takes longer than all of them."""
    (folder := tmp_path / "music").mkdir()
    for number in range(SHORT):
        write_audio(folder / f"{number}.flac", sine(2, hertz=300 + 50 * number))
    with wave.open(str(folder / "long.wav"), "wb") as file:
        file.setparams((1, 1, 8_000, 0, "NONE", ""))
        file.writeframes(b"\x80" * (8_000 * LONG_SECONDS))
    return folder


async def start_scan(folder: Path, data: Path) -> asyncio.subprocess.Process:
    """Start a scan in a process of its own."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rtc_drift", "scan", str(folder), "--data-dir", str(data)),
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"},
        stderr=asyncio.subprocess.PIPE,
    )


async def kill_scan_when(condition: Callable[[Catalogue], bool], folder: Path, data: Path) -> None:
    """Start a scan, and kill -9 it when a condition on the catalogue holds; its workers end by themselves."""
    data.mkdir()
    catalogue = Catalogue.open(data / "catalogue.sqlite")
    scan = await start_scan(folder, data)
    try:
        await until(lambda: condition(catalogue), 60)
        workers = psutil.Process(scan.pid).children()
    finally:
        catalogue.close()
        scan.send_signal(signal.SIGKILL)
        await scan.wait()
    assert workers
    await until(lambda: not any(worker.is_running() for worker in workers), 60)


async def finish_scan(folder: Path, data: Path) -> str:
    """Run a scan to its end; return its last line."""
    scan = await start_scan(folder, data)
    _, printed = await scan.communicate()
    assert scan.returncode == 0, printed.decode()
    return printed.decode().splitlines()[-1]


def assert_is_whole(data: Path) -> None:
    """Assert that the catalogue was not replaced, and has no damaged page or index."""
    assert [file.name for file in data.iterdir() if "broken" in file.name] == []
    connection = sqlite3.connect(data / "catalogue.sqlite")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


@pytest.mark.parametrize("stage", ["probing", "analysing"])
async def test_a_killed_scan_loses_only_the_files_in_progress(folder: Path, tmp_path: Path, stage: str) -> None:
    data = tmp_path / "data"
    if stage == "probing":
        await kill_scan_when(lambda catalogue: len(file_states(catalogue, folder)) >= 2, folder, data)
    else:
        await kill_scan_when(lambda catalogue: len(catalogue.analysed()[0].ids) >= 2, folder, data)
    assert_is_whole(data)
    catalogue = Catalogue.open(data / "catalogue.sqlite")
    known, analysed = catalogue.tracks([folder]), set(stored_tempi(catalogue)[0])
    assert len(known) >= 2 and (stage == "probing" or len(analysed) >= 2)
    assert len(analysed if stage == "analysing" else known) <= SHORT, "it was killed before its end"
    for track in known.values():  # a second probe would overwrite this
        state = track.path.stat()
        noted = track.model_copy(update={"title": f"Known {track.title}"})
        catalogue.record(track.path, state.st_size, state.st_mtime_ns, noted)
    for track_id in analysed:
        catalogue.record_analysis(track_id, make_analysis(tempo_bpm=61.25))
    catalogue.close()

    printed = await finish_scan(folder, data)
    assert printed == (
        f"{SHORT + 1} files: {SHORT + 1 - len(known)} tracks added, 0 not playable, 0 removed, {len(known)} unchanged. "
        f"{SHORT + 1 - len(analysed)} tracks analysed."
    )
    assert_is_whole(data)
    catalogue = Catalogue.open(data / "catalogue.sqlite")
    tracks, (analyses, failed) = catalogue.tracks([folder]), stored_tempi(catalogue)
    catalogue.close()
    assert {track.path for track in tracks.values() if track.title.startswith("Known ")} == {
        track.path for track in known.values()
    }
    assert {track_id for track_id, tempo in analyses.items() if tempo == 61.25} == analysed
    assert (len(tracks), set(analyses), failed) == (SHORT + 1, set(tracks), set())
