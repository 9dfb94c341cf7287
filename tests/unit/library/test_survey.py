"""Surveys: what is new, changed or gone, compared with a naive comparison, and what a survey survives."""

import asyncio
import errno
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.library.catalogue import Catalogue
from rtc_drift.library.resources import Resources
from rtc_drift.library.roots import RootError
from rtc_drift.library.survey import MAX_NAMED, FoundFiles, Survey, survey
from rtc_drift.library.track import Unplayable
from rtc_drift.library.walk import FoundFile, Walk
from rtc_drift.workers.pool import Workers
from tests.support.music import make_track
from tests.support.surveys import file_states

State = tuple[int, int]
"""Size and modification time in nanoseconds."""


class Surveyor:
    """Surveys folders with a catalogue, in which it records what they find."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.resources = Resources(catalogue, Workers(1))

    async def __call__(self, root: Path) -> Survey:
        """Survey a folder, and record all that is new or changed."""
        surveyed = await survey(root, self.resources)
        for number, file in enumerate(surveyed.changed):
            unplayable = Unplayable(path=file.path, reason="Why.")
            result = make_track(number, path=file.path) if number % 2 else unplayable
            self.catalogue.record(file.path, file.size, file.mtime_ns, result)
        return surveyed

    def known(self, root: Path) -> set[str]:
        """Return the names of the files that the catalogue knows below a folder."""
        return {os.fspath(path.relative_to(root)) for path in file_states(self.catalogue, root)}


@asynccontextmanager
async def opened_surveyor(folder: Path) -> AsyncIterator[Surveyor]:
    surveyor = Surveyor(Catalogue.open(folder / "catalogue.sqlite"))
    yield surveyor
    surveyor.resources.close_threads()
    await surveyor.resources.storage.close(surveyor.catalogue.close)


@pytest.fixture
async def surveyor(tmp_path: Path) -> AsyncIterator[Surveyor]:
    async with opened_surveyor(tmp_path) as surveyor:
        yield surveyor


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with five files in two sub-folders."""
    root = tmp_path / "music"
    for name in ("a.mp3", "b/1.mp3", "b/2.mp3", "c/3.mp3", "z.mp3"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


@contextmanager
def when_listed(name: bytes, then: Callable[[], Any]) -> Iterator[None]:
    """Call a function once a walk comes to an entry of this name, before it looks at it."""
    entry_of, has_come = Walk._entry, False

    def entry(walk: Walk, it: os.DirEntry[bytes]) -> tuple[bytes, ...]:
        nonlocal has_come
        if it.name == name and not has_come:
            has_come = True
            then()
        return entry_of(walk, it)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Walk, "_entry", entry)
        yield


@contextmanager
def unreadable(*folders: bytes) -> Iterator[None]:
    """Have the system refuse to list folders."""
    scandir = os.scandir

    def failing(path: Any) -> Any:
        if os.fsencode(path).rstrip(b"/") in folders:
            raise OSError(errno.EIO, "Input/output error")
        return scandir(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "scandir", failing)
        yield


PARTS = (b"a", b"a b", b"a-b", b"a.mp3", b"a0", b"b\xe9", b"\xff", "ü".encode())
"""Names of folders, some of which are not UTF-8, and whose order is another with and without a slash."""
PATHS = st.tuples(
    st.lists(st.sampled_from(PARTS), max_size=3), st.sampled_from((b"1.mp3", b"a!.mp3", b"a.flac", b"\xfe.ogg", b"x"))
).map(lambda parts: b"/".join((*parts[0], parts[1])))
TREES = st.dictionaries(PATHS, st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=12)
"""Trees of files, with sizes and times."""
BROKEN = st.sets(st.lists(st.sampled_from(PARTS), min_size=1, max_size=2).map(b"/".join), max_size=2)
"""Folders that can't be read."""


