"""Analysing in the background: each content once, whatever happens to its file, to a worker or to the program."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from rtc_drift.analysis.model import Analysis
from rtc_drift.analysis.numbers import COLUMN
from rtc_drift.library.analyses import Analyses
from rtc_drift.library.catalogue import Catalogue, CatalogueError
from rtc_drift.library.resources import Resources
from rtc_drift.library.track import Track, id_of
from rtc_drift.library.track_table import TrackTable
from rtc_drift.workers.pool import Workers
from tests.support.analyses import make_analysis, stored_tempi
from tests.support.music import make_track
from tests.support.server_process import REPOSITORY
from tests.support.waiting import until

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
        self.table = TrackTable()

    def add(self, name: str, number: int | None = None) -> Track:
        """Add a track; its content is identified by `number`."""
        number = len(self.tracks) if number is None else number
        track = make_track(number, path=self.folder / name).model_copy(update={"title": name})
        self.tracks.append(track)
        self.table.add(track)
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
            resources = Resources(catalogue, pool)
            analyses = Analyses(resources, lambda: self.table, changed)
            await analyses.load()
            yield analyses, catalogue
            await resources.storage.close(catalogue.close)


def tempi(analyses: Analyses) -> dict[str, float]:
    """Return the tempo of each analysed track by its id."""
    columns = analyses.analysed.columns()
    return dict(zip(map(id_of, columns.ids.tolist()), columns.numbers[:, COLUMN["tempo_bpm"]].tolist(), strict=True))


@pytest.fixture
def home(tmp_path: Path) -> AnalysesHome:
    return AnalysesHome(tmp_path)


async def test_each_track_is_analysed_once_and_remembered(home: AnalysesHome) -> None:
    first, second = home.add("120.mp3"), home.add("90.mp3")
    changes = list[int]()
    async with home.open(2, lambda: changes.append(1)) as (analyses, _):
        await analyses.analyse_all()
        assert tempi(analyses) == {first.id: 120, second.id: 90}
        assert analyses.count_done(home.table) == len(changes) == 2
    third = home.add("150.mp3")
    async with home.open() as (analyses, _):
        assert analyses.count_done(home.table) == 2
        await analyses.analyse_all()
        assert tempi(analyses)[third.id] == 150
        whole = await analyses.read(third.id)
        expected = make_analysis(tempo_bpm=150, beats_seconds=(0.5, 1.0), true_peak_dbtp=third.true_peak_dbtp)
        assert whole == expected, "the true peak is that of the scan"
    assert sorted(home.analysed) == ["120.mp3", "150.mp3", "90.mp3"]


async def test_counting_looks_at_no_track(home: AnalysesHome) -> None:
    first, second = home.add("120.mp3"), home.add("90.mp3")
    async with home.open() as (analyses, _):
        await analyses.analyse_all()
        for tracks in ([first], [first, second], [second, make_track(9)]):
            table = TrackTable(tracks)
            assert analyses.count_done(table) == len({first.id, second.id} & set(table))
            assert not table._made, "100,000 would take seconds"


async def test_moved_and_copied_files_have_the_same_analysis(home: AnalysesHome) -> None:
    home.add("120.mp3", 7)
    async with home.open() as (analyses, _):
        await analyses.analyse_all()
    home.table.clear()
    moved, copy = home.add("moved.mp3", 7), home.add("copy.mp3", 7)
    async with home.open() as (analyses, _):
        await analyses.analyse_all()
        assert tempi(analyses) == {moved.id: 120} and moved.id == copy.id
    assert home.analysed == ["120.mp3"]


async def test_a_file_that_crashes_the_worker_is_not_tried_again(
    home: AnalysesHome, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("crash1.mp3", "crash2.mp3", "120.mp3"):
        home.add(name)
    async with home.open() as (analyses, _):
        await analyses.analyse_all()
        assert analyses.count_done(home.table) == 3
        assert list(tempi(analyses)) == [home.tracks[2].id]
    assert sum("can't be analysed" in record.message for record in caplog.records) == 1
    async with home.open() as (analyses, _):
        await analyses.analyse_all()
        assert analyses.count_done(home.table) == 3
    assert len(home.analysed) == 3


async def test_other_failures_are_retried_at_the_next_start(home: AnalysesHome) -> None:
    home.add("fault.mp3")
    home.add("missing.mp3")
    for _ in range(2):
        async with home.open() as (analyses, _catalogue):
            await analyses.analyse_all()
            await analyses.analyse_all()
            assert analyses.count_done(home.table) == 0
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
        assert set(tempi(analyses)) == {first.id, second.id}
        assert await asyncio.to_thread(stored_tempi, catalogue) == (tempi(analyses), set())


async def test_unreadable_beats_are_analysed_again_once(home: AnalysesHome) -> None:
    track, other = home.add("120.mp3"), home.add("90.mp3")
    async with home.open() as (analyses, _):
        await analyses.analyse_all()
    async with home.open() as (analyses, catalogue):
        for _ in range(3):
            analyses._recent.clear()
            with catalogue.database.transaction() as connection:
                connection.execute("UPDATE curves SET data = x'00' WHERE track_id = ?", (track.id,))
            assert analyses.get(track.id) is None
            assert await analyses.read(track.id) is None
            await analyses.analyse_all()
        assert set(tempi(analyses)) == {other.id}
    assert home.analysed == ["120.mp3", "90.mp3", "120.mp3"], "not for ever, if what is recorded can't be read"


async def test_one_unreadable_analysis_is_analysed_again(home: AnalysesHome) -> None:
    for bpm in range(100, 106):
        home.add(f"{bpm}.mp3")
    async with home.open() as (analyses, catalogue):
        await analyses.analyse_all()
        with catalogue.database.transaction() as connection:
            connection.execute("UPDATE analyses SET numbers = x'00' WHERE track_id = ?", (home.tracks[3].id,))
    async with home.open() as (analyses, _):
        assert analyses.count_done(home.table) == 5
        await analyses.analyse_all()
        assert analyses.count_done(home.table) == 6
    assert home.analysed[6:] == ["103.mp3"]


async def test_on_a_full_disk_analysis_waits_and_goes_on(
    home: AnalysesHome, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("rtc_drift.library.analyses.RECORD_AGAIN_SECONDS", 0.01)
    first, second = home.add("120.mp3"), home.add("90.mp3")
    failures, changes = list[str](), list[int]()
    async with home.open(changed=lambda: changes.append(1)) as (analyses, catalogue):
        monkeypatch.setattr(analyses, "_on_failure", failures.append)
        is_full = True
        record = catalogue.record_analysis

        def record_if_there_is_space(track_id: str, analysis: Analysis | None) -> None:
            if is_full:
                raise CatalogueError("The catalogue can't be used (database or disk is full).")
            record(track_id, analysis)

        monkeypatch.setattr(catalogue, "record_analysis", record_if_there_is_space)
        task = asyncio.create_task(analyses.run())
        async with asyncio.timeout(20):
            while len(failures) < 3:
                await asyncio.sleep(0.01)
            whole = analyses.get(first.id)
            assert whole is not None
            assert whole.beats_seconds, "it is used although it is not recorded"
            assert await analyses.read(first.id) == whole
            assert home.analysed == ["120.mp3"], "no other is analysed in vain"
            with caplog.at_level("INFO"):
                is_full = False
                while len(changes) < 2:
                    await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert set(stored_tempi(catalogue)[0]) == {first.id, second.id}
    assert "The catalogue can be written again." in caplog.text


async def test_planning_does_not_wait_for_a_disk_that_hangs(home: AnalysesHome) -> None:
    first, second = home.add("120.mp3"), home.add("90.mp3")
    async with home.open() as (analyses, _):
        await analyses.analyse_all()
        answers = threading.Event()
        hung = analyses._resources.storage.start(answers.wait)
        assert analyses.get(first.id) is None
        assert analyses.get(second.id) is None
        assert not analyses.is_at_hand(first.id)
        answers.set()
        await hung
        await until(lambda: analyses.is_at_hand(first.id) and analyses.is_at_hand(second.id))
        found = analyses.get(first.id)
        assert found is not None and found.beats_seconds == (0.5, 1.0)


async def test_beats_and_curves_are_read_when_they_are_asked_for(
    home: AnalysesHome, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("rtc_drift.library.analyses.READ_SECONDS", 60)
    track = home.add("120.mp3")
    async with home.open() as (analyses, catalogue):
        await analyses.analyse_all()
        assert not analyses.is_at_hand(track.id)
        found = analyses.get(track.id)
        assert found is not None and found.beats_seconds == (0.5, 1.0)
        assert analyses.is_at_hand(track.id)
        await until(lambda: not analyses._reading)
        analyses._recent.clear()
        catalogue.close()
        assert analyses.get(track.id) is None
        await until(lambda: "can't be read" in caplog.text)
