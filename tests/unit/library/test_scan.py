"""The scan: walking music folders, and probing only new or changed files, with real files and workers."""

import asyncio
import errno
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rtc_drift.library.catalogue import Catalogue, CatalogueError
from rtc_drift.library.folder_threads import FolderThreads
from rtc_drift.library.resources import Resources
from rtc_drift.library.roots import RootError
from rtc_drift.library.scan import ScanProgress, ScanSummary, scan
from rtc_drift.library.storage import Storage
from rtc_drift.library.track import Track, Unplayable
from rtc_drift.library.walk import Walk
from rtc_drift.workers.pool import Workers
from tests.support.audio_files import sine, write_audio
from tests.support.surveys import file_states


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    (folder / "deep" / "deeper").mkdir(parents=True)
    write_audio(folder / "a.flac", sine(1.2, hertz=300))
    write_audio(folder / "deep" / "b.OGG".lower(), sine(1.2, hertz=400)).rename(folder / "deep" / "b.OGG")
    write_audio(folder / "deep" / "deeper" / "c.mp3", sine(1.2, hertz=500))
    (folder / "bad.mp3").write_text("bad " * 100)
    (folder / "notes.txt").write_text("no music")
    return folder


class Scanner:
    def __init__(self, catalogue: Catalogue, workers: Workers) -> None:
        self.catalogue, self.workers = catalogue, workers
        self.storage, self.files = Storage(), FolderThreads()
        self.seen: list[ScanProgress] = []

    async def __call__(self, root: Path) -> ScanSummary:
        self.seen.clear()
        return await scan(root, self.resources(), on_result=self.seen.append)

    def resources(self, workers: Workers | None = None) -> Resources:
        return Resources(self.catalogue, workers or self.workers, self.storage, self.files)


@pytest.fixture
async def scanner(tmp_path: Path) -> AsyncIterator[Scanner]:
    catalogue = Catalogue.open(tmp_path / "c.db")
    async with Workers(2, reads=[tmp_path]) as workers:
        scanner = Scanner(catalogue, workers)
        yield scanner
        scanner.files.close()
        await scanner.storage.close()
    catalogue.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_files_of_an_unreadable_folder_are_kept(root: Path, scanner: Scanner) -> None:
    await scanner(root)
    (root / "deep").chmod(0)
    try:
        summary = await scanner(root)
        assert (summary.removed, len(summary.problems)) == (0, 1)
    finally:
        (root / "deep").chmod(0o700)


async def test_the_second_scan_probes_nothing(root: Path, scanner: Scanner) -> None:
    first = await scanner(root)
    assert (first.found, first.probed, first.added, first.unplayable, first.removed) == (4, 4, 3, 1, 0)
    assert [progress.done for progress in scanner.seen] == [1, 2, 3, 4]
    assert {progress.total for progress in scanner.seen} == {4}
    assert len(scanner.catalogue.tracks([root])) == 3
    second = await scanner(root)
    assert (second.found, second.probed, scanner.seen) == (4, 0, [])


async def test_a_changed_file_is_probed_again(root: Path, scanner: Scanner) -> None:
    await scanner(root)
    before = {track.path: track.id for track in scanner.catalogue.tracks([root]).values()}
    write_audio(root / "a.flac", sine(1.5, hertz=310))
    (root / "bad.mp3").unlink()
    write_audio(root / "bad.mp3", sine(1.2))
    assert (await scanner(root)).probed == 2
    after = {track.path: track.id for track in scanner.catalogue.tracks([root]).values()}
    assert after[root / "a.flac"] != before[root / "a.flac"]
    assert after[root / "deep" / "b.OGG"] == before[root / "deep" / "b.OGG"]
    assert root / "bad.mp3" in after


async def test_a_moved_file_keeps_its_id_and_a_removed_one_is_forgotten(root: Path, scanner: Scanner) -> None:
    await scanner(root)
    before = {track.path: track.id for track in scanner.catalogue.tracks([root]).values()}
    (root / "a.flac").rename(root / "deep" / "moved.flac")
    (root / "deep" / "b.OGG").unlink()
    assert (await scanner(root)).removed == 2
    after = {track.path: track.id for track in scanner.catalogue.tracks([root]).values()}
    assert after[root / "deep" / "moved.flac"] == before[root / "a.flac"]
    assert len(after) == 2


async def test_file_names_that_are_not_utf8_are_recorded(root: Path, scanner: Scanner) -> None:
    strange = (root / "a.flac").rename(root / os.fsdecode(b"caf\xe9.flac"))
    await scanner(root)
    assert strange in {track.path for track in scanner.catalogue.tracks([root]).values()}
    assert (await scanner(root)).probed == 0


async def test_a_missing_or_unmounted_root_keeps_the_catalogue(root: Path, scanner: Scanner) -> None:
    await scanner(root)
    shutil.rmtree(root)
    with pytest.raises(RootError, match="does not exist"):
        await scanner(root)
    root.mkdir()
    with pytest.raises(RootError, match="is empty"):
        await scanner(root)
    assert len(scanner.catalogue.tracks([root])) == 3


async def test_a_file_whose_state_cannot_be_read_is_kept(
    root: Path, scanner: Scanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scanner(root)
    entry_of = Walk._entry

    def failing(walk: Walk, entry: os.DirEntry[bytes]) -> tuple[bytes, ...]:
        if entry.name == b"a.flac":
            raise OSError(errno.ESTALE, "Stale file handle")
        return entry_of(walk, entry)

    monkeypatch.setattr(Walk, "_entry", failing)
    summary = await scanner(root)
    assert summary.removed == 0
    assert summary.problems == (f"{root / 'a.flac'} can't be read.",)
    assert root / "a.flac" in file_states(scanner.catalogue, root)


async def test_a_file_that_vanishes_during_the_scan_is_not_recorded(root: Path, scanner: Scanner) -> None:
    def vanish(progress: ScanProgress) -> None:
        (root / "deep" / "deeper" / "c.mp3").unlink(missing_ok=True)

    async with Workers(1, reads=[root]) as one:
        await scan(root, scanner.resources(one), on_result=vanish)
    assert root / "deep" / "deeper" / "c.mp3" not in file_states(scanner.catalogue, root)


async def test_an_unwritable_catalogue_does_not_stop_the_scan(root: Path, scanner: Scanner) -> None:
    class Full(Catalogue):
        def record(self, path: Path, size: int, mtime_ns: int, result: Track | Unplayable) -> None:
            raise CatalogueError("The disk is full.")

    scanner.catalogue.close()
    scanner.catalogue = Full.open(root.parent / "full.db")
    summary = await scanner(root)
    assert (summary.added, summary.problems) == (3, ("The disk is full.",))
    assert not any(progress.recorded for progress in scanner.seen)
    scanner.catalogue.close()


async def test_a_cancelled_scan_keeps_what_it_found(root: Path, scanner: Scanner) -> None:
    def stop(progress: ScanProgress) -> None:
        task.cancel()

    task = asyncio.create_task(scan(root, scanner.resources(), on_result=stop))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert 1 <= len(file_states(scanner.catalogue, root)) < 4
    await scanner(root)
    assert len(file_states(scanner.catalogue, root)) == 4
