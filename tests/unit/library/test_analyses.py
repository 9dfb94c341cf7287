"""Analysing in the background: each content once, whatever happens to its file, to a worker or to the program."""

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
from tests.support.analyses import make_analysis
from tests.support.music import make_track
from tests.support.server_process import REPOSITORY

# A worker whose analysis depends on the file name. It may write: the name of each file, to a list beside it.
WORKER = """
import os, signal, sys
from rtc_drift.library import analyse as analysing
from rtc_drift.workers import process
from rtc_drift.library.track import Unplayable
from tests.support.analyses import make_analysis

def analyse(path, *, true_peak_dbtp, alive):
    with open(path.parent / "analysed", "a") as analysed:
        analysed.write(path.name + "\\n")
    if "crash" in path.name:
        os.kill(os.getpid(), signal.SIGKILL)
    if "fault" in path.name:
        raise ArithmeticError("a fault of ours")
    if "missing" in path.name:
        return Unplayable(path=path, reason="The file does not exist.", temporary=True)
    return make_analysis(tempo_bpm=float(path.stem), beats_seconds=(0.5, 1.0), true_peak_dbtp=true_peak_dbtp)

analysing.analyse = analyse
process.sandbox.harden = lambda *_, **__: None
process.sandbox.confine = lambda rights: lambda: None
process.main()
"""


class AnalysesHome:
    """A data folder with tracks that have no files. Each `open` is one run of the program."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tracks: list[Track] = []

    def add(self, name: str, number: int | None = None) -> Track:
        """Add a track; its content is identified by `number`."""
        number = len(self.tracks) if number is None else number
        track = make_track(number, path=self.folder / name).model_copy(update={"title": name})
        self.tracks.append(track)
        return track

    @property
    def analysed(self) -> list[str]:
        """The names of the files that workers have analysed."""
        file = self.folder / "analysed"
        return file.read_text().split() if file.exists() else []

    @asynccontextmanager
    async def open(
        self, workers: int = 1, changed: Callable[[], None] = lambda: None
    ) -> AsyncIterator[tuple[Analyses, Catalogue]]:
        catalogue = Catalogue.open(self.folder / "catalogue.db")
        command = (sys.executable, "-c", f"import sys; sys.path.insert(0, {str(REPOSITORY)!r})\n{WORKER}")
        async with Workers(workers, command=command) as pool:
            analyses = Analyses(catalogue, pool, lambda: self.tracks, changed)
            await analyses.load()
            yield analyses, catalogue
        catalogue.close()


@pytest.fixture
def home(tmp_path: Path) -> AnalysesHome:
    return AnalysesHome(tmp_path)


async def test_each_track_is_analysed_once_and_remembered(home: AnalysesHome) -> None:
    first, second = home.add("120.mp3"), home.add("90.mp3")
    changes = list[int]()
    async with home.open(2, lambda: changes.append(1)) as (analyses, _):
        await analyses.analyse_all()
        assert {track_id: it.tempo_bpm for track_id, it in analyses.known.items()} == {first.id: 120, second.id: 90}
        assert analyses.count_done(home.tracks) == len(changes) == 2
    third = home.add("150.mp3")
    async with home.open() as (analyses, _):
        assert analyses.count_done(home.tracks) == 2
        await analyses.analyse_all()
        assert analyses.known[third.id].tempo_bpm == 150
        assert analyses.known[third.id].beats_seconds == (), "beats and curves stay in the catalogue"
        whole = await analyses.read(third.id)
        expected = make_analysis(tempo_bpm=150, beats_seconds=(0.5, 1.0), true_peak_dbtp=third.true_peak_dbtp)
        assert whole == expected, "the true peak is that of the scan"
    assert sorted(home.analysed) == ["120.mp3", "150.mp3", "90.mp3"]


async def test_moved_and_copied_files_have_the_same_analysis(home: AnalysesHome) -> None:
    home.add("120.mp3", 7)
    async with home.open() as (analyses, _):
        await analyses.analyse_all()
    home.tracks.clear()
    moved, copy = home.add("moved.mp3", 7), home.add("copy.mp3", 7)
    async with home.open() as (analyses, _):
        await analyses.analyse_all()
        assert analyses.known[moved.id] is analyses.known[copy.id]
    assert home.analysed == ["120.mp3"]


async def test_a_file_that_crashes_the_worker_is_not_tried_again(
    home: AnalysesHome, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("crash1.mp3", "crash2.mp3", "120.mp3"):
        home.add(name)
    results = dict[str, Analysis | Unplayable]()
    async with home.open() as (analyses, _):
        await analyses.analyse_all(lambda track, result: results.update({track.title: result}))
        assert analyses.count_done(home.tracks) == 3
        assert list(analyses.known) == [home.tracks[2].id]
    assert isinstance(results["crash1.mp3"], Unplayable)
    assert sum("can't be analysed" in record.message for record in caplog.records) == 1
    async with home.open() as (analyses, _):
        await analyses.analyse_all()
        assert analyses.count_done(home.tracks) == 3
    assert len(home.analysed) == 3


async def test_other_failures_are_retried_at_the_next_start(home: AnalysesHome) -> None:
    home.add("fault.mp3")
    home.add("missing.mp3")
    for _ in range(2):
        async with home.open() as (analyses, _catalogue):
            await analyses.analyse_all()
            await analyses.analyse_all()
            assert analyses.count_done(home.tracks) == 0
    assert home.analysed == ["fault.mp3", "missing.mp3"] * 2


async def test_new_tracks_are_analysed_and_results_outlive_the_end(home: AnalysesHome) -> None:
    first = home.add("120.mp3")
    news = asyncio.Event()
    async with home.open(changed=news.set) as (analyses, catalogue):
        task = asyncio.create_task(analyses.run())
        async with asyncio.timeout(20):
            await news.wait()
            news.clear()
            second = home.add("90.mp3")
            analyses.wake()
            await news.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await asyncio.to_thread(catalogue.analyses) == (dict(analyses.known), set())
        assert set(analyses.known) == {first.id, second.id}
