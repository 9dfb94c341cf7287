"""The lock of the data folder: one server at a time, whatever became of the last one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rtc_drift.library import server_lock
from rtc_drift.library.server_lock import FolderTakenError
from tests.support.server_process import REPOSITORY


def test_a_second_server_is_told_the_process_of_the_first(tmp_path: Path) -> None:
    lock = server_lock.take(tmp_path)
    for _ in range(2):
        with pytest.raises(FolderTakenError, match=rf"^Another server \(process {os.getpid()}\) uses .*\.$"):
            server_lock.take(tmp_path)
    lock.close()
    lock.close()
    server_lock.take(tmp_path).close()


@pytest.mark.parametrize("content", [b"", b"\xff\x00junk", b"999999999999999999\n", b"4194303\n"])
def test_a_file_left_behind_is_harmless(tmp_path: Path, content: bytes) -> None:
    (tmp_path / server_lock.FILE).write_bytes(content)
    lock = server_lock.take(tmp_path)
    assert lock.signature() == os.getpid()
    (tmp_path / server_lock.FILE).write_bytes(content)
    with pytest.raises(FolderTakenError, match=r"^Another server .*uses .*\.$"):
        server_lock.take(tmp_path)
    lock.close()


def test_a_killed_server_frees_the_folder_even_if_a_child_of_it_lives(tmp_path: Path) -> None:
    script = (
        "import os, subprocess, sys; from pathlib import Path; from rtc_drift.library import server_lock\n"
        "lock = server_lock.take(Path(sys.argv[1]))\n"
        "command = [sys.executable, '-c', 'import sys; sys.stdin.read()']\n"
        "child = subprocess.Popen(command, stdin=0, stdout=2, close_fds=False)\n"
        "print(child.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        child = int(server.stdout.readline())
        assert server.wait() == -9
        os.kill(child, 0)  # it lives
        server_lock.take(tmp_path).close()


def test_a_full_disk_keeps_nobody_from_locking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.pwrite", refuse)
    lock = server_lock.take(tmp_path)
    with pytest.raises(FolderTakenError, match=r"^Another server uses "):
        server_lock.take(tmp_path)
    lock.close()
