"""Hanging disks: calls on files below a folder that don't return until they are allowed to, as on a dead mount.

`hanging` is for this process. `hooks` writes code for the process of a server, where a file switches it on.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


class HangingFolder:
    """A folder on which every call of this process hangs while `hang` was called last, not `answer`."""

    def __init__(self) -> None:
        self.hung = 0
        """Number of calls that hang now."""
        self._may_return = threading.Event()
        self._may_return.set()

    def hang(self) -> None:
        """Let calls hang from now on."""
        self._may_return.clear()

    def answer(self) -> None:
        """Let all calls return."""
        self._may_return.set()

    def wait(self) -> None:
        """Hang, if calls hang now."""
        self.hung += 1
        self._may_return.wait()
        self.hung -= 1


@contextmanager
def hanging(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HangingFolder]:
    """Have this process list and look at the files below a folder only while it answers."""
    it, prefix, scandir, stat = HangingFolder(), os.fspath(folder), os.scandir, os.stat

    def hanging_scandir(path: Any = ".") -> Any:
        if os.fsdecode(path).startswith(prefix):
            it.wait()
        return scandir(path)

    def hanging_stat(path: Any, **options: Any) -> os.stat_result:
        if not isinstance(path, int) and os.fsdecode(path).startswith(prefix):
            it.wait()
        return stat(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", hanging_scandir)
        patch.setattr(os, "stat", hanging_stat)
        try:
            yield it
        finally:
            it.answer()


HOOKS = """
import os, sys, time
from contextlib import contextmanager

if "serve" in sys.orig_argv:
    scandir, stat = os.scandir, os.stat

    def wait(name):
        try:
            while True:
                stat(os.path.join({switches!r}, name))
                open(os.path.join({switches!r}, name + " hangs"), "w").close()
                time.sleep(0.02)
        except FileNotFoundError:
            pass

    def hanging_scandir(path="."):
        if os.fsdecode(path).startswith({music!r}):
            wait("music")
        return scandir(path)

    def hanging_stat(path, **options):
        if not isinstance(path, int) and os.fsdecode(path).startswith({music!r}):
            wait("music")
        return stat(path, **options)

    os.scandir, os.stat = hanging_scandir, hanging_stat

    from rtc_drift.library import database

    transaction, connect = database.Database.transaction, database._connect

    @contextmanager
    def hanging_transaction(self):
        with transaction(self) as connection:
            wait("database")
            yield connection

    def hanging_connect(path, **options):
        wait("database")
        return connect(path, **options)

    database.Database.transaction, database._connect = hanging_transaction, hanging_connect
"""


class Switches:
    """Files by which the hooks of a server's process know what hangs: `music` or `database`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def hang(self, name: str) -> None:
        """Let something hang from now on."""
        (self._folder / name).touch()

    def is_hung(self, name: str) -> bool:
        """Return True if a call hangs, or has."""
        return (self._folder / f"{name} hangs").exists()


def hooks(folder: Path, music: Path) -> Switches:
    """Write code to a new folder that lets calls of a server hang; return the switches."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(HOOKS.format(switches=os.fspath(folder), music=os.fspath(music)))
    return Switches(folder)
