"""The library watches its folders: files that appear, move, change or vanish while the program runs."""

import asyncio
import shutil

import pytest

from rtc_drift.library.library import Library
from tests.support.audio_files import sine, write_audio
from tests.support.library_home import LibraryHome, until_soon


def names(library: Library) -> set[str]:
    return {track.path.name for track in library.playable().values() if library.status().source == "music"}


async def test_files_that_appear_move_change_and_vanish_are_followed(home: LibraryHome) -> None:
    first = home.add("first.wav", 300)
    async with home.open(home.music, poll_seconds=60) as library:
        await until_soon(lambda: names(library) == {"first.wav"})
        (known,) = library.playable().values()
        await library.loved.set(known.id, True)

        home.add("second.wav", 400)
        await until_soon(lambda: names(library) == {"first.wav", "second.wav"})

        first.rename(home.music / "renamed.wav")
        await until_soon(lambda: names(library) == {"renamed.wav", "second.wav"})
        moved = library.get(known.id)
        assert moved is not None, "the same content is the same track"
        assert moved.id in library.loved
        assert moved.title == "renamed"

        write_audio(home.music / "second.wav", sine(1.2, hertz=500))
        before = {track.id for track in library.playable().values()}
        await until_soon(lambda: len({track.id for track in library.playable().values()} - before) == 1)

        (home.music / "renamed.wav").unlink()
        await until_soon(lambda: names(library) == {"second.wav"})


async def test_a_new_folder_with_subfolders_is_found(home: LibraryHome) -> None:
    home.add("first.wav", 300)
    elsewhere = home.folder / "elsewhere" / "album" / "disc 1"
    elsewhere.mkdir(parents=True)
    write_audio(elsewhere / "deep.wav", sine(1.2, hertz=400))
    async with home.open(home.music, poll_seconds=60) as library:
        await until_soon(lambda: names(library) == {"first.wav"})
        await asyncio.to_thread(shutil.move, home.folder / "elsewhere", home.music / "new")
        await until_soon(lambda: names(library) == {"first.wav", "deep.wav"})


async def test_without_file_events_folders_are_scanned_regularly(
    home: LibraryHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtc_drift.library.watcher.WATCH", "os:refuse")
    home.add("first.wav", 300)
    async with home.open(home.music, poll_seconds=0.05) as library:
        await until_soon(lambda: names(library) == {"first.wav"})
        home.add("second.wav", 400)
        await until_soon(lambda: names(library) == {"first.wav", "second.wav"})
