"""A library with folders of its own and real workers, whose demo library has few tracks."""

import asyncio
import math
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from rtc_drift.demo import DEMO
from rtc_drift.library.catalogue import Catalogue
from rtc_drift.library.folder_threads import ANSWER_SECONDS, FolderThreads
from rtc_drift.library.library import Library
from rtc_drift.library.resources import Resources
from rtc_drift.workers.pool import Workers
from tests.support.audio_files import sine, write_audio
from tests.support.waiting import until

_QUICK_DEMO_WORKER = """
import sys, wave
from pathlib import Path
from rtc_drift.demo import DEMO, files
from rtc_drift.workers import process

def write(spec, folder):
    if (folder / "full").exists():
        raise OSError(28, "No space left on device")
    path = folder / spec.filename
    path.with_suffix(".json").touch()
    if path.exists():
        return path
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, 48000, 0, "NONE", ""))
        file.writeframes(bytes([spec.number, 1, 0, 1]) * 60000)
    return path

files.write = write
process.main()
"""
_COMMAND = (sys.executable, "-c", _QUICK_DEMO_WORKER)
DEMO_TRACKS = 4
"""Number of demo tracks, instead of all: a worker writes and probes each."""


class LibraryHome:
    """A data folder and a music folder. Each `open` is one run of the program."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rtc_drift.demo.files.DEMO", DEMO[:DEMO_TRACKS])
        self.folder, self.music, self.demo = folder, folder / "music", folder / "demo"
        self.music.mkdir()

    @asynccontextmanager
    async def open(
        self,
        *roots: Path,
        start: bool = True,
        cooldown_seconds: float = 60,
        poll_seconds: float | None = None,
        analyse: bool = False,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> AsyncIterator[Library]:
        """Open the library on music folders, and close it afterwards; assert that no task is left."""
        catalogue = Catalogue.open(self.folder / "catalogue.db")
        workers = Workers(1, command=_COMMAND, reads=[self.folder, *roots])
        async with workers, Workers(1, is_confined=False, idle_seconds=math.inf) as watching:
            resources = Resources(catalogue, workers, files=FolderThreads(answer_seconds), watching=watching)
            library = Library(
                resources,
                music=roots,
                demo_folder=self.demo,
                lost_check_seconds=0.005,
                cooldown_seconds=cooldown_seconds,
                poll_seconds=poll_seconds,
                analyse=analyse,
            )
            if start:
                await library.start()
            try:
                yield library
            finally:
                await library.close()
                await library.close()
                resources.close_threads()
        await resources.storage.close(catalogue.close)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    def add(self, name: str, hertz: float) -> Path:
        """Write a file with a tone to the music folder."""
        return write_audio(self.music / name, sine(1.2, hertz=hertz))


async def until_soon(condition: Callable[[], bool]) -> None:
    """Wait for a condition, and poll often: what a library does takes milliseconds."""
    await until(condition, interval_seconds=0.005)


async def until_scanned(library: Library) -> None:
    """Wait until the library has scanned its folders."""
    await until_soon(lambda: not library.status().scanning)
