"""The process that opens files by their names, for one that may not."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rtc_drift.workers import opener

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only where Landlock may be")

PROGRAM = """
import json, os, sys
from pathlib import Path
from rtc_drift.workers import opener

root = Path(os.fsdecode(sys.argv[1]))
opener.use(opener.start([root]))

def content(path):
    try:
        with opener.open_file(path) as file:
            assert file.name == str(path)
            return file.read().decode()
    except OSError as error:
        return os.strerror(error.errno)

for line in sys.stdin:
    name = json.loads(line)
    try:
        answer = sorted(it.name for it in opener.list_folder(root / name[:-1])) if name.endswith("/") else None
    except OSError as error:
        answer = os.strerror(error.errno)
    print(json.dumps(content(f"{root}/{name}") if answer is None else answer), flush=True)
"""


class Asker:
    """A process that asks an opener for files below a folder."""

    def __init__(self, root: Path) -> None:
        command = [sys.executable, "-c", PROGRAM, os.fspath(root)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, name: str) -> object:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(name) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End it; the pipe closes only when its opener has ended, too."""
        self._process.communicate(timeout=30)


def test_files_are_found_by_name_wherever_they_are(tmp_path: Path) -> None:
    root, other = tmp_path / os.fsdecode(b"m\xfcsic"), tmp_path / "other"
    (root / "album").mkdir(parents=True)
    (other / ".annex").mkdir(parents=True)
    (root / "album" / os.fsdecode(b"caf\xe9")).write_text("song")
    (other / ".annex" / "file").write_text("elsewhere")
    (root / "link").symlink_to(other / ".annex" / "file")
    (root / "folder").symlink_to(other / ".annex")
    (root / ".hidden").write_text("secret")
    (tmp_path / "secret").write_text("secret")
    os.mkfifo(root / "pipe")
    ask = Asker(root)
    assert ask(os.fsdecode(b"album/caf\xe9")) == "song"
    assert ask("link") == ask("folder/file") == "elsewhere"
    assert ask("folder/") == ["file"]
    for name in (".hidden", "../secret", "album/../../secret", "../", "folder/../../secret"):
        assert ask(name) == "Permission denied", name
    assert ask("missing") == "No such file or directory"
    assert ask("pipe") == "Invalid argument"

    shutil.copytree(root, tmp_path / "copy", symlinks=True, ignore=lambda *_: ["pipe"])
    root.rename(tmp_path / "away")
    assert ask("link") == "No such file or directory"
    (tmp_path / "copy").rename(root)
    (root / "link").unlink()
    (root / "link").write_text("another")
    assert ask("link") == "another", "as when a drive comes back"
    ask.close()


@pytest.mark.parametrize(
    ("path", "root", "expected"),
    [
        ("/m/a.mp3", "/m", True),
        ("/m/a.mp3", "/m/", True),
        ("/m/a.mp3", "/m/a.mp3", True),
        ("/home/u/.data/demo/a.mp3", "/home/u/.data/demo", True),
        ("/m/../m/a.mp3", "/m/../m", True),
        ("/home/u/.ssh/id", "/home/u", False),
        ("/music/a.mp3", "/m", False),
        ("/m/../etc/passwd", "/m", False),
        ("a.mp3", "/m", False),
        ("/etc/passwd", "/", True),
    ],
)
def test_names_below_a_folder(path: str, root: str, expected: bool) -> None:
    assert opener.is_below(path, root) is expected


def test_without_an_opener_files_are_opened_as_ever(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("song")
    with opener.open_file(tmp_path / "file") as file:
        assert (file.read(), file.name) == (b"song", str(tmp_path / "file"))
    assert [it.name for it in opener.list_folder(tmp_path)] == ["file"]
