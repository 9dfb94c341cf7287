"""The library: music as it is found, and the demo library when there is none."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from rtc_drift.demo import DEMO
from rtc_drift.library.catalogue import Catalogue
from rtc_drift.library.library import Library
from rtc_drift.workers.pool import Workers
from tests.audio_files import sine, write_audio

QUICK_DEMO = """
import sys, wave
from pathlib import Path
from rtc_drift.demo import DEMO, files
from rtc_drift.workers import process

def write(spec, folder):
    if (folder / "full").exists():
        raise OSError(28, "No space left on device")
    path = folder / spec.filename
    path.with_suffix(".json").touch()
    if path.exists():
        return path
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, 48000, 0, "NONE", ""))
        file.writeframes(bytes([spec.number, 1, 0, 1]) * 60000)
    return path

files.write = write
process.main()
"""
COMMAND = (sys.executable, "-c", QUICK_DEMO)


FEW = 4
"""Demo tracks, instead of all that there are: each is written and examined by a worker."""


class Home:
    """A data folder and a music folder; `open()` is one run of the program, whose demo library has few tracks."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rtc_drift.demo.files.DEMO", DEMO[:FEW])
        self.folder, self.music, self.demo = folder, folder / "music", folder / "demo"
        self.music.mkdir()

    @asynccontextmanager
    async def open(
        self,
        *roots: Path,
        start: bool = True,
        cool_down_seconds: float = 60,
        look_seconds: float | None = None,
        analyse: bool = False,
    ) -> AsyncIterator[Library]:
        catalogue = Catalogue.open(self.folder / "catalogue.db")
        async with Workers(2, command=COMMAND) as workers:
            library = Library(
                catalogue,
                workers,
                music=roots,
                demo_folder=self.demo,
                lost_check_seconds=0.005,
                cool_down_seconds=cool_down_seconds,
                look_seconds=look_seconds,
                analyse=analyse,
            )
            if start:
                await library.start()
            try:
                yield library
            finally:
                await library.close()
                await library.close()
        catalogue.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    def add(self, name: str, hertz: float) -> Path:
        return write_audio(self.music / name, sine(1.2, hertz=hertz))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return Home(tmp_path, monkeypatch)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def scanned(library: Library) -> None:
    await until(lambda: not library.status().scanning)


async def test_music_is_found_and_played(home: Home) -> None:
    home.add("a.flac", 300)
    home.add("b.mp3", 400)
    (home.music / "bad.ogg").write_text("bad")
    async with home.open(home.music) as library:
        await library.wait_until_playable()
        assert library.status().source == "music"
        await scanned(library)
        assert {track.title for track in library.playable()} == {"a", "b"}
        assert library.playable() is library.playable()
        for track in library.playable():
            assert library.get(track.id) is track
        status = library.status()
        assert (status.tracks, status.unplayable, status.done, status.total) == (2, 1, 3, 3)
        assert (status.notice, status.failures) == (None, 0)
    assert not home.demo.exists()


async def test_the_second_start_plays_before_it_has_scanned(home: Home) -> None:
    home.add("a.flac", 300)
    async with home.open(home.music) as library:
        await scanned(library)
    home.add("b.flac", 400)
    async with home.open(home.music) as library:
        assert [track.title for track in library.playable()] == ["a"]
        await scanned(library)
        assert library.status().total == 1
        assert len(library.playable()) == 2


async def test_what_changed_or_went_while_it_was_off(home: Home) -> None:
    for name, hertz in (("a.flac", 300.0), ("b.flac", 400.0), ("c.flac", 500.0)):
        home.add(name, hertz)
    async with home.open(home.music) as library:
        await scanned(library)
        before = {track.title: track.id for track in library.playable()}
    home.add("a.flac", 310)
    (home.music / "b.flac").unlink()
    (home.music / "c.flac").rename(home.music / "moved.flac")
    async with home.open(home.music) as library:
        await until(lambda: library.status().done > 0)
        assert before["a"] not in {track.id for track in library.playable()}
        await scanned(library)
        after = {track.title: track.id for track in library.playable()}
    assert after.keys() == {"a", "moved"}
    assert after["moved"] == before["c"]
    assert after["a"] != before["a"]


async def test_without_a_folder_the_demo_is_made_and_found_again(home: Home) -> None:
    async with home.open() as library:
        await library.wait_until_playable()
        await until(lambda: len(library.playable()) >= 3)
        status = library.status()
        assert (status.source, status.notice) == ("demo", None)
        made = {track.id for track in library.playable()}
    async with home.open() as library:
        await library.wait_until_playable()
        assert made & {track.id for track in library.playable()}


@pytest.mark.parametrize("kind", ["missing", "file", "empty", "broken"])
async def test_a_folder_without_music_is_told_and_the_demo_plays(
    home: Home, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    root = home.music / "x"
    if kind == "file":
        root.touch()
    elif kind != "missing":
        root.mkdir()
    if kind == "broken":
        (root / "bad.mp3").write_text("bad")
    async with home.open(root) as library:
        await library.wait_until_playable()
        status = library.status()
    expected = {
        "missing": f"The music folder {root} does not exist.",
        "file": f"The music folder {root} is not a folder.",
        "empty": f"The music folder {root} has no music in it.",
        "broken": f"None of the music in {root} can be played.",
    }
    assert (status.source, status.notice) == ("demo", expected[kind])
    assert [record.message for record in caplog.records].count(expected[kind]) == 1


async def test_one_good_folder_is_enough(home: Home) -> None:
    home.add("a.flac", 300)
    async with home.open(home.folder / "none", home.music) as library:
        await scanned(library)
        status = library.status()
        assert (status.source, status.tracks) == ("music", 1)
        assert status.notice == f"The music folder {home.folder / 'none'} does not exist."


async def test_a_folder_that_vanished_while_off_comes_back(home: Home) -> None:
    home.add("a.flac", 300)
    async with home.open(home.music) as library:
        await scanned(library)
    home.music.rename(away := home.folder / "away")
    async with home.open(home.music) as library:
        assert library.playable() == ()
        await library.wait_until_playable()
        assert library.status().source == "demo"
    away.rename(home.music)
    async with home.open(home.music) as library:
        assert library.status().source == "music"
        await scanned(library)
        assert (library.status().source, library.status().total) == ("music", 0)


async def test_a_demo_file_that_breaks_is_made_anew(home: Home) -> None:
    async with home.open() as library:
        await until(lambda: len(library.playable()) == FEW)
        await until(lambda: library._background.idle)
        broken = library.playable()[0]
        broken.path.write_text("bad")
        library.mark_unplayable(broken, "It broke.")
        await until(lambda: library.get(broken.id) is not None)
        await until(lambda: library._background.idle)
        assert broken.path.with_suffix(".json").exists()
        assert library.status().unplayable == 0
    broken.path.write_text("bad")
    async with home.open() as library:
        await until(lambda: library.get(broken.id) is not None)


async def test_a_demo_that_can_not_be_written_is_told_once(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    home.demo.mkdir()
    (home.demo / "full").touch()
    async with home.open() as library:
        await until(lambda: library.status().failures >= 3)
        assert library.status().source == "none"
    assert caplog.text.count("no space left on device") == 1


async def test_closing_before_anything_has_begun(home: Home) -> None:
    async with home.open(start=False):
        pass
    home.add("a.flac", 300)
    async with home.open(home.music):
        pass
