"""Music folders that hang: others are played and scanned, and what is known stays as long as it can be played."""

import pytest

from rtc_drift.library.library import Library
from tests.support.audio_files import sine, write_audio
from tests.support.hangs import hanging
from tests.support.library_home import LibraryHome, until_scanned, until_soon

SOON = 0.05


def names(library: Library) -> set[str]:
    return {track.path.name for track in library.playable().values()}


async def test_a_folder_that_hangs_at_the_start_comes_when_it_answers(
    home: LibraryHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtc_drift.library.folders.START_SECONDS", SOON)
    drive = home.folder / "drive"
    drive.mkdir()
    home.add("disk.flac", 300)
    write_audio(drive / "drive.flac", sine(1.2, hertz=400))
    with hanging(drive, monkeypatch) as dead:
        async with home.open(drive, home.music) as library:
            await until_scanned(library)
        dead.hang()
        async with home.open(drive, home.music, answer_seconds=0.3) as library:
            await until_soon(lambda: names(library) == {"disk.flac"})
            await until_soon(lambda: library.status().notice == f"The music folder {drive} does not answer.")
            await until_soon(lambda: names(library) == {"disk.flac"})
            assert 0 < dead.hung <= 2
            dead.answer()
            await until_soon(lambda: names(library) == {"disk.flac", "drive.flac"})
            await until_soon(lambda: library.status().notice is None)


async def test_music_stays_when_only_something_in_its_folder_hangs(
    home: LibraryHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.add("a.flac", 300)
    mount = home.music / "mount"
    mount.mkdir()
    write_audio(mount / "b.flac", sine(1.2, hertz=400))
    with hanging(mount, monkeypatch) as dead:
        async with home.open(home.music) as library:
            await until_scanned(library)
        dead.hang()
        async with home.open(home.music, answer_seconds=0.3) as library:
            notice = f"Something in the music folder {home.music} does not answer."
            await until_soon(lambda: library.status().notice == notice)
            await until_soon(lambda: names(library) == {"a.flac", "b.flac"})
            track = next(track for track in library.playable().values() if track.path.parent == mount)
            library.mark_unplayable(track, "It can't be read.")
            await until_soon(lambda: library._background.idle)
            assert names(library) == {"a.flac"}, "for some minutes"
            assert library.status().source == "music"
