"""Watching where the system allows too little: that does not stay silent, and is tried again later."""

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from rtc_drift.library.catalogue import Catalogue
from rtc_drift.library.resources import Resources
from rtc_drift.library.watcher import changes
from rtc_drift.library.watching import INSTANCES, WATCHES
from rtc_drift.workers.pool import JobFailedError, Workers
from tests.support.server_process import REPOSITORY

WATCH_TWICE = """
import os, sys
from itertools import count
from pathlib import Path
from rtc_drift.library import watching

folder, new, setting, value = sys.argv[1:]
if setting:
    Path("/proc/sys/user", setting).write_text(value)
watching.STEP_MS = 20
signs = count()

def alive():
    if next(signs) == 100:
        sys.exit("no change was noticed")

print(watching.watch_job([folder], 0.05, lambda: None), len(watching._watched))
(Path(folder) / new).mkdir(exist_ok=True)
print(watching.watch_job([folder], 60, alive), len(watching._watched))
"""
"""Watch a folder, make a folder below it, and watch again."""
NAMESPACE = ("unshare", "--user", "--map-root-user")
"""Command for limits of the system's that can be changed."""
NOT_MIGHTY = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
"""Command by which root can't read everything."""


def watch_twice(folder: Path, *command: str, new: str = "new", setting: str = "", value: int = 0) -> list[str]:
    """Run `WATCH_TWICE` below a command; return the lines that it prints."""
    stdin, parent = os.pipe()  # it ends when that is closed
    try:
        done = subprocess.run(
            [*command, sys.executable, "-c", WATCH_TWICE, str(folder), new, setting, str(value)],
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
            stdin=stdin,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=60,
        )
    finally:
        os.close(stdin)
        os.close(parent)
    return done.stdout.splitlines()


def watch_twice_with(setting: str, value: int, folder: Path) -> list[str]:
    """Run `WATCH_TWICE` with a limit of the system; return the lines that it prints."""
    skip_without(*NAMESPACE, "sh", "-c", "echo 9 > /proc/sys/user/max_inotify_watches")
    return watch_twice(folder, *NAMESPACE, setting=setting, value=value)


def skip_without(*command: str) -> None:
    """Skip the test if a command that it needs does not work."""
    try:
        subprocess.run(command, capture_output=True, check=True, timeout=60)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"NOT TESTED here: {error}")


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """A folder with nine others."""
    for number in range(9):
        (tmp_path / f"{number}").mkdir()
    return tmp_path


def test_too_few_watches_are_noticed_at_the_start(folders: Path) -> None:
    assert watch_twice_with("max_inotify_watches", 5, folders)[0] == f"{WATCHES} 0"


def test_watches_that_run_out_later_are_noticed(folders: Path) -> None:
    assert watch_twice_with("max_inotify_watches", 11, folders) == ["None 1", f"{WATCHES} 0"]


def test_too_few_instances_are_noticed(folders: Path) -> None:
    assert watch_twice_with("max_inotify_instances", 0, folders) == [f"{INSTANCES} 0"] * 2


@pytest.mark.parametrize(("new", "is_watched_on"), [("new", 1), (os.fsdecode(b"caf\xe9"), 0)])
def test_a_change_is_noticed_whatever_its_name(folders: Path, new: str, is_watched_on: int) -> None:
    assert watch_twice(folders, new=new) == ["None 1", f"None {is_watched_on}"]


def test_all_folders_are_watched_but_those_that_cannot_be_read(folders: Path) -> None:
    command = NOT_MIGHTY if os.geteuid() == 0 else ()
    if command:
        skip_without(*command, "true")
    (folders / "8" / "deep" / "deeper").mkdir(parents=True)
    (unreadable := folders / "4").chmod(0)
    try:
        assert watch_twice(folders, *command, new="8/deep/deeper/new.mp3") == ["None 1", "None 0"], "a new folder"
    finally:
        unreadable.chmod(0o700)


class FakeWatching:
    """A worker process that watches, with results that are given."""

    def __init__(self, *results: str | Exception | None) -> None:
        self.results = list(results)

    async def run(self, job: str, **arguments: Any) -> str | None:
        result = self.results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result


@asynccontextmanager
async def noticed(folder: Path, *results: str | Exception | None) -> AsyncIterator[Any]:
    """Give the changes of a folder whose watching has these results."""
    catalogue = Catalogue.open(folder / "catalogue.sqlite")
    resources = Resources(catalogue, Workers(1), watching=FakeWatching(*results))  # type: ignore[arg-type]
    yield changes(lambda: [folder], resources, poll_seconds=300)
    resources.close_threads()
    await resources.storage.close(catalogue.close)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits of the watcher, which take no time."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return waits


async def test_one_sentence_says_what_to_raise_until_it_is_raised(
    tmp_path: Path, waits: list[float], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("rtc_drift.library.watcher._present_value", lambda setting: 100)
    caplog.set_level(logging.INFO, "rtc_drift.library.watcher")
    async with noticed(tmp_path, WATCHES, WATCHES, INSTANCES, None, WATCHES) as changed:
        for _ in range(5):
            await anext(changed)
    assert waits == [300] * 4, "it is tried again after five minutes"
    too_few_watches = (
        "Changes in the music folders are noticed only every 5 minutes: the system allows too few inotify watches. "
        "Raise them: sysctl fs.inotify.max_user_watches=524288 (persist it in /etc/sysctl.d/)."
    )
    assert [record.getMessage() for record in caplog.records] == [
        too_few_watches,
        too_few_watches.replace("watches.", "instances.").replace("max_user_watches=524288", "max_user_instances=1024"),
        "Changes in the music folders are noticed at once again.",
        too_few_watches,
    ]


async def test_a_system_that_allows_much_is_asked_for_twice_as_much(
    tmp_path: Path, waits: list[float], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("rtc_drift.library.watcher._present_value", lambda setting: 1_000_000)
    async with noticed(tmp_path, WATCHES) as changed:
        await anext(changed)
    assert "max_user_watches=2000000 " in caplog.text


async def test_another_reason_is_named(tmp_path: Path, waits: list[float], caplog: pytest.LogCaptureFixture) -> None:
    async with noticed(tmp_path, JobFailedError("no path"), JobFailedError("no path")) as changed:
        for _ in range(2):
            await anext(changed)
    assert [record.getMessage() for record in caplog.records] == [
        "Changes in the music folders are noticed only every 5 minutes (no path)."
    ]
