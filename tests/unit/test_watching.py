"""The library follows its folders: what comes, moves, changes or goes while the program runs."""

import asyncio
import shutil
from pathlib import Path

import pytest

from rtc_drift.library.library import Library
from tests.audio_files import sine, write_audio
from tests.unit.test_library import Home, until


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return Home(tmp_path, monkeypatch)


def names(library: Library) -> set[str]:
    return {track.path.name for track in library.playable() if library.status().source == "music"}


async def test_files_that_come_move_change_and_go_are_followed(home: Home) -> None:
    first = home.add("first.wav", 300)
    async with home.open(home.music, look_seconds=60) as library:
        await until(lambda: names(library) == {"first.wav"})
        (known,) = library.playable()
        await library.loved.set(known.id, True)

        home.add("second.wav", 400)
        await until(lambda: names(library) == {"first.wav", "second.wav"})

        first.rename(home.music / "renamed.wav")
        await until(lambda: names(library) == {"renamed.wav", "second.wav"})
        moved = library.get(known.id)
        assert moved is not None, "the same content is the same track"
        assert moved.id in library.loved
        assert moved.title == "renamed"

        write_audio(home.music / "second.wav", sine(1.2, hertz=500))
        before = {track.id for track in library.playable()}
        await until(lambda: len({track.id for track in library.playable()} - before) == 1)

        (home.music / "renamed.wav").unlink()
        await until(lambda: names(library) == {"second.wav"})


async def test_a_folder_that_appears_with_folders_in_it_is_found(home: Home) -> None:
    home.add("first.wav", 300)
    elsewhere = home.folder / "elsewhere" / "album" / "disc 1"
    elsewhere.mkdir(parents=True)
    write_audio(elsewhere / "deep.wav", sine(1.2, hertz=400))
    async with home.open(home.music, look_seconds=60) as library:
        await until(lambda: names(library) == {"first.wav"})
        await asyncio.to_thread(shutil.move, home.folder / "elsewhere", home.music / "new")
        await until(lambda: names(library) == {"first.wav", "deep.wav"})


async def test_where_nothing_is_told_it_is_looked_now_and_then(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr("rtc_drift.library.watcher.awatch", refuse)
    home.add("first.wav", 300)
    async with home.open(home.music, look_seconds=0.05) as library:
        await until(lambda: names(library) == {"first.wav"})
        home.add("second.wav", 400)
        await until(lambda: names(library) == {"first.wav", "second.wav"})
