"""The lock of a data folder: one server at a time uses it."""

from pathlib import Path

from rtc_drift.library.file_lock import FileLock

FILE = "server.lock"
"""Name of the lock's file in the data folder; the id of the process that holds it stands in it."""


class FolderTakenError(Exception):
    """Another server uses the data folder; the message is one sentence."""


def take(folder: Path) -> FileLock:
    """Take the lock of a data folder, until it is closed or the process ends. Raises FolderTakenError and OSError."""
    lock = FileLock(folder / FILE)
    try:
        if not lock.try_alone():
            pid = lock.signature()
            who = "Another server" if pid is None else f"Another server (process {pid})"
            raise FolderTakenError(f"{who} uses the data folder {folder}.")
        lock.sign()
    except BaseException:
        lock.close()
        raise
    return lock
