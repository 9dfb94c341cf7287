"""Lost music: files that fail, tracks that cool down, folders that vanish and return."""

import errno
import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rtc_drift.library import jobs
from rtc_drift.library.catalogue import Catalogue
from rtc_drift.library.scan import presence_of
from rtc_drift.library.track import Track, Unplayable
from rtc_drift.media import samples
from rtc_drift.workers.pool import Workers
from tests.support.library_home import LibraryHome, until_scanned, until_soon


async def test_a_file_that_fails_while_playing_is_remembered(
    home: LibraryHome, caplog: pytest.LogCaptureFixture
) -> None:
    home.add("a.flac", 300)
    home.add("b.flac", 400)
    async with home.open(home.music) as library:
        await until_scanned(library)
        bad = next(iter(library.playable().values()))
        bad.path.write_text("bad")
        library.mark_unplayable(bad, "The decoder failed at 0:30.")
        library.mark_unplayable(bad, "The decoder failed at 0:30.")
        assert bad.id not in library.playable()
        assert library.get(bad.id) is None
        await until_soon(lambda: library.status().unplayable == 1)
        await until_soon(lambda: library._background.idle)
    assert caplog.text.count("failed at 0:30") == 1
    catalogue = Catalogue.open(home.folder / "catalogue.db")
    assert [file.path for file in catalogue.unplayable([home.music])] == [bad.path]
    catalogue.close()
    async with home.open(home.music) as library:
        await until_scanned(library)
        assert bad.id not in {track.id for track in library.playable().values()}
        assert len(library.playable()) == 1


@pytest.mark.parametrize("lasting", [False, True])
async def test_a_good_file_that_failed_cools_down_for_a_while(home: LibraryHome, lasting: bool) -> None:
    home.add("a.flac", 300)
    home.add("b.flac", 400)
    async with home.open(home.music, cooldown_seconds=0.2) as library:
        await until_scanned(library)
        track = next(iter(library.playable().values()))
        library.mark_unplayable(track, "The file could not be read in time.", lasting=lasting)
        assert track.id not in library.playable()
        assert library.get(track.id) is None
        await until_soon(lambda: library._background.idle)
        assert track.id in library._cooldown
        assert track.id not in library.playable()
        await until_soon(lambda: track.id in library.playable())
        assert library.get(track.id) == track
        assert library.status().unplayable == 0
    async with home.open(home.music) as library:
        assert len(library.playable()) == 2


async def test_a_passing_failure_is_not_remembered(home: LibraryHome, monkeypatch: pytest.MonkeyPatch) -> None:
    home.add("a.flac", 300)
    home.add("b.flac", 400)

    async def failing(_: Workers, path: Path, seek_positions: Sequence[int]) -> Unplayable:
        return Unplayable(path=path, reason="The file can't be read (input/output error).", temporary=True)

    async with home.open(home.music) as library:
        await until_scanned(library)
        track = next(iter(library.playable().values()))
        monkeypatch.setattr(jobs, "probe", failing)
        library.mark_unplayable(track, "The file can't be read.")
        await until_soon(lambda: library._background.idle)
        assert (track.id in library._cooldown, library.status().unplayable) == (True, 0)


