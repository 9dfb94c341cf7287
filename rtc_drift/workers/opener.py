"""Opens files for a process that may open none itself: a small process beside it, which reads nothing of them.

A rule of Landlock is about the folder that has a path at the time of the rule. A network drive that comes back, or a
folder that is renamed and made anew, is another folder; and a link leads to a place that no rule names. So names decide
here: what has its name below an allowed path is opened, wherever that is at the time.
"""

import errno
import os
import socket
import stat
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

_MAX_BYTES = 8_192
"""Upper limit for a question; a path has at most 4,096 bytes."""
_MOST_AT_ONCE = 128
"""Number of files being opened at a time; most of them on a drive that hangs. More are refused."""
_STACK_BYTES = 256 * 1024


class Opener:
    """The end of the process that asks. It may be used from several threads, which don't wait for each other."""

    def __init__(self, server: socket.socket) -> None:
        self._server = server

    def open(self, path: str) -> int:
        """Open a file for reading. Return the descriptor. Raises OSError."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours:
            with theirs:
                socket.send_fds(self._server, [os.fsencode(path)], [theirs.fileno()])
            answer, fds, _, _ = socket.recv_fds(ours, _MAX_BYTES, 1)
        if fds:
            return fds[0]
        code = int(answer) if answer else errno.EAGAIN
        raise OSError(code, os.strerror(code), path)


_opener: Opener | None = None
"""Opens what `open_file` and `list_folder` are asked for; None if this process does so itself."""


def use(opener: Opener | None) -> None:
    """Have all files of this process opened by an opener, or by itself again."""
    global _opener
    _opener = opener


def open_file(path: str | Path) -> BinaryIO:
    """Open a file for reading, whatever it takes in this process. Its `name` is the path. Raises OSError."""
    opener = _opener
    if opener is None:
        return Path(path).open("rb")
    return open(path, "rb", opener=lambda name, _flags: opener.open(name))


def list_folder(path: Path) -> "os._ScandirIterator[str]":
    """List a folder as `os.scandir` does; the entries of some processes have no path but their name. Raises OSError."""
    if _opener is None:
        return os.scandir(path)
    fd = _opener.open(os.fspath(path))
    try:
        return os.scandir(fd)
    finally:
        os.close(fd)  # the iterator has a copy of it


def start(roots: Sequence[Path]) -> Opener:
    """Start a process that opens the regular files and folders below `roots`, and ends with this one.

    To be called while this process has one thread.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        status = 1
        try:
            fd = _keep_only(theirs)
            _serve(socket.socket(fileno=fd), [os.fspath(root) for root in roots])
            status = 0
        finally:
            os._exit(status)
    theirs.close()
    return Opener(ours)


def _keep_only(sock: socket.socket) -> int:
    """Close all descriptors but a socket and stderr: the pipes of the process that asks must close when it dies."""
    os.dup2(sock.detach(), 0)
    os.dup2(2, 1)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    return 0


def _serve(sock: socket.socket, roots: Sequence[str]) -> None:
    """Answer until the process that asks has ended. Each file has a thread: opening it may hang."""
    threading.stack_size(_STACK_BYTES)
    free = threading.Semaphore(_MOST_AT_ONCE)
    while True:
        try:
            data, fds, _, _ = socket.recv_fds(sock, _MAX_BYTES, 1)
        except ConnectionError:
            return
        if not data:
            return
        asker = socket.socket(fileno=fds[0])
        if not free.acquire(blocking=False):
            asker.close()
            continue
        try:
            threading.Thread(target=_answer, args=(asker, data, roots, free), daemon=True).start()
        except RuntimeError:  # no thread is left
            asker.close()
            free.release()


def _answer(asker: socket.socket, data: bytes, roots: Sequence[str], free: threading.Semaphore) -> None:
    try:
        with asker, suppress(ConnectionError):
            try:
                fd = _open(os.fsdecode(data), roots)
            except (OSError, ValueError) as error:
                asker.send(str(getattr(error, "errno", errno.EINVAL)).encode("ascii"))
            else:
                socket.send_fds(asker, [b"file"], [fd])
                os.close(fd)
    finally:
        free.release()


def _open(path: str, roots: Sequence[str]) -> int:
    if not any(is_below(path, root) for root in roots):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return fd
    os.close(fd)
    raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))


def is_below(path: str, root: str) -> bool:
    """Return True if a path is `root`, or has its name below that and nothing hidden, nor `..`, on the way."""
    if path == root:
        return True
    start = root.rstrip("/") + "/"
    return path.startswith(start) and not any(part.startswith(".") for part in path[len(start) :].split("/"))
