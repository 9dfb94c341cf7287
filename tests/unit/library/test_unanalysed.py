"""Analysing what has no analysis yet: which tracks, how many in memory, and going on where it was interrupted."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rtc_drift.analysis.model import VERSION, Analysis
from rtc_drift.library import jobs
from rtc_drift.library.catalogue import Catalogue, CatalogueError
from rtc_drift.library.resources import Resources
from rtc_drift.library.roots import RootError
from rtc_drift.library.track import Track, Unplayable
from rtc_drift.library.unanalysed import PAGE_TRACKS, FolderAnalysis, Unanalysed
from rtc_drift.workers.pool import Workers
from tests.support.analyses import make_analysis
from tests.support.music import make_track


@pytest.fixture
async def resources(tmp_path: Path) -> AsyncIterator[Resources]:
    catalogue = Catalogue.open(tmp_path / "catalogue.sqlite")
    async with Workers(2) as workers:
        resources = Resources(catalogue, workers)
        yield resources
        resources.close_threads()
        await resources.storage.close(catalogue.close)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The titles of the tracks that were analysed. Those named after a failure fail."""
    asked = list[str]()

    async def analyse(_: Workers, track: Track) -> Analysis | Unplayable:
        asked.append(track.title)
        await asyncio.sleep(0)
        if track.path.stem in ("passing", "lasting"):
            return Unplayable(path=track.path, reason="It failed.", temporary=track.path.stem == "passing")
        return make_analysis(tempo_bpm=100)

    monkeypatch.setattr(jobs, "analyse", analyse)
    return asked


@pytest.fixture(params=[1, 100])
def page_size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of one track, or of all."""
    monkeypatch.setattr("rtc_drift.library.unanalysed.PAGE_TRACKS", request.param)


def record(catalogue: Catalogue, *paths: str, first: int = 0) -> None:
    """Record a track for each path, `Track 1` and so on."""
    for number, path in enumerate(paths, first + 1):
        catalogue.record(Path(path), 1, 1, make_track(number, path=Path(path)))


async def analyse(resources: Resources, *folders: str) -> int:
    return await FolderAnalysis([Path(folder) for folder in folders], resources).run(lambda *_: None)


@pytest.mark.usefixtures("page_size")
async def test_each_track_below_the_folders_is_analysed_once(resources: Resources, asked: list[str]) -> None:
    catalogue = resources.catalogue
    record(catalogue, "/m/1.mp3", "/m/b/2.mp3", "/m0/3.mp3", "/n/4.mp3")
    catalogue.record(Path("/m/a copy.mp3"), 1, 1, make_track(2, path=Path("/m/a copy.mp3")))
    catalogue.record(Path("/m/bad.mp3"), 1, 1, Unplayable(path=Path("/m/bad.mp3"), reason="Why."))
    analysis = FolderAnalysis([Path("/m"), Path("/m/b"), Path("/n"), Path("/m")], resources)
    assert await analysis.count() == (3, 3)
    assert await analysis.run(lambda *_: None) == 3
    assert sorted(asked) == ["Track 1", "Track 2", "Track 4"]
    assert await analysis.count() == (3, 0)
    assert await analyse(resources, "/m", "/n") == 0
    assert await analyse(resources) == 0


async def test_analyses_of_another_version_are_made_again(
    resources: Resources, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record(resources.catalogue, "/m/1.mp3", "/m/2.mp3")
    with monkeypatch.context() as patch:
        patch.setattr("rtc_drift.library.catalogue.VERSION", VERSION - 1)
        resources.catalogue.record_analysis(make_track(1).id, make_analysis())
    resources.catalogue.record_analysis(make_track(2).id, None)
    assert await FolderAnalysis([Path("/m")], resources).count() == (2, 1)
    assert await analyse(resources, "/m") == 1
    assert asked == ["Track 1"]


@pytest.mark.usefixtures("page_size")
async def test_lasting_failures_are_recorded_and_passing_ones_tried_the_next_time(
    resources: Resources, asked: list[str], tmp_path: Path
) -> None:
    record(resources.catalogue, *(f"{tmp_path}/{name}.mp3" for name in ("lasting", "ok", "passing")))
    copy = tmp_path / "z" / "passing.mp3"
    resources.catalogue.record(copy, 1, 1, make_track(3, path=copy))
    assert await analyse(resources, str(tmp_path)) == 2
    assert sorted(asked) == ["Track 1", "Track 2", "Track 3"]
    asked.clear()
    assert await analyse(resources, str(tmp_path)) == 0
    assert asked == ["Track 3"]


async def test_it_ends_if_the_folder_does_not_answer_any_more(resources: Resources, asked: list[str]) -> None:
    record(resources.catalogue, "/nowhere/passing.mp3", *(f"/nowhere/{number}.mp3" for number in range(20)))
    with pytest.raises(RootError, match="does not exist"):
        await analyse(resources, "/nowhere")


async def test_few_tracks_are_in_memory_and_an_interrupted_run_goes_on_where_it_was(
    resources: Resources, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 3 * PAGE_TRACKS
    record(resources.catalogue, *(f"/m/{number:04}.mp3" for number in range(count)))
    pages, next_page = list[int](), Unanalysed.next_page

    def counted(unanalysed: Unanalysed) -> list[Track]:
        page = next_page(unanalysed)
        pages.append(len(page))
        return page

    monkeypatch.setattr(Unanalysed, "next_page", counted)

    def interrupt(*_: object) -> None:
        if len(asked) == PAGE_TRACKS + 50:
            task.cancel()

    task = asyncio.create_task(FolderAnalysis([Path("/m")], resources).run(interrupt))
    with pytest.raises(asyncio.CancelledError):
        await task
    done = len(resources.catalogue.analysed()[0].ids)
    assert PAGE_TRACKS <= done <= len(asked)
    assert await analyse(resources, "/m") == count - done
    assert set(asked) == {f"Track {number}" for number in range(1, count + 1)}
    assert len(asked) <= count + resources.workers.count
    assert max(pages) == PAGE_TRACKS


async def test_unreadable_rows_are_left_out(
    resources: Resources, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtc_drift.library.unanalysed.PAGE_TRACKS", 2)
    record(resources.catalogue, *(f"/m/{number}.mp3" for number in range(9)))
    with resources.catalogue.database.transaction() as connection:
        connection.execute("UPDATE tracks SET integrated_lufs = 99 WHERE id <> ?", (make_track(9).id,))
    assert await analyse(resources, "/m") == 1
    assert asked == ["Track 9"]


async def test_an_unwritable_catalogue_ends_it(resources: Resources, asked: list[str]) -> None:
    record(resources.catalogue, "/m/1.mp3", "/m/2.mp3")
    with resources.catalogue.database.transaction() as connection:
        connection.execute("PRAGMA query_only = 1")
    with pytest.raises(CatalogueError):
        await analyse(resources, "/m")
