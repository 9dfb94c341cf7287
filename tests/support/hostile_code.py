"""Code as a hostile file would run it in a process that decodes: each attempt returns `done`, or why it was refused."""

import errno
import os
import resource
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

DONE = "done"
"""Result of an attempt that has succeeded."""


def read(path: str) -> None:
    """Read a file."""
    Path(path).read_bytes()


def list_(path: str) -> None:
    """List a folder."""
    os.listdir(path)  # noqa: PTH208


def write(path: str) -> None:
    """Make a file."""
    Path(path).write_bytes(b"x")


def remove(path: str) -> None:
    """Remove a file."""
    Path(path).unlink()


def link(path: str) -> None:
    """Make a link to the root, where names would be taken for music."""
    Path(path).symlink_to("/")


def connect(port: str) -> None:
    """Connect to a TCP port."""
    socket.create_connection(("127.0.0.1", int(port)), 5).close()


def execute(program: str) -> None:
    """Execute a program."""
    subprocess.run([program], check=False)


def signal_(pid: str) -> None:
    """Send a signal to another process."""
    os.kill(int(pid), signal.SIGCONT)


def open_many(path: str) -> None:
    """Open a file ten thousand times."""
    kept = list[int]()
    try:
        for _ in range(10_000):
            kept.append(os.open(path, os.O_RDONLY))
    finally:
        for fd in kept:
            os.close(fd)


def grow(path: str) -> None:
    """Make a file of two gigabytes."""
    with Path(path).open("wb") as file:
        file.truncate(2 << 30)


def allocate(size: str) -> None:
    """Allocate memory."""
    bytearray(int(size))


ATTEMPTS: dict[str, Callable[[str], None]] = {
    it.__name__.strip("_"): it
    for it in (read, list_, write, remove, link, connect, execute, signal_, open_many, grow, allocate)
}


def attempt(name: str, argument: str) -> str:
    """Try something. Return `DONE`, or the name of the error."""
    try:
        ATTEMPTS[name](argument)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    except Exception as error:
        return type(error).__name__
    return DONE


def attempt_job(name: str, argument: str, alive: object) -> str:
    """Try something in a worker."""
    return attempt(name, argument)


def environment_job(alive: object) -> dict[str, str]:
    """Return the environment of a worker."""
    return dict(os.environ)


def limits_job(alive: object) -> dict[str, int]:
    """Return the limits of a worker, and its id."""
    limits = {name: resource.getrlimit(getattr(resource, name))[0] for name in dir(resource) if "RLIMIT_" in name}
    return limits | {"pid": os.getpid()}


def compute_job(alive: Callable[[], None]) -> None:
    """Compute for ever, with signs of life."""
    while True:
        sum(range(100_000))
        alive()


def hold_job(pid_file: str, alive: object) -> None:
    """Write the id of the process to a file, then compute in one call that no other thread can interrupt."""
    Path(pid_file).write_text(str(os.getpid()))
    sum(range(1 << 60))