def write_tree(root: Path, tree: dict[bytes, State]) -> None:
    """Make a folder hold these files and no others."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    for name, (size, time) in tree.items():
        path = root / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
        os.utime(path, ns=(0, time))


def music(tree: dict[bytes, State], broken: set[bytes]) -> dict[bytes, State]:
    """Return the music files of a tree that can be found."""
    return {name: state for name, state in tree.items() if b"." in name.split(b"/")[-1] and not is_below(name, broken)}


def is_below(name: bytes, folders: set[bytes]) -> bool:
    return any(name.startswith(folder + b"/") for folder in folders)


@given(trees=st.lists(st.tuples(TREES, BROKEN), min_size=1, max_size=4), sizes=st.tuples(*[st.integers(1, 4)] * 2))
@settings(max_examples=40, deadline=None)
def test_a_survey_finds_what_a_naive_comparison_finds(
    trees: list[tuple[dict[bytes, State], set[bytes]]], sizes: tuple[int, int]
) -> None:
    async def compare(folder: Path) -> None:
        root, known = folder / "music", dict[bytes, State]()
        async with opened_surveyor(folder) as surveyor:
            for tree, refused in trees:
                write_tree(root, tree)
                broken = {name for name in refused if (root / os.fsdecode(name)).is_dir()}
                found = music(tree, broken)
                gone = {name for name in known.keys() - found.keys() if not is_below(name, broken)}
                with unreadable(*(os.fsencode(root) + b"/" + name for name in broken)):
                    if known and not found:
                        with pytest.raises(RootError, match="is empty"):
                            await surveyor(root)
                        continue
                    surveyed = await surveyor(root)
                below = len(os.fsencode(root)) + 1
                changed = [(it.name[below:], (it.size, it.mtime_ns)) for it in surveyed.changed]
                assert changed == sorted((name, state) for name, state in found.items() if known.get(name) != state)
                assert (surveyed.found, surveyed.removed) == (len(found), len(gone))
                known = {name: state for name, state in known.items() if name not in gone} | found
                states = file_states(surveyor.catalogue, root)
                assert {os.fsencode(path)[below:]: state for path, state in states.items()} == known

    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr("rtc_drift.library.walk.BATCH_FILES", sizes[0])
        patch.setattr("rtc_drift.library.survey.PAGE_FILES", sizes[1])
        asyncio.run(compare(Path(folder)))


async def test_files_that_come_go_and_change_while_they_are_walked(root: Path, surveyor: Surveyor) -> None:
    await surveyor(root)
    with when_listed(b"2.mp3", lambda: (root / "b" / "2.mp3").unlink()):
        assert (await surveyor(root)).removed == 1
    with when_listed(b"a.mp3", lambda: (root / "b" / "new.mp3").touch()):
        assert [file.path.name for file in (await surveyor(root)).changed] == ["new.mp3"]
    surveyed = await survey(root, surveyor.resources)
    assert (len(surveyed.changed), surveyed.removed, surveyed.problems) == (0, 0, ())


async def test_files_of_a_folder_that_vanishes_while_it_is_walked_are_kept_until_the_next_survey(
    root: Path, surveyor: Surveyor
) -> None:
    await surveyor(root)
    with when_listed(b"1.mp3", lambda: (root / "b").rename(root.parent / "elsewhere")):
        surveyed = await surveyor(root)
    assert (surveyed.removed, surveyed.problems) == (0, (f"{root / 'b'} can't be read.",))
    assert (await surveyor(root)).removed == 2


async def test_nothing_is_removed_if_the_folder_is_unmounted_while_it_is_walked(root: Path, surveyor: Surveyor) -> None:
    await surveyor(root)

    def unmount(left: list[str]) -> None:
        root.rename(root.parent / "elsewhere")
        for name in left:
            (root / name).mkdir(parents=True)

    for name, left in ((b"a.mp3", ["."]), (b"3.mp3", ["."]), (b"1.mp3", ["b", "c"])):
        with when_listed(name, partial(unmount, left)):
            assert (await surveyor(root)).removed == 0
        shutil.rmtree(root)
        (root.parent / "elsewhere").rename(root)
    assert len(surveyor.known(root)) == 5


async def test_files_in_an_unreadable_folder_are_kept_however_deep(root: Path, surveyor: Surveyor) -> None:
    (deep := root / "b" / "c" / "d").mkdir(parents=True)
    (deep / "4.mp3").touch()
    await surveyor(root)
    shutil.rmtree(root / "b" / "c")
    (root / "z.mp3").unlink()
    with unreadable(os.fsencode(root / "b")):
        assert (await surveyor(root)).removed == 1
    assert surveyor.known(root) == {"a.mp3", "b/1.mp3", "b/2.mp3", "b/c/d/4.mp3", "c/3.mp3"}
    assert (await surveyor(root)).removed == 1


async def test_many_problems_are_a_few_sentences(root: Path, surveyor: Surveyor) -> None:
    folders = [root / f"folder {number:02}" for number in range(MAX_NAMED + 7)]
    for folder in folders:
        folder.mkdir()
    with unreadable(*map(os.fsencode, folders)):
        problems = (await surveyor(root)).problems
    assert len(problems) == MAX_NAMED + 1
    assert problems[0] == f"{folders[0]} can't be read."
    assert problems[-1] == f"Further files and folders in {root} can't be read: 7."


async def test_paths_that_are_too_long_are_one_sentence(root: Path, surveyor: Surveyor) -> None:
    def too_long(walk: Walk, entry: os.DirEntry[bytes]) -> tuple[bytes, ...]:
        raise OSError(errno.ENAMETOOLONG, "File name too long")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Walk, "_entry", too_long)
        (problem,) = (await surveyor(root)).problems
    assert problem.startswith(
        f"Files and folders whose paths are too long for the system are left out: 4 in {root}, the first begins with /"
    )


async def test_thousands_of_files_that_are_gone_are_removed(tmp_path: Path, surveyor: Surveyor) -> None:
    (root := tmp_path / "music" / "m").mkdir(parents=True)
    root = root.parent
    count = 4_500
    with surveyor.catalogue.database.transaction() as connection:
        rows = [(os.fsencode(root) + b"/m/%d.mp3" % number, 1, 1, "Why.") for number in range(count)]
        connection.executemany("INSERT INTO files (path, size, mtime_ns, reason) VALUES (?, ?, ?, ?)", rows)
    with pytest.raises(RootError, match="is empty"):
        await surveyor(root)
    (root / "z.mp3").touch()
    assert (await surveyor(root)).removed == count
    assert surveyor.known(root) == {"z.mp3"}


async def test_folders_within_one_another_know_the_same_files(root: Path, surveyor: Surveyor) -> None:
    (root / "a link").symlink_to("b")
    inner = root / "b"
    await surveyor(root)
    for _ in range(2):
        for folder, count in ((root, 5), (inner, 2)):
            surveyed = await surveyor(folder)
            assert (surveyed.found, len(surveyed.changed), surveyed.removed) == (count, 0, 0)
    (inner / "1.mp3").unlink()
    both = await asyncio.gather(surveyor(root), surveyor(inner))
    assert max(surveyed.removed for surveyed in both) == 1
    assert surveyor.known(inner) == {"2.mp3"}


def test_found_files_are_what_was_added() -> None:
    files = [FoundFile(b"/m/\xff%d.mp3" % number, number, -number) for number in range(5)]
    found = FoundFiles()
    for part in (files[:2], [], files[2:]):
        found.add(part)
    assert (len(found), list(found), list(found)) == (5, files, files)
    assert not FoundFiles()
