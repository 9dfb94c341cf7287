"""Walking a folder: which files are found, in which order, and what a walk survives."""

import os
from pathlib import Path

import pytest

from rtc_drift.library.roots import RootError
from rtc_drift.library.walk import BATCH_FILES, Walk
from tests.support.surveys import walked


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    add(folder, "a.flac", "bad.mp3", "deep/b.OGG", "deep/deeper/c.mp3", "notes.txt")
    return folder


def add(folder: Path, *names: str | bytes) -> None:
    """Make empty files."""
    for name in names:
        path = folder / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names(folder: Path) -> list[str]:
    return [str(file.path.relative_to(folder)) for file in walked(folder)]


def test_music_is_found_by_its_suffix(root: Path) -> None:
    assert names(root) == ["a.flac", "bad.mp3", "deep/b.OGG", "deep/deeper/c.mp3"]


def test_hidden_files_dangling_links_and_special_files_are_skipped(root: Path) -> None:
    expected = names(root)
    (root / ".hidden.mp3").touch()
    add(root, ".folder/x.mp3")
    (root / "dangling.mp3").symlink_to(root / "nowhere")
    (root / "circle.mp3").symlink_to(root / "circle.mp3")
    (root / "folder.mp3").mkdir()
    os.mkfifo(root / "pipe.mp3")
    assert names(root) == expected


def test_each_link_is_followed_once(root: Path, tmp_path: Path) -> None:
    add(outside := tmp_path / "outside", "x.mp3")
    (outside / "loop").symlink_to(root)
    (root / "deep" / "up").symlink_to(root)
    (root / "linked").symlink_to(outside)
    (root / "linked2").symlink_to(outside)
    assert "linked/x.mp3" in names(root)
    assert len(names(root)) == 5


def test_files_are_found_in_their_own_folder_rather_than_through_a_link(root: Path, tmp_path: Path) -> None:
    expected = names(root)
    (root / "a link").symlink_to("deep")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "back").symlink_to(root / "deep")
    (root / "another").symlink_to(tmp_path / "outside")
    assert names(root) == expected
    add(root, ".hidden/x.mp3")
    (root / "shown").symlink_to(".hidden")
    assert names(root) == [*expected, "shown/x.mp3"], "its own folder is not walked"


def test_a_root_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    (root / "deep" / "up").symlink_to(tmp_path / "link")
    assert names(tmp_path / "link") == names(root)
    assert all(file.path.is_relative_to(tmp_path / "link") for file in walked(tmp_path / "link"))


def test_the_order_is_that_of_the_catalogue(tmp_path: Path) -> None:
    add(tmp_path, "a/x.mp3", "a b/x.mp3", "a-b/x.mp3", "a.mp3/x.mp3", "a0/x.mp3", "a/.x/y.mp3", "a.flac", "a!.flac")
    add(tmp_path, b"caf\xe9/\xff.mp3", b"caf\xe9.mp3", "café.mp3", "a/\x01.mp3", "A/\n.mp3")
    found = [file.name for file in walked(tmp_path)]
    assert found == sorted(found)
    assert len(found) == len(set(found)) == 12


def test_a_folder_of_thousands_of_files_comes_in_parts(tmp_path: Path) -> None:
    count, signs = BATCH_FILES + 1_000, 0

    def alive() -> None:
        nonlocal signs
        signs += 1

    for number in range(count):
        (tmp_path / f"{number * 7919 % count}.mp3").touch()
    walk = Walk(tmp_path)
    parts = [walk.next_files(tmp_path, alive) for _ in range(3)]
    assert [len(part) for part in parts] == [BATCH_FILES, 1_000, 0]
    found = [file.name for part in parts for file in part]
    assert found == sorted(found)
    assert signs == count


def test_long_paths_are_found_and_longer_ones_than_the_system_allows_are_counted(tmp_path: Path) -> None:
    add(tmp_path, "a.mp3", "z.mp3")
    here = os.open(tmp_path, os.O_RDONLY)
    for depth in range(30):  # 30 times 200 bytes are too long; a folder has to be made from the one above
        name = f"{depth:0200}"
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        os.close(os.open("b.mp3", os.O_CREAT, dir_fd=below))
        here = below
    os.close(here)
    walk, found = Walk(tmp_path), walked(tmp_path)
    while walk.next_files(tmp_path):
        pass
    assert [file.path.name for file in found][-1] == "z.mp3"
    lengths = [len(file.name) for file in found]
    assert any(300 < length < 500 for length in lengths)
    assert 3_700 < max(lengths) < 4_096
    assert walk.too_long in (1, 2), "a file and a folder, or only the folder"
    assert not walk.unreadable
    assert len(walk.first_too_long) >= 4_096 - len("/b.mp3")


def test_a_time_beyond_all_numbers_of_the_catalogue_is_bounded(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtc_drift.library.walk._GREATEST", 10**9)
    os.utime(root / "a.flac", ns=(0, 10**9 + 7))
    assert walked(root)[0].mtime_ns == 10**9


def test_unusable_roots_raise(tmp_path: Path) -> None:
    (file := tmp_path / "file").touch()
    with pytest.raises(RootError, match=r"^The music folder .*/none does not exist\.$"):
        walked(tmp_path / "none")
    with pytest.raises(RootError, match=r"^The music folder .*/file is not a folder\.$"):
        walked(file)
