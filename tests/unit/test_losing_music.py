"""Losing music: files that fail, tracks that rest, folders that go and come back."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from rtc_drift.library import jobs
from rtc_drift.library.catalogue import Catalogue
from rtc_drift.library.track import Unplayable
from rtc_drift.workers.pool import Workers
from tests.unit.test_library import Home, scanned, until


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return Home(tmp_path, monkeypatch)


async def test_what_fails_while_playing_is_remembered(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    home.add("a.flac", 300)
    home.add("b.flac", 400)
    async with home.open(home.music) as library:
        await scanned(library)
        bad = library.playable()[0]
        bad.path.write_text("bad")
        library.mark_unplayable(bad, "The decoder failed at 0:30.")
        library.mark_unplayable(bad, "The decoder failed at 0:30.")
        assert bad not in library.playable()
        assert library.get(bad.id) is None
        await until(lambda: library.status().unplayable == 1)
        await until(lambda: library._background.idle)
    assert caplog.text.count("failed at 0:30") == 1
    catalogue = Catalogue.open(home.folder / "catalogue.db")
    assert [file.path for file in catalogue.unplayable([home.music])] == [bad.path]
    catalogue.close()
    async with home.open(home.music) as library:
        await scanned(library)
        assert bad.id not in {track.id for track in library.playable()}
        assert len(library.playable()) == 1


@pytest.mark.parametrize("lasting", [False, True])
async def test_a_good_file_that_failed_rests_for_a_while(home: Home, lasting: bool) -> None:
    home.add("a.flac", 300)
    home.add("b.flac", 400)
    async with home.open(home.music, cool_down_seconds=0.2) as library:
        await scanned(library)
        track = library.playable()[0]
        library.mark_unplayable(track, "The file could not be read in time.", lasting=lasting)
        assert track not in library.playable()
        assert library.get(track.id) is None
        await until(lambda: library._background.idle)
        assert track.id in library._resting
        assert track not in library.playable()
        await until(lambda: track in library.playable())
        assert library.get(track.id) == track
        assert library.status().unplayable == 0
    async with home.open(home.music) as library:
        assert len(library.playable()) == 2


async def test_a_read_that_fails_again_is_not_remembered(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.add("a.flac", 300)
    home.add("b.flac", 400)

    async def failing(_: Workers, path: Path) -> Unplayable:
        return Unplayable(path=path, reason="The file can't be read (input/output error).", passing=True)

    async with home.open(home.music) as library:
        await scanned(library)
        track = library.playable()[0]
        monkeypatch.setattr(jobs, "probe", failing)
        library.mark_unplayable(track, "The file can't be read.")
        await until(lambda: library._background.idle)
        assert (track.id in library._resting, library.status().unplayable) == (True, 0)


async def test_what_rests_is_better_than_silence(home: Home) -> None:
    home.add("a.flac", 300)
    home.add("b.flac", 400)
    async with home.open(home.music) as library:
        await scanned(library)
        first, second = library.playable()
        library.mark_unplayable(first, "Too late.", lasting=False)
        await until(lambda: library._background.idle)
        library.mark_unplayable(second, "Too late.", lasting=False)
        assert list(library.playable()) == [first], "at once"
        await until(lambda: library._background.idle)
        library.mark_unplayable(first, "Too late.", lasting=False)
        assert list(library.playable()) == [second]
        await until(lambda: library._background.idle)
        assert library.status().source == "music"
        library.mark_unplayable(second, "Too late.", lasting=False)
        first.path.unlink()
        library.mark_unplayable(first, "The file does not exist.", lasting=False)
        await until(lambda: library._background.idle)
        assert list(library.playable()) == [second], "the only one comes back, and the missing one doesn't"
    assert not home.demo.exists()


async def test_a_file_that_became_another_one_is_played_as_that(home: Home) -> None:
    path = home.add("a.flac", 300)
    home.add("b.flac", 400)
    async with home.open(home.music) as library:
        await scanned(library)
        old = next(track for track in library.playable() if track.path == path)
        home.add("a.flac", 555)
        library.mark_unplayable(old, "The file is shorter than it was.")
        await until(lambda: library._background.idle)
        assert [path, old.id] not in [[track.path, track.id] for track in library.playable()]
        assert path in {track.path for track in library.playable()}


async def test_a_track_that_has_moved_is_not_lost_with_its_old_path(home: Home) -> None:
    home.add("a.flac", 300)
    async with home.open(home.music) as library:
        await scanned(library)
        (track,) = library.playable()
        library.mark_unplayable(track.model_copy(update={"path": home.music / "old.flac"}), "It does not exist.")
        assert list(library.playable()) == [track]


async def test_a_missing_file_is_not_marked_for_good(home: Home) -> None:
    path = home.add("a.flac", 300)
    home.add("b.flac", 400)
    async with home.open(home.music) as library:
        await scanned(library)
        path.rename(home.folder / "a.flac")
        library.mark_unplayable(next(t for t in library.playable() if t.path == path), "The file does not exist.")
        await until(lambda: library._background.idle)
        assert (library.status().tracks, library.status().unplayable) == (1, 0)
    (home.folder / "a.flac").rename(path)
    async with home.open(home.music) as library:
        assert len(library.playable()) == 2


async def test_the_demo_takes_over_when_the_folder_vanishes_while_playing(home: Home) -> None:
    home.add("a.flac", 300)
    home.add("b.flac", 400)
    async with home.open(home.music) as library:
        await scanned(library)
        shutil.rmtree(home.music)
        library.mark_unplayable(library.playable()[0], "The file does not exist.")
        await until(lambda: library.status().source == "demo")
        assert library.status().notice == f"The music folder {home.music} does not exist."
        assert library.get(library.playable()[0].id) is not None


@pytest.mark.parametrize("code", [errno.ENOTCONN, errno.EIO, errno.ESTALE, errno.EACCES])
async def test_a_mount_that_errors_is_a_folder_that_can_not_be_read(
    home: Home, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """At the start, and while playing; and its music is back with the mount, without a restart."""
    home.add("a.flac", 300)
    stat, scandir, broken = Path.stat, os.scandir, False

    def fail(path: object) -> None:
        if broken and isinstance(path, Path) and path.is_relative_to(home.music):
            raise OSError(code, os.strerror(code))

    def failing_stat(self: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        fail(self)
        return stat(self, follow_symlinks=follow_symlinks)

    def failing_scandir(path: Any) -> Any:
        fail(path)
        return scandir(path)

    monkeypatch.setattr(Path, "stat", failing_stat)
    monkeypatch.setattr(os, "scandir", failing_scandir)
    async with home.open(home.music) as library:
        await scanned(library)
        (track,) = library.playable()
        broken = True
        library.mark_unplayable(track, "The file can't be read.")
        await until(lambda: library.status().source == "demo")
        notice = library.status().notice
        assert notice is not None
        assert notice.startswith(f"The music folder {home.music} can't be read: ")
        broken = False
        await until(lambda: track in library.playable())
        assert (library.status().source, library.status().notice) == ("music", None)
    broken = True
    async with home.open(home.music) as library:
        await until(lambda: library.status().source == "demo")
        assert library.status().notice == notice
        broken = False
        await until(lambda: library.status().source == "music")


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("mount_point", [True, False])
async def test_a_folder_that_comes_late_is_played(home: Home, known: bool, mount_point: bool) -> None:
    home.add("a.flac", 300)
    if known:
        async with home.open(home.music) as library:
            await scanned(library)
    home.music.rename(away := home.folder / "away")
    if mount_point:
        home.music.mkdir()
    async with home.open(home.music) as library:
        await until(lambda: library.status().source == "demo")
        assert library.status().notice is not None
        away.rename(home.music)
        await until(lambda: library.status().source == "music")
        await until(lambda: library._background.idle)
        assert (library.status().notice, library.status().tracks) == (None, 1)
