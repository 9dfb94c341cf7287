"""`rtc-drift scan` killed in the middle: what it had done stays done, and the next one does the rest."""

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
from tests.audio_files import sine, write_audio
from tests.processes import PACKAGE
from tests.sounds import sounding
from tests.waiting import until

SHORT = 5
LONG_SECONDS = 30


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Short files, and at the end a long one, which is not done before them."""
    (folder := tmp_path / "music").mkdir()
    for number in range(SHORT):
        write_audio(folder / f"{number}.flac", sine(2, hertz=300 + 50 * number))
    with wave.open(str(folder / "long.wav"), "wb") as file:
        file.setparams((1, 1, 8_000, 0, "NONE", ""))
        file.writeframes(b"\x80" * (8_000 * LONG_SECONDS))
    return folder


async def scanning(folder: Path, data: Path) -> asyncio.subprocess.Process:
    """A scan that has begun, in a process of its own."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rtc_drift", "scan", str(folder), "--data-dir", str(data)),
        env=os.environ | {"PYTHONPATH": str(PACKAGE), "COLUMNS": "200"},
        stderr=asyncio.subprocess.PIPE,
    )


async def killed_as_soon_as(true: Callable[[Catalogue], bool], folder: Path, data: Path) -> None:
    """Begin to scan, and kill -9 when what the catalogue says is true; its workers end by themselves."""
    data.mkdir()
    catalogue = Catalogue.open(data / "catalogue.sqlite")
    scan = await scanning(folder, data)
    try:
        await until(lambda: true(catalogue), 60)
        workers = psutil.Process(scan.pid).children()
    finally:
        catalogue.close()
        scan.send_signal(signal.SIGKILL)
        await scan.wait()
    assert workers
    await until(lambda: not any(worker.is_running() for worker in workers), 60)


async def scanned(folder: Path, data: Path) -> str:
    """What a scan says at its end."""
    scan = await scanning(folder, data)
    _, told = await scan.communicate()
    assert scan.returncode == 0, told.decode()
    return told.decode().splitlines()[-1]


def assert_is_whole(data: Path) -> None:
    """Nothing was moved aside, and every page and index is as it should be."""
    assert [file.name for file in data.iterdir() if "broken" in file.name] == []
    connection = sqlite3.connect(data / "catalogue.sqlite")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


@pytest.mark.parametrize("stage", ["examining", "listening"])
async def test_kill_9_costs_only_what_was_going_on(folder: Path, tmp_path: Path, stage: str) -> None:
    data = tmp_path / "data"
    if stage == "examining":
        await killed_as_soon_as(lambda catalogue: len(catalogue.known(folder)) >= 2, folder, data)
    else:
        await killed_as_soon_as(lambda catalogue: len(catalogue.analyses()[0]) >= 2, folder, data)
    assert_is_whole(data)
    catalogue = Catalogue.open(data / "catalogue.sqlite")
    known, heard = catalogue.tracks([folder]), set(catalogue.analyses()[0])
    assert len(known) >= 2 and (stage == "examining" or len(heard) >= 2)
    assert len(heard if stage == "listening" else known) <= SHORT, "it was killed in the middle"
    for track in known:  # what is done again would be written over
        state = track.path.stat()
        noted = track.model_copy(update={"title": f"Known {track.title}"})
        catalogue.record(track.path, state.st_size, state.st_mtime_ns, noted)
    for track_id in heard:
        catalogue.record_analysis(track_id, sounding(tempo_bpm=61.25))
    catalogue.close()

    told = await scanned(folder, data)
    assert told == (
        f"{SHORT + 1} files: {SHORT + 1 - len(known)} tracks added, 0 can't be played, 0 gone, {len(known)} unchanged. "
        f"{SHORT + 1 - len(heard)} tracks were listened to."
    )
    assert_is_whole(data)
    catalogue = Catalogue.open(data / "catalogue.sqlite")
    tracks, (analyses, failed) = catalogue.tracks([folder]), catalogue.analyses()
    catalogue.close()
    assert {track.path for track in tracks if track.title.startswith("Known ")} == {track.path for track in known}
    assert {track_id for track_id, it in analyses.items() if it.tempo_bpm == 61.25} == heard
    assert (len(tracks), set(analyses), failed) == (SHORT + 1, {track.id for track in tracks}, set())
