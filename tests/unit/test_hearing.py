"""Listening in the background: each content once, whatever happens to its file, to a worker or to the program."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from rtc_drift.analysis.model import Analysis
from rtc_drift.library.analyses import Analyses
from rtc_drift.library.catalogue import Catalogue
from rtc_drift.library.track import Track, Unplayable
from rtc_drift.workers.pool import Workers
from tests.sounds import sounding

# A worker that hears what a file's name says, and notes what it was asked for in a file beside.
WORKER = """
import os, signal, sys
from rtc_drift.library import analyse as analysing
from rtc_drift.workers import process
from rtc_drift.library.track import Unplayable
from tests.sounds import sounding

def analyse(path, *, true_peak_dbtp, alive):
    with open(path.parent / "asked", "a") as asked:
        asked.write(path.name + "\\n")
    if "crash" in path.name:
        os.kill(os.getpid(), signal.SIGKILL)
    if "fault" in path.name:
        raise ArithmeticError("a fault of ours")
    if "missing" in path.name:
        return Unplayable(path=path, reason="The file does not exist.", passing=True)
    return sounding(tempo_bpm=float(path.stem), beats_seconds=(0.5, 1.0), true_peak_dbtp=true_peak_dbtp)

analysing.analyse = analyse
process.main()
"""
ROOT = Path(__file__).parents[2]


class Den:
    """A data folder whose tracks exist by name only; `open()` is one run of the program."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tracks: list[Track] = []

    def add(self, name: str, number: int | None = None) -> Track:
        """`number` tells the content."""
        number = len(self.tracks) if number is None else number
        track = Track(
            id=f"{number:016x}",
            path=self.folder / name,
            title=name,
            duration_seconds=120,
            integrated_lufs=-14,
            true_peak_dbtp=-3,
            first_sound_seconds=0,
            last_sound_seconds=120,
        )
        self.tracks.append(track)
        return track

    @property
    def asked(self) -> list[str]:
        file = self.folder / "asked"
        return file.read_text().split() if file.exists() else []

    @asynccontextmanager
    async def open(
        self, workers: int = 1, changed: Callable[[], None] = lambda: None
    ) -> AsyncIterator[tuple[Analyses, Catalogue]]:
        catalogue = Catalogue.open(self.folder / "catalogue.db")
        command = (sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{WORKER}")
        async with Workers(workers, command=command) as pool:
            hearing = Analyses(catalogue, pool, lambda: self.tracks, changed)
            await hearing.load()
            yield hearing, catalogue
        catalogue.close()


@pytest.fixture
def den(tmp_path: Path) -> Den:
    return Den(tmp_path)


async def test_all_are_listened_to_once_and_remembered(den: Den) -> None:
    first, second = den.add("120.mp3"), den.add("90.mp3")
    told = list[int]()
    async with den.open(2, lambda: told.append(1)) as (hearing, _):
        await hearing.listen()
        assert {track_id: it.tempo_bpm for track_id, it in hearing.known.items()} == {first.id: 120, second.id: 90}
        assert hearing.done(den.tracks) == len(told) == 2
    third = den.add("150.mp3")
    async with den.open() as (hearing, _):
        assert hearing.done(den.tracks) == 2
        await hearing.listen()
        assert hearing.known[third.id].tempo_bpm == 150
        assert hearing.known[third.id].beats_seconds == (), "what is long stays in the catalogue"
        whole = await hearing.whole(third.id)
        heard = sounding(tempo_bpm=150, beats_seconds=(0.5, 1.0), true_peak_dbtp=third.true_peak_dbtp)
        assert whole == heard, "the true peak is that of the scan"
    assert sorted(den.asked) == ["120.mp3", "150.mp3", "90.mp3"]


async def test_a_file_that_moves_or_comes_twice_is_the_same_content(den: Den) -> None:
    den.add("120.mp3", 7)
    async with den.open() as (hearing, _):
        await hearing.listen()
    den.tracks.clear()
    moved, copy = den.add("moved.mp3", 7), den.add("copy.mp3", 7)
    async with den.open() as (hearing, _):
        await hearing.listen()
        assert hearing.known[moved.id] is hearing.known[copy.id]
    assert den.asked == ["120.mp3"]


async def test_a_content_that_ends_the_worker_is_not_tried_again_and_the_others_are_heard(
    den: Den, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("crash1.mp3", "crash2.mp3", "120.mp3"):
        den.add(name)
    heard = dict[str, Analysis | Unplayable]()
    async with den.open() as (hearing, _):
        await hearing.listen(lambda track, result: heard.update({track.title: result}))
        assert hearing.done(den.tracks) == 3
        assert list(hearing.known) == [den.tracks[2].id]
    assert isinstance(heard["crash1.mp3"], Unplayable)
    assert sum("can't be listened to" in record.message for record in caplog.records) == 1
    async with den.open() as (hearing, _):
        await hearing.listen()
        assert hearing.done(den.tracks) == 3
    assert len(den.asked) == 3


async def test_what_fails_for_another_reason_is_tried_again_the_next_time(den: Den) -> None:
    den.add("fault.mp3")
    den.add("missing.mp3")
    for _ in range(2):
        async with den.open() as (hearing, _catalogue):
            await hearing.listen()
            await hearing.listen()
            assert hearing.done(den.tracks) == 0
    assert den.asked == ["fault.mp3", "missing.mp3"] * 2


async def test_it_waits_for_more_and_what_was_heard_before_the_end_stays(den: Den) -> None:
    first = den.add("120.mp3")
    news = asyncio.Event()
    async with den.open(changed=news.set) as (hearing, catalogue):
        task = asyncio.create_task(hearing.run())
        async with asyncio.timeout(20):
            await news.wait()
            news.clear()
            second = den.add("90.mp3")
            hearing.wake()
            await news.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await asyncio.to_thread(catalogue.analyses) == (dict(hearing.known), set())
        assert set(hearing.known) == {first.id, second.id}
