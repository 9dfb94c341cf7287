"""The library: the music found, and the demo library if there is none."""

import pytest

from tests.support.library_home import DEMO_TRACKS, LibraryHome, until_scanned, until_soon


async def test_music_is_found_and_playable(home: LibraryHome) -> None:
    home.add("a.flac", 300)
    home.add("b.mp3", 400)
    (home.music / "bad.ogg").write_text("bad")
    async with home.open(home.music) as library:
        await library.wait_until_playable()
        assert library.status().source == "music"
        await until_scanned(library)
        assert {track.title for track in library.playable().values()} == {"a", "b"}
        assert library.playable() is library.playable()
        for track in library.playable().values():
            assert library.get(track.id) is track
        status = library.status()
        assert (status.tracks, status.unplayable, status.done, status.total) == (2, 1, 3, 3)
        assert (status.notice, status.failures) == (None, 0)
    assert not home.demo.exists()


async def test_the_second_start_is_playable_before_its_scan(home: LibraryHome) -> None:
    home.add("a.flac", 300)
    async with home.open(home.music) as library:
        await until_scanned(library)
    home.add("b.flac", 400)
    async with home.open(home.music) as library:
        assert [track.title for track in library.playable().values()] == ["a"]
        await until_scanned(library)
        assert library.status().total == 1
        assert len(library.playable()) == 2


async def test_changes_between_runs_are_found(home: LibraryHome) -> None:
    for name, hertz in (("a.flac", 300.0), ("b.flac", 400.0), ("c.flac", 500.0)):
        home.add(name, hertz)
    async with home.open(home.music) as library:
        await until_scanned(library)
        before = {track.title: track.id for track in library.playable().values()}
    home.add("a.flac", 310)
    (home.music / "b.flac").unlink()
    (home.music / "c.flac").rename(home.music / "moved.flac")
    async with home.open(home.music) as library:
        await until_soon(lambda: library.status().done > 0)
        assert before["a"] not in {track.id for track in library.playable().values()}
        await until_scanned(library)
        after = {track.title: track.id for track in library.playable().values()}
    assert after.keys() == {"a", "moved"}
    assert after["moved"] == before["c"]
    assert after["a"] != before["a"]


async def test_without_a_folder_the_demo_is_made_once(home: LibraryHome) -> None:
    async with home.open() as library:
        await library.wait_until_playable()
        await until_soon(lambda: len(library.playable()) >= 3)
        status = library.status()
        assert (status.source, status.notice) == ("demo", None)
        made = {track.id for track in library.playable().values()}
    async with home.open() as library:
        await library.wait_until_playable()
        assert made & {track.id for track in library.playable().values()}


@pytest.mark.parametrize("kind", ["missing", "file", "empty", "broken"])
async def test_a_folder_without_music_is_reported_and_the_demo_plays(
    home: LibraryHome, kind: str, caplog: pytest.LogCaptureFixture
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


async def test_one_good_folder_is_enough(home: LibraryHome) -> None:
    home.add("a.flac", 300)
    async with home.open(home.folder / "none", home.music) as library:
        await until_scanned(library)
        status = library.status()
        assert (status.source, status.tracks) == ("music", 1)
        assert status.notice == f"The music folder {home.folder / 'none'} does not exist."


async def test_a_folder_missing_at_one_start_is_found_at_the_next(home: LibraryHome) -> None:
    home.add("a.flac", 300)
    async with home.open(home.music) as library:
        await until_scanned(library)
    home.music.rename(away := home.folder / "away")
    async with home.open(home.music) as library:
        assert not library.playable()
        await library.wait_until_playable()
        assert library.status().source == "demo"
    away.rename(home.music)
    async with home.open(home.music) as library:
        assert library.status().source == "music"
        await until_scanned(library)
        assert (library.status().source, library.status().total) == ("music", 0)


async def test_a_broken_demo_file_is_made_again(home: LibraryHome) -> None:
    async with home.open() as library:
        await until_soon(lambda: len(library.playable()) == DEMO_TRACKS)
        await until_soon(lambda: library._background.idle)
        broken = next(iter(library.playable().values()))
        broken.path.write_text("bad")
        library.mark_unplayable(broken, "It broke.")
        await until_soon(lambda: library.get(broken.id) is not None)
        await until_soon(lambda: library._background.idle)
        assert broken.path.with_suffix(".json").exists()
        assert library.status().unplayable == 0
    broken.path.write_text("bad")
    async with home.open() as library:
        await until_soon(lambda: library.get(broken.id) is not None)


async def test_an_unwritable_demo_is_logged_once(home: LibraryHome, caplog: pytest.LogCaptureFixture) -> None:
    home.demo.mkdir()
    (home.demo / "full").touch()
    async with home.open() as library:
        await until_soon(lambda: library.status().failures >= 3)
        assert library.status().source == "none"
    assert caplog.text.count("no space left on device") == 1


async def test_a_library_can_be_closed_before_it_is_started(home: LibraryHome) -> None:
    async with home.open(start=False):
        pass
    home.add("a.flac", 300)
    async with home.open(home.music):
        pass