async def test_a_file_that_fails_only_after_a_seek_is_remembered(
    home: LibraryHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.add("a.flac", 300)
    home.add("b.flac", 400)
    positions: list[int] = []

    async def crashing(workers: Workers, path: Path, seek_positions: Sequence[int] = ()) -> Track | Unplayable:
        positions.extend(seek_positions)
        return Unplayable(path=path, reason="The decoder crashed on this file.")

    async with home.open(home.music) as library:
        await until_scanned(library)
        track = next(iter(library.playable().values()))
        monkeypatch.setattr(jobs, "probe", crashing)
        library.mark_unplayable(track, "The decoder crashed.", position=samples(7.0))
        await until_soon(lambda: library.status().unplayable == 1)
        await until_soon(lambda: library._background.idle)
        assert track.id not in library._cooldown
    assert positions == [samples(7.0), samples(4.5), track.duration_samples // 2]


async def test_a_cooling_track_is_better_than_silence(home: LibraryHome) -> None:
    home.add("a.flac", 300)
    home.add("b.flac", 400)
    async with home.open(home.music) as library:
        await until_scanned(library)
        first, second = library.playable().values()
        library.mark_unplayable(first, "Too late.", lasting=False)
        await until_soon(lambda: library._background.idle)
        library.mark_unplayable(second, "Too late.", lasting=False)
        assert list(library.playable().values()) == [first], "at once"
        await until_soon(lambda: library._background.idle)
        library.mark_unplayable(first, "Too late.", lasting=False)
        assert list(library.playable().values()) == [second]
        await until_soon(lambda: library._background.idle)
        assert library.status().source == "music"
        library.mark_unplayable(second, "Too late.", lasting=False)
        first.path.unlink()
        library.mark_unplayable(first, "The file does not exist.", lasting=False)
        await until_soon(lambda: library._background.idle)
        assert list(library.playable().values()) == [second], "the only one returns, and the missing one doesn't"
    assert not home.demo.exists()


async def test_a_replaced_file_is_played_as_its_new_content(home: LibraryHome) -> None:
    path = home.add("a.flac", 300)
    home.add("b.flac", 400)
    async with home.open(home.music) as library:
        await until_scanned(library)
        old = next(track for track in library.playable().values() if track.path == path)
        home.add("a.flac", 555)
        library.mark_unplayable(old, "The file is shorter than it was.")
        await until_soon(lambda: library._background.idle)
        assert [path, old.id] not in [[track.path, track.id] for track in library.playable().values()]
        assert path in {track.path for track in library.playable().values()}


async def test_a_moved_track_is_not_lost_with_its_old_path(home: LibraryHome) -> None:
    home.add("a.flac", 300)
    async with home.open(home.music) as library:
        await until_scanned(library)
        (track,) = library.playable().values()
        library.mark_unplayable(track.model_copy(update={"path": home.music / "old.flac"}), "It does not exist.")
        assert list(library.playable().values()) == [track]


async def test_a_missing_file_is_not_marked_for_good(home: LibraryHome) -> None:
    path = home.add("a.flac", 300)
    home.add("b.flac", 400)
    async with home.open(home.music) as library:
        await until_scanned(library)
        path.rename(home.folder / "a.flac")
        track = next(it for it in library.playable().values() if it.path == path)
        library.mark_unplayable(track, "The file does not exist.")
        await until_soon(lambda: library._background.idle)
        assert (library.status().tracks, library.status().unplayable) == (1, 0)
    (home.folder / "a.flac").rename(path)
    async with home.open(home.music) as library:
        assert len(library.playable()) == 2


async def test_the_demo_plays_when_the_folder_vanishes(home: LibraryHome) -> None:
    home.add("a.flac", 300)
    home.add("b.flac", 400)
    async with home.open(home.music) as library:
        await until_scanned(library)
        shutil.rmtree(home.music)
        library.mark_unplayable(next(iter(library.playable().values())), "The file does not exist.")
        await until_soon(lambda: library.status().source == "demo")
        assert library.status().notice == f"The music folder {home.music} does not exist."
        assert library.get(next(iter(library.playable().values())).id) is not None


@pytest.mark.parametrize("code", [errno.ENOTCONN, errno.EIO, errno.ESTALE, errno.EACCES])
async def test_a_failing_mount_is_a_folder_that_cannot_be_read(
    home: LibraryHome, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """At the start and while playing. The music returns with the mount, without a restart."""
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
        await until_scanned(library)
        (track,) = library.playable().values()
        broken = True
        library.mark_unplayable(track, "The file can't be read.")
        await until_soon(lambda: library.status().source == "demo")
        notice = library.status().notice
        assert notice is not None
        assert notice.startswith(f"The music folder {home.music} can't be read: ")
        broken = False
        await until_soon(lambda: track.id in library.playable())
        assert (library.status().source, library.status().notice) == ("music", None)
    broken = True
    async with home.open(home.music) as library:
        await until_soon(lambda: library.status().source == "demo")
        assert library.status().notice == notice
        broken = False
        await until_soon(lambda: library.status().source == "music")


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("mount_point", [True, False])
async def test_a_folder_that_appears_later_is_played(home: LibraryHome, known: bool, mount_point: bool) -> None:
    home.add("a.flac", 300)
    if known:
        async with home.open(home.music) as library:
            await until_scanned(library)
    home.music.rename(away := home.folder / "away")
    if mount_point:
        home.music.mkdir()
    async with home.open(home.music) as library:
        await until_soon(lambda: library.status().source == "demo")
        assert library.status().notice is not None
        away.rename(home.music)
        await until_soon(lambda: library.status().source == "music")
        await until_soon(lambda: library._background.idle)
        assert (library.status().notice, library.status().tracks) == (None, 1)


async def test_the_demo_is_not_made_while_a_track_is_being_checked(
    home: LibraryHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check of one failed track may end before that of another, which then returns."""
    home.add("a.flac", 300)
    home.add("b.flac", 400)
    async with home.open(home.music) as library:
        await until_scanned(library)
        missing, slow = library.playable().values()
        may_end = threading.Event()

        def presence(path: Path) -> str:
            if path == slow.path:
                may_end.wait(10)
            return presence_of(path)

        monkeypatch.setattr("rtc_drift.library.library.presence_of", presence)
        missing.path.unlink()
        for track in (slow, missing):
            library.mark_unplayable(track, "The file can't be read.", lasting=False)
        await until_soon(lambda: missing.id not in library._being_checked)
        may_end.set()
        await until_soon(lambda: library._background.idle)
        assert list(library.playable().values()) == [slow]
    assert not home.demo.exists()
