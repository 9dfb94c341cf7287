"""The music folders themselves: if they can be used, and if they answer."""

import errno
import os
from pathlib import Path

from rtc_drift.library.folder_threads import FolderThreads, HungError
from rtc_drift.library.track import legible


class RootError(Exception):
    """A music folder can't be used; the message is one sentence."""


class RootPartHangsError(RootError):
    """A music folder can be used, but something in it does not answer, so that it can't be scanned."""


def check_root(root: Path) -> None:
    """Raise RootError if a music folder can't be read."""
    try:
        with os.scandir(root) as entries:
            next(entries, None)
    except FileNotFoundError:
        raise RootError(f"The music folder {legible(root)} does not exist.") from None
    except NotADirectoryError:
        raise RootError(f"The music folder {legible(root)} is not a folder.") from None
    except OSError as error:
        denied = error.errno in (errno.EACCES, errno.EPERM)
        reason = "permission denied" if denied else (error.strerror or "unknown error").lower()
        raise RootError(f"The music folder {legible(root)} can't be read: {reason}.") from None


def is_not_empty(root: Path) -> bool:
    """Return True if a folder can be read and has an entry. Cheap enough to call often."""
    try:
        with os.scandir(root) as entries:
            return next(entries, None) is not None
    except OSError:
        return False


async def check_answers(files: FolderThreads, root: Path) -> None:
    """Raise RootError if a music folder can't be read, or does not answer."""
    try:
        await files.check(check_root, root)
    except HungError:
        raise RootError(f"The music folder {legible(root)} does not answer.") from None


async def is_present(files: FolderThreads, root: Path, *, patience_seconds: float | None = None) -> bool:
    """Return True if a folder can be read, has an entry, and answers in time."""
    try:
        return await files.check(is_not_empty, root, patience_seconds=patience_seconds)
    except HungError:
        return False
